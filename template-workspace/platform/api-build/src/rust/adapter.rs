//! The adapter of a service: implements its trait and enforces the contract around each method.
//!
//! A request is checked before the service sees it. The rules of AIP-203 that need no stored value are enforced while
//! the request is decoded (OUTPUT_ONLY) or here. A `Create…` ignores the IDENTIFIER of its resource. An update may name
//! an IMMUTABLE field or set it only if the value is the stored one, which comes from the service's own `Get…`. In a
//! service without such a method, an update may not name or set the field. Fields that the viewer may not see are
//! removed from an answer.

use api_model::{
    message::{Field, Message, Shape, Types},
    service::{Method, Service, updated},
};
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::{clear, types};

/// The adapter and its implementation of the trait.
pub fn adapter(types: &Types, service: &Service) -> TokenStream {
    let (name, service_trait) = (&service.adapter, &service.ident);
    let module = &service.server_module;
    let methods = service
        .methods
        .iter()
        .map(|method| method_impl(types, service, method));
    let docs = format!(
        " Checks every request before the [`{service_trait}`]({module}::{service_trait}) inside sees it."
    );
    quote! {
        #[doc = #docs]
        struct #name<__S>(__S);

        impl<__S: #module::#service_trait> #module::#service_trait for #name<__S> {
            #(#methods)*
        }
    }
}

