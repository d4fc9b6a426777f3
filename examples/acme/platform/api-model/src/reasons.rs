//! The enums of error reasons.

use heck::ToShoutySnakeCase;
use proc_macro2::Ident;
use prost_reflect::EnumDescriptor;

use crate::{comment::Comment, names::snake, options, problem::Error};

/// Every enum whose name ends in this is one.
const SUFFIX: &str = "ErrorReason";
const UNKNOWN: i32 = 2;

/// Why a call fails.
pub struct Reason {
    /// `USER_NOT_FOUND`
    pub name: String,
    /// Of its constructor.
    pub ident: Ident,
    /// A number of `google.rpc.Code`.
    pub code: i32,
    /// What the contract says of it.
    pub comment: Comment,
}

/// The reasons of an enum, none if it is not such an enum.
pub fn reasons(values: &EnumDescriptor, problems: &mut Error) -> Vec<Reason> {
    if !values.name().ends_with(SUFFIX) {
        return Vec::new();
    }
    let prefix = format!("{}_", values.name().to_shouty_snake_case());
    let mut reasons = Vec::new();
    for value in values.values().filter(|value| value.number() != 0) {
        let Some(name) = value.name().strip_prefix(&prefix) else {
            problems.add(
                &values.parent_file(),
                value.path(),
                format_args!(
                    "write {prefix}{}: a reason begins with the name of its enum",
                    value.name()
                ),
            );
            continue;
        };
        let code = options::code(&value).unwrap_or(UNKNOWN);
        if code == 0 {
            problems.add(
                &values.parent_file(),
                value.path(),
                "(platform.v1.code) = OK is no failure: write another code of google.rpc.Code",
            );
        }
        reasons.push(Reason {
            name: name.to_owned(),
            ident: snake(name),
            code,
            comment: Comment::of(&values.parent_file(), value.path()),
        });
    }
    reasons
}
