//! What a server needs from a service: the table of its methods, its REST routes, and the function that turns an
//! implementation into a `Contract`.

use std::time::Duration;

use api_model::{
    Contract,
    http::{Binding, Body},
    message::{ANY, Field, HTTP_BODY, Message, Shape, Types},
    policy::{Access, Policy},
    service::{Method, Service},
    template::{Segment, Template},
};
use proc_macro2::{Ident, Literal, TokenStream};
use quote::{format_ident, quote};

use super::{docs::docs, types};

/// The table, the function and the rules of a service.
pub fn contract(contract: &Contract, service: &Service) -> TokenStream {
    let types = &contract.types;
    let (name, full_name) = (&service.ident, &service.full_name);
    let (constructor, module, adapter) = (
        &service.constructor,
        &service.server_module,
        &service.adapter,
    );
    let server = format_ident!("{name}Server");
    let (table, rules_table) = (&service.methods_table, &service.rules_table);
    let mut routes = TokenStream::new();
    let mut rules = Vec::new();
    for (index, method) in service.methods.iter().enumerate() {
        for binding in &method.bindings {
            let rule = Literal::usize_unsuffixed(rules.len());
            let rule = quote!(&#rules_table[#rule]);
            rules.push(rule_of(types, method, binding));
            let index = Literal::usize_unsuffixed(index);
            let method_of_table = quote!(&#table[#index]);
            routes.extend(route(
                types,
                service,
                method,
                binding,
                &rule,
                &method_of_table,
            ));
        }
    }
    let any = any_types(contract, service);
    let methods = methods(table, service);
    let count = rules.len();
    // Beside the file that this becomes a part of.
    let openapi = document(contract, service);
    let docs = docs(&service.comment, &format!("Serves `{full_name}`."));
    let made = format!(
        " Makes a contract of an implementation of [`{name}`]({module}::{name}), with everything that a server needs to offer it."
    );
    let rules = (count > 0).then(|| {
        let docs = format!(" How REST requests become calls of `{full_name}`.");
        quote! {
            #[doc = #docs]
            static #rules_table: [::api_runtime::rest::Rule; #count] = [#(#rules),*];
        }
    });
    quote! {
        #methods

        #docs
        ///
        #[doc = #made]
        /// Requests are checked before `service` sees them.
        pub fn #constructor<__S: #module::#name>(service: __S) -> ::api_runtime::Contract {
            #any
            let service = ::std::sync::Arc::new(#adapter(service));
            let rest = [#routes];
            ::api_runtime::Contract::new(
                ::api_runtime::Description {
                    name: #full_name,
                    methods: &#table,
                    descriptor_set: DESCRIPTOR_SET,
                    openapi: ::core::include_str!(#openapi),
                },
                #module::#server::from_arc(service)
                    .max_decoding_message_size(::api_runtime::LARGEST_MESSAGE),
                rest,
            )
        }

        #rules
    }
}

/// The static that the services of a contract share.
pub fn descriptor_set(contract: &Contract) -> Option<TokenStream> {
    let file = format!("{}.bin", contract.version);
    (!contract.services.is_empty()).then(|| {
        quote! {
            /// The contract and all that it imports, for reflection.
            static DESCRIPTOR_SET: &[u8] =
                ::core::include_bytes!(#file);
        }
    })
}

/// The name of the file with the OpenAPI document of one service.
pub fn document(contract: &Contract, service: &Service) -> String {
    format!("{}.{}.json", contract.version, service.constructor)
}

fn methods(table: &Ident, service: &Service) -> TokenStream {
    let methods = service.methods.iter().map(|method| {
        let (path, streams) = (&method.path, method.streams_answers);
        let policy = policy(&method.policy);
        quote! {
            ::api_runtime::Method {
                path: #path,
                policy: #policy,
                streams: #streams,
            }
        }
    });
    let count = Literal::usize_unsuffixed(service.methods.len());
    let docs = format!(
        " The methods of `{}`, with what is demanded of a call.",
        service.full_name
    );
    quote! {
        #[doc = #docs]
        static #table: [::api_runtime::Method; #count] = [#(#methods),*];
    }
}

fn policy(policy: &Policy) -> TokenStream {
    let Policy {
        access,
        any_role,
        all_scopes,
        owner,
        rate_limit,
        timeout,
    } = policy;
    let access = match access {
        Access::Public => quote!(Public),
        Access::Authenticated => quote!(Authenticated),
        Access::Internal => quote!(Internal),
    };
    let rate_limit = rate_limit.as_ref().map(|(requests, per)| {
        let (requests, per) = (Literal::u32_unsuffixed(*requests), duration(*per));
        quote!(::api_runtime::RateLimit { requests: #requests, per: #per })
    });
    let owner = option(owner.as_ref().map(|owner| quote!(#owner)));
    let rate_limit = option(rate_limit);
    let timeout = option(timeout.map(duration));
    quote! {
        ::api_runtime::Policy {
            access: ::api_runtime::Access::#access,
            any_role: &[#(#any_role),*],
            all_scopes: &[#(#all_scopes),*],
            owner: #owner,
            rate_limit: #rate_limit,
            timeout: #timeout,
        }
    }
}

fn option(value: Option<TokenStream>) -> TokenStream {
    match value {
        Some(value) => quote!(Some(#value)),
        None => quote!(None),
    }
}

fn duration(duration: Duration) -> TokenStream {
    let seconds = Literal::u64_unsuffixed(duration.as_secs());
    match duration.subsec_nanos() {
        0 => quote!(::core::time::Duration::from_secs(#seconds)),
        nanos => {
            let nanos = Literal::u32_unsuffixed(nanos);
            quote!(::core::time::Duration::new(#seconds, #nanos))
        }
    }
}

/// How a binding maps a request.
fn rule_of(types: &Types, method: &Method, binding: &Binding) -> TokenStream {
    let Binding {
        verb,
        template,
        body,
        ..
    } = binding;
    let template = template_of(template);
    let (body, body_json) = match body {
        Body::None => ("", ""),
        Body::Whole => ("*", "*"),
        Body::Field(name) => {
            let field = types.messages[&method.input].field(name);
            (name.as_str(), field.map_or("", |field| &field.json))
        }
    };
    quote! {
        ::api_runtime::rest::Rule {
            verb: #verb,
            template: #template,
            body: #body,
            body_json: #body_json,
        }
    }
}

fn template_of(template: &Template) -> TokenStream {
    let Template {
        text,
        segments,
        verb,
        variables,
    } = template;
    let segments = segments.iter().map(|segment| match segment {
        Segment::Literal(word) => quote!(::api_runtime::rest::Segment::Literal(#word)),
        Segment::One => quote!(::api_runtime::rest::Segment::One),
        Segment::Rest => quote!(::api_runtime::rest::Segment::Rest),
    });
    let verb = option(verb.as_ref().map(|verb| quote!(#verb)));
    let variables = variables.iter().map(|variable| {
        let (field, json) = (&variable.field, &variable.json);
        let first = Literal::usize_unsuffixed(variable.first);
        let end = Literal::usize_unsuffixed(variable.end);
        quote!(::api_runtime::rest::Variable { field: #field, json: #json, first: #first, end: #end })
    });
    quote! {
        ::api_runtime::rest::Template {
            text: #text,
            segments: &[#(#segments),*],
            verb: #verb,
            variables: &[#(#variables),*],
        }
    }
}

fn route(
    types: &Types,
    service: &Service,
    method: &Method,
    binding: &Binding,
    rule: &TokenStream,
    method_of_table: &TokenStream,
) -> TokenStream {
    let decode = decode(types, &types.messages[&method.input], &binding.body);
    let answer = &types.messages[&method.output];
    let encode = encode(types, answer, binding.response_body.as_deref());
    let kind = if method.streams_answers {
        quote!(stream)
    } else {
        quote!(unary)
    };
    let (module, service_trait, call) = (&service.server_module, &service.ident, &method.ident);
    quote! {
        ::api_runtime::rest::#kind(
            #method_of_table,
            #rule,
            #decode,
            #encode,
            &service,
            |service, request| async move {
                #module::#service_trait::#call(&*service, request).await
            },
        ),
    }
}

/// A closure that decodes the body into the request.
fn decode(types: &Types, input: &Message, body: &Body) -> TokenStream {
    let ty = &input.ty;
    let field = match body {
        Body::None => return quote!(|_: &mut #ty, _, _| ()),
        Body::Whole if input.full_name == HTTP_BODY => {
            return quote!(|message: &mut #ty, body, _| *message = body.raw());
        }
        Body::Whole => {
            let kind = types::json(
                types,
                &api_model::message::Kind::Message(input.full_name.clone()),
            );
            return quote! {
                |message: &mut #ty, body, violations| {
                    if let Some(value) = body.read::<#kind>("", violations) {
                        *message = value;
                    }
                }
            };
        }
        Body::Field(name) => input.field(name),
    };
    let Some(field) = field else {
        return TokenStream::new();
    };
    let (ident, name) = (&field.ident, &field.json);
    if is_http_body(field) {
        return quote!(|message: &mut #ty, body, _| message.#ident = Some(body.raw()));
    }
    let set = match (&field.shape, types::member(input, field)) {
        (_, Some((variant, oneof))) => {
            let oneof = &oneof.ident;
            quote!(message.#oneof = Some(#variant(value.into())))
        }
        (Shape::Optional, _) => quote!(message.#ident = Some(value.into())),
        _ => quote!(message.#ident = value),
    };
    let kind = types::json_field(types, field);
    quote! {
        |message: &mut #ty, body, violations| {
            if let Some(value) = body.read::<#kind>(#name, violations) {
                #set;
            }
        }
    }
}

/// A closure that encodes the answer as a body.
fn encode(types: &Types, output: &Message, field: Option<&str>) -> TokenStream {
    let ty = &output.ty;
    let reply = quote!(::api_runtime::rest::Reply);
    let Some(field) = field.and_then(|name| output.field(name)) else {
        let form = match output.full_name.as_str() {
            HTTP_BODY => quote!(raw),
            _ => quote!(json),
        };
        return quote!(|message: &#ty| #reply::#form(message));
    };
    let ident = &field.ident;
    if is_http_body(field) {
        return quote!(|message: &#ty| #reply::raw(&message.#ident.clone().unwrap_or_default()));
    }
    let kind = types::json_field(types, field);
    let (set, place) = match (&field.shape, types::member(output, field)) {
        (_, Some((variant, oneof))) => {
            let oneof = &oneof.ident;
            (quote!(Some(#variant(value))), quote!(message.#oneof))
        }
        (Shape::Optional, _) => (quote!(Some(value)), quote!(message.#ident)),
        _ => return quote!(|message: &#ty| #reply::field::<#kind>(&message.#ident)),
    };
    quote! {
        |message: &#ty| match &#place {
            #set => #reply::field::<#kind>(value),
            _ => #reply::null(),
        }
    }
}

/// Whether a field holds bytes of any content type.
fn is_http_body(field: &Field) -> bool {
    field.kind.is(HTTP_BODY) && !matches!(field.shape, Shape::List | Shape::Map(_))
}

/// Registers the messages of the contract with `Any`, if the service uses `Any` at all.
fn any_types(contract: &Contract, service: &Service) -> TokenStream {
    let is_any = |message: &Message| message.full_name == ANY;
    let meets = |message: &String| contract.types.reaches(message, &is_any);
    let mut used = service
        .methods
        .iter()
        .flat_map(|method| [&method.input, &method.output]);
    if !used.any(meets) {
        return TokenStream::new();
    }
    let types = contract.messages().map(|message| {
        let (name, ty) = (&message.full_name, &message.ty);
        quote!((#name, ::api_runtime::wkt::AnyType::of::<#ty>()))
    });
    quote!(::api_runtime::wkt::register(&[#(#types),*]);)
}