/// The expansion of `async_trait`, written out, so that the check needs no box of its own.
fn method_impl(types: &Types, service: &Service, method: &Method) -> TokenStream {
    let ident = &method.ident;
    let input = types::message(types, &method.input);
    let output = types::message(types, &method.output);
    let hides = clear::is_restricted_message(types, &method.output);
    let stream = method
        .streams_answers
        .then(|| format_ident!("{}Stream", method.name));
    let stream_type = stream.as_ref().map(|stream| match hides {
        true => quote!(type #stream = ::api_runtime::adapter::Hidden<#output>;),
        false => quote!(type #stream = __S::#stream;),
    });
    let answer = match &stream {
        Some(stream) => quote!(Self::#stream),
        None => quote!(#output),
    };
    let (request, checks) = if method.streams_requests {
        // The codec checks each request of the stream.
        (quote!(::tonic::Streaming<#input>), TokenStream::new())
    } else {
        (quote!(#input), checks(types, method))
    };
    let identifier = created_identifier(types, method);
    let mutable = identifier.as_ref().map(|_| quote!(mut));
    let call = immutable_check(types, service, method).map_or_else(
        || quote!(__S::#ident(&self.0, request)),
        |check| {
            quote! {
                ::std::boxed::Box::pin(async move {
                    #check
                    __S::#ident(&self.0, request).await
                })
            }
        },
    );
    let call = match (hides, method.streams_answers) {
        (false, _) => call,
        (true, false) => quote! {
            let viewer = ::api_runtime::Viewer::of(&request);
            ::api_runtime::adapter::hide(viewer, #call)
        },
        (true, true) => quote! {
            let viewer = ::api_runtime::Viewer::of(&request);
            ::api_runtime::adapter::hide_each(viewer, #call)
        },
    };
    quote! {
        #stream_type

        fn #ident<'life0, 'async_trait>(
            &'life0 self,
            #mutable request: ::tonic::Request<#request>,
        ) -> ::api_runtime::adapter::Answer<'async_trait, #answer>
        where
            'life0: 'async_trait,
            Self: 'async_trait,
        {
            #identifier
            #checks
            #call
        }
    }
}

/// The check of a request against the rules of its fields.
fn checks(types: &Types, method: &Method) -> TokenStream {
    let update = updated(&types.messages[&method.input]).and_then(|(resource, mask)| {
        let ty = types::message(types, resource.message()?);
        let (name, mask) = (&resource.name, &mask.ident);
        Some(quote! {
            ::api_runtime::check_update::<#ty>(request.get_ref(), #name, request.get_ref().#mask.as_ref())
        })
    });
    let check = update.unwrap_or_else(|| quote!(::api_runtime::check(request.get_ref())));
    quote! {
        if let Err(status) = #check {
            return ::api_runtime::adapter::refuse(status);
        }
    }
}

/// Clears the IDENTIFIER of a new resource: the server chooses it.
fn created_identifier(types: &Types, method: &Method) -> Option<TokenStream> {
    if !method.name.starts_with("Create") || method.streams_requests {
        return None;
    }
    let fields = types.messages[&method.input].fields.iter();
    let cleared: Vec<TokenStream> = fields
        .filter_map(|field| {
            let resource = &types.messages[field.message()?];
            let (ident, identifier) = (&field.ident, &identifier(resource)?.ident);
            Some(quote! {
                if let Some(resource) = &mut request.get_mut().#ident {
                    resource.#identifier = ::core::default::Default::default();
                }
            })
        })
        .collect();
    (!cleared.is_empty()).then(|| quote!(#(#cleared)*))
}

/// The statements that refuse an update of an IMMUTABLE field.
fn immutable_check(types: &Types, service: &Service, method: &Method) -> Option<TokenStream> {
    if method.streams_requests {
        return None;
    }
    let (field, mask) = updated(&types.messages[&method.input])?;
    let resource = &types.messages[field.message()?];
    if !resource.fields.iter().any(|field| field.behavior.immutable) {
        return None;
    }
    let (ident, name, json, mask) = (&field.ident, &field.name, &field.json, &mask.ident);
    let check = |stored: TokenStream| {
        quote! {
            ::api_runtime::check_immutable(
                request.get_ref().#ident.as_ref(),
                #stored,
                (#name, #json),
                request.get_ref().#mask.as_ref(),
            )
        }
    };
    let unknown = check(quote!(None));
    let Some(get) = Get::of(types, service, resource) else {
        return Some(quote!(#unknown?;));
    };
    let known = check(quote!(stored.as_ref()));
    let stored = get.call(types, ident);
    Some(quote! {
        if #unknown.is_err() {
            #stored
            #known?;
        }
    })
}

/// The standard method that reads one resource (AIP-131).
struct Get<'a> {
    method: &'a Method,
    /// The identifier in the resource and in the request of the method.
    identifier: &'a Field,
    wanted: &'a Field,
    /// The field of the answer that holds the resource; `None` if the answer is the resource.
    answer: Option<&'a Field>,
}

impl<'a> Get<'a> {
    fn of(types: &'a Types, service: &'a Service, resource: &'a Message) -> Option<Self> {
        let name = format!("Get{}", resource.name);
        let method = service.methods.iter().find(|method| method.name == name)?;
        if method.streams_requests || method.streams_answers {
            return None;
        }
        let identifier = identifier(resource)?;
        let wanted = types.messages[&method.input].field(&identifier.name)?;
        let same_shape = matches!(
            (&identifier.shape, &wanted.shape),
            (Shape::Value, Shape::Value) | (Shape::Optional, Shape::Optional)
        );
        if wanted.kind != identifier.kind || !same_shape {
            return None;
        }
        let answer = match method.output == resource.full_name {
            true => None,
            false => {
                let mut fields = types.messages[&method.output].fields.iter();
                Some(fields.find(|field| field.message() == Some(&resource.full_name))?)
            }
        };
        Some(Self {
            method,
            identifier,
            wanted,
            answer,
        })
    }

    /// Reads the stored version of the resource in this field of `request`.
    fn call(&self, types: &Types, field: &Ident) -> TokenStream {
        let (call, input) = (
            &self.method.ident,
            types::message(types, &self.method.input),
        );
        let (identifier, wanted) = (&self.identifier.ident, &self.wanted.ident);
        let stored = match self.answer {
            Some(Field { ident, .. }) => quote!(stored.#ident),
            None => quote!(Some(stored)),
        };
        quote! {
            let sent = request.get_ref().#field.clone().unwrap_or_default();
            let get = #input {
                #wanted: sent.#identifier,
                ..::core::default::Default::default()
            };
            let get = ::api_runtime::adapter::of_same_caller(&request, get);
            let stored = __S::#call(&self.0, get).await?.into_inner();
            let stored = #stored;
        }
    }
}

fn identifier(resource: &Message) -> Option<&Field> {
    let mut fields = resource.fields.iter();
    fields.find(|field| field.behavior.identifier)
}
