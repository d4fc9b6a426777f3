fn main() {
    // The migrations are embedded in the binary, and cargo does not notice a new folder among them.
    println!("cargo::rerun-if-changed=migrations");
}
