//! The enums of error reasons.

use heck::ToShoutySnakeCase;
use proc_macro2::Ident;
use prost_reflect::EnumDescriptor;

use crate::{
    comment::Comment,
    names::{Scope, snake},
    options,
    problem::Error,
};

/// An enum is one if its name has this suffix.
const SUFFIX: &str = "ErrorReason";
const UNKNOWN: i32 = 2;

/// A reason of an error.
pub struct Reason {
    /// `USER_NOT_FOUND`
    pub name: String,
    /// The name of its constructor.
    pub ident: Ident,
    /// Its `google.rpc.Code`.
    pub code: i32,
    /// Its comment in the contract.
    pub comment: Comment,
}

/// The reasons of an enum; empty for any other enum.
pub fn reasons(
    values: &EnumDescriptor,
    constructors: &mut Scope,
    problems: &mut Error,
) -> Vec<Reason> {
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
        let ident = snake(name);
        let place = (&values.parent_file(), value.path());
        constructors.claim(&ident, &format!("reason {name}"), place, problems);
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
            ident,
            code,
            comment: Comment::of(&values.parent_file(), value.path()),
        });
    }
    reasons
}
