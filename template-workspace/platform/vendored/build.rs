fn main() -> std::process::ExitCode {
    api_build::compile_vendored()
}
