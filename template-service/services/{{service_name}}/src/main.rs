use std::process::ExitCode;

use {{service_crate}}::server::SERVICE;

fn main() -> ExitCode {
    platform::run(&SERVICE, &[])
}
