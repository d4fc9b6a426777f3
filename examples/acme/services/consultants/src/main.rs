use std::process::ExitCode;

use consultants::server::SERVICE;

fn main() -> ExitCode {
    platform::run(&SERVICE, &[])
}
