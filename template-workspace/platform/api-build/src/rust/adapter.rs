//! The adapter of a service: its trait again, with each method behind the checks of its request.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::types;
use api_model::{
    message::{Message, Types},
    service::{Method, Service, updated},
};

/// The name of the adapter.
pub fn name(service: &Service) -> Ident {
    format_ident!("Checked{}", service.ident)
}

pub fn adapter(types: &Types, service: &Service) -> TokenStream {
    let (name, service_trait) = (name(service), &service.ident);
    let module = server_module(service);
    let methods = service.methods.iter().map(|method| checked(types, method));
    let docs = format!(
        " Checks every request before the [`{service_trait}`]({module}::{service_trait}) inside sees it."
    );
    quote! {
        #[doc = #docs]
        struct #name<S>(S);

        impl<S: #module::#service_trait> #module::#service_trait for #name<S> {
            #(#methods)*
        }
    }
}

/// The module that tonic makes of the server of a service.
pub fn server_module(service: &Service) -> Ident {
    format_ident!("{}_server", service.constructor)
}

/// What `async_trait` makes of an async fn, written out: the check needs no box of its own.
fn checked(types: &Types, method: &Method) -> TokenStream {
    let ident = &method.ident;
    let input = types::message(types, &method.input);
    let output = types::message(types, &method.output);
    let stream = method
        .streams_answers
        .then(|| format_ident!("{}Stream", method.name));
    let stream_type = stream
        .as_ref()
        .map(|stream| quote!(type #stream = S::#stream;));
    let answer = match &stream {
        Some(stream) => quote!(Self::#stream),
        None => quote!(#output),
    };
    let request = if method.streams_requests {
        quote!(::tonic::Streaming<#input>)
    } else {
        quote!(#input)
    };
    let body = if method.streams_requests {
        // tonic's stream cannot be wrapped, so its messages reach the service unchecked: it calls `check`.
        quote!(self.0.#ident(request))
    } else {
        let check = check(types, &types.messages[&method.input]);
        quote! {
            match #check {
                Ok(()) => self.0.#ident(request),
                Err(status) => ::api_runtime::adapter::refuse(status),
            }
        }
    };
    quote! {
        #stream_type

        fn #ident<'life0, 'async_trait>(
            &'life0 self,
            request: ::tonic::Request<#request>,
        ) -> ::api_runtime::adapter::Answer<'async_trait, #answer>
        where
            'life0: 'async_trait,
            Self: 'async_trait,
        {
            #body
        }
    }
}

/// The call that checks a request.
fn check(types: &Types, input: &Message) -> TokenStream {
    let update = updated(input).and_then(|(resource, mask)| {
        let ty = types::message(types, resource.message()?);
        let (name, mask) = (&resource.name, &mask.ident);
        Some(quote! {
            ::api_runtime::check_update::<#ty>(request.get_ref(), #name, request.get_ref().#mask.as_ref())
        })
    });
    update.unwrap_or_else(|| quote!(::api_runtime::check(request.get_ref())))
}
