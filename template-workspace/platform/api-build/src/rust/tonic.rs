//! Server and client of a service, as tonic generates them.

use api_model::{
    message::Types,
    service::{Method, Service},
};
use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::ItemMod;
use tonic_build::CodeGenBuilder;

use super::types;

/// The module with the client.
pub fn client(package: &str, types: &Types, service: &Service) -> Result<ItemMod, syn::Error> {
    let service = TonicService::new(package, types, service, |_| "::tonic_prost::ProstCodec");
    let code = CodeGenBuilder::new().generate_client(&service, "super");
    named(code, &service.service.client_module)
}

/// The module with the server, which uses our own codecs.
pub fn server(package: &str, types: &Types, service: &Service) -> Result<ItemMod, syn::Error> {
    let service = TonicService::new(package, types, service, |method| {
        match method.streams_requests {
            true => "::api_runtime::codec::StreamCodec",
            false => "::api_runtime::codec::ServerCodec",
        }
    });
    let code = CodeGenBuilder::new().generate_server(&service, "super");
    named(code, &service.service.server_module)
}

/// The module that tonic makes, with the name that the model has for it.
fn named(code: TokenStream, name: &Ident) -> Result<ItemMod, syn::Error> {
    let mut module: ItemMod = syn::parse2(code)?;
    module.ident = name.clone();
    Ok(module)
}

struct TonicService<'a> {
    package: &'a str,
    name: String,
    service: &'a Service,
    methods: Vec<TonicMethod<'a>>,
}

struct TonicMethod<'a> {
    method: &'a Method,
    ident: String,
    codec: &'static str,
    types: &'a Types,
}

impl<'a> TonicService<'a> {
    fn new(
        package: &'a str,
        types: &'a Types,
        service: &'a Service,
        codec: fn(&Method) -> &'static str,
    ) -> Self {
        let methods = service.methods.iter().map(|method| TonicMethod {
            method,
            ident: method.ident.to_string(),
            codec: codec(method),
            types,
        });
        Self {
            package,
            name: service.ident.to_string(),
            methods: methods.collect(),
            service,
        }
    }
}

impl<'a> tonic_build::Service for TonicService<'a> {
    type Comment = String;
    type Method = TonicMethod<'a>;

    fn name(&self) -> &str {
        &self.name
    }

    fn package(&self) -> &str {
        self.package
    }

    fn identifier(&self) -> &str {
        &self.service.name
    }

    fn methods(&self) -> &[Self::Method] {
        &self.methods
    }

    fn comment(&self) -> &[String] {
        self.service.comment.lines()
    }
}

impl tonic_build::Method for TonicMethod<'_> {
    type Comment = String;

    fn name(&self) -> &str {
        &self.ident
    }

    fn identifier(&self) -> &str {
        &self.method.name
    }

    fn codec_path(&self) -> &str {
        self.codec
    }

    fn client_streaming(&self) -> bool {
        self.method.streams_requests
    }

    fn server_streaming(&self) -> bool {
        self.method.streams_answers
    }

    fn comment(&self) -> &[String] {
        self.method.comment.lines()
    }

    /// The types, as paths from a module inside the messages' module.
    fn request_response_name(&self, _: &str, _: bool) -> (TokenStream, TokenStream) {
        let from_inside = |message: &str| {
            let ty = types::message(self.types, message);
            let own = ty.as_ref().is_some_and(|ty| {
                let first = ty.segments.first();
                ty.leading_colon.is_none() && first.is_some_and(|first| first.ident != "crate")
            });
            if own { quote!(super::#ty) } else { quote!(#ty) }
        };
        (
            from_inside(&self.method.input),
            from_inside(&self.method.output),
        )
    }
}
