//! What the templates write, and what they refuse: rendered in process, nothing is built.

mod names;
mod output;
mod refusals;
mod support;
mod templates;
mod workspaces;
