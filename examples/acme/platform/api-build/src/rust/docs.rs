use api_model::Comment;
use proc_macro2::TokenStream;
use quote::quote;

/// The comment of a declaration as a doc comment, or another sentence if it has none.
pub fn docs(comment: &Comment, otherwise: &str) -> TokenStream {
    let lines = comment.lines().iter().map(|line| format!(" {line}"));
    let mut lines: Vec<String> = lines.collect();
    if lines.is_empty() {
        lines.push(format!(" {otherwise}"));
    }
    quote!(#(#[doc = #lines])*)
}
