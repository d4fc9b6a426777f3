fn main() -> std::process::ExitCode {
    api_generator::compile()
}
