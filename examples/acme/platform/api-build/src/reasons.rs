//! The enum of error reasons as constructors.

use std::fmt::Write;

use heck::{ToShoutySnakeCase, ToSnakeCase};
use prost_reflect::EnumDescriptor;

use crate::{names, options, problem::Error, source::Source};

/// Every enum whose name ends in this is one.
const SUFFIX: &str = "ErrorReason";
const UNKNOWN: i32 = 2;

/// `pub mod errors`, when the contract has reasons.
pub fn generate(source: &Source, problems: &mut Error) -> String {
    let mut code = String::new();
    for file in source.own_files() {
        for reasons in file
            .enums()
            .filter(|reasons| reasons.name().ends_with(SUFFIX))
        {
            constructors(source, &reasons, problems, &mut code);
        }
    }
    if code.is_empty() {
        return code;
    }
    format!("/// Why calls fail, one constructor for each reason.\npub mod errors {{\n{code}}}\n")
}

fn constructors(
    source: &Source,
    reasons: &EnumDescriptor,
    problems: &mut Error,
    code: &mut String,
) {
    let prefix = format!("{}_", reasons.name().to_shouty_snake_case());
    for value in reasons.values().filter(|value| value.number() != 0) {
        let Some(reason) = value.name().strip_prefix(&prefix) else {
            problems.add(
                &reasons.parent_file(),
                value.path(),
                format_args!(
                    "write {prefix}{}: a reason begins with the name of its enum",
                    value.name()
                ),
            );
            continue;
        };
        let number = options::code(&value).unwrap_or(UNKNOWN);
        if number == 0 {
            problems.add(
                &reasons.parent_file(),
                value.path(),
                "(platform.v1.code) = OK is no failure: write another code of google.rpc.Code",
            );
        }
        let _ = write!(
            code,
            "    /// Reason `{reason}`.\n    \
             pub fn {}(message: impl ::core::convert::Into<::std::string::String>) -> ::api_runtime::Error {{\n        \
             ::api_runtime::Error::new(::tonic::Code::from_i32({number}), {reason:?}, {:?}, message)\n    }}\n",
            names::snake(&reason.to_snake_case()),
            source.package,
        );
    }
}
