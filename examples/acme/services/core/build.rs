fn main() {
    // The migrations are part of the binary, and cargo does not see a new folder among them by itself.
    println!("cargo::rerun-if-changed=migrations");
}
