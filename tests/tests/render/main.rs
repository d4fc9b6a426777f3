//! The output of the templates and their refusals: rendered in process, without a build.

mod names;
mod output;
mod refusals;
mod support;
mod templates;
mod workspaces;
