use std::process::ExitCode;

use core_service::{
    commands::Command,
    server::{MOUNTED, SERVICE},
};

fn main() -> ExitCode {
    platform::run_with::<Command>(&SERVICE, MOUNTED)
}
