//! Error constructors for the reasons of a contract.

use api_model::Contract;
use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::docs::docs;

/// The module `errors`, if the contract has reasons.
pub fn module(contract: &Contract) -> Option<TokenStream> {
    let (module, domain) = (&contract.errors, &contract.package);
    let constructors = contract.reasons.iter().map(|reason| {
        let (name, ident) = (&reason.name, &reason.ident);
        let code = Literal::i32_unsuffixed(reason.code);
        let docs = docs(&reason.comment, &format!("Reason `{name}`."));
        quote! {
            #docs
            pub fn #ident(
                message: impl ::core::convert::Into<::std::string::String>,
            ) -> ::api_runtime::Error {
                ::api_runtime::Error::new(::tonic::Code::from_i32(#code), #name, #domain, message)
            }
        }
    });
    (!contract.reasons.is_empty()).then(|| {
        quote! {
            /// Why calls fail, one constructor for each reason.
            pub mod #module {
                #(#constructors)*
            }
        }
    })
}
