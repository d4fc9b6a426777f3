use std::process::ExitCode;

use core_service::server::{MOUNTED, SERVICE};

fn main() -> ExitCode {
    platform::run(&SERVICE, MOUNTED)
}
