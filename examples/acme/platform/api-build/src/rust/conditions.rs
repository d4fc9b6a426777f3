//! One rule as a statement that adds a violation.

use api_model::{
    message::{ANY, Kind, Types},
    rule::{Comparison, Limit, Literal, Rule, Test, Unit},
};
use proc_macro2::{Literal as Token, TokenStream};
use quote::{ToTokens, quote};

/// A value in the generated code, in the three forms that checks use.
pub struct Checked {
    /// The value itself: `*value`, `self.name`.
    place: TokenStream,
    /// The receiver of a method call.
    receiver: TokenStream,
    pub reference: TokenStream,
}

impl Checked {
    /// A variable that holds a reference.
    pub fn reference(name: &TokenStream) -> Self {
        Self {
            place: quote!(*#name),
            receiver: name.clone(),
            reference: name.clone(),
        }
    }

    /// A field.
    pub fn place(place: &TokenStream) -> Self {
        Self {
            place: place.clone(),
            receiver: place.clone(),
            reference: quote!(&#place),
        }
    }

    /// The checked value and its type: the content of a wrapper, the type of an `Any`.
    fn of(&self, kind: &Kind) -> (Self, Kind) {
        let receiver = &self.receiver;
        let inner = match kind {
            Kind::Message(name) if name == ANY => {
                return (Self::place(&quote!(#receiver.type_url)), Kind::String);
            }
            Kind::Message(name) => match name.strip_prefix("google.protobuf.") {
                Some("StringValue") => Kind::String,
                Some("BytesValue") => Kind::Bytes,
                Some("BoolValue") => Kind::Bool,
                Some("DoubleValue") => Kind::Double,
                Some("FloatValue") => Kind::Float,
                Some("Int32Value") => Kind::Int32,
                Some("Int64Value") => Kind::Int64,
                Some("UInt32Value") => Kind::Uint32,
                Some("UInt64Value") => Kind::Uint64,
                _ => return (self.copy(), kind.clone()),
            },
            kind => return (self.copy(), kind.clone()),
        };
        (Self::place(&quote!(#receiver.value)), inner)
    }

    fn copy(&self) -> Self {
        Self {
            place: self.place.clone(),
            receiver: self.receiver.clone(),
            reference: self.reference.clone(),
        }
    }

    pub fn finite(&self, kind: &Kind) -> TokenStream {
        let place = &self.place;
        match kind {
            Kind::Float => quote!(violations.finite(at, f64::from(#place));),
            _ => quote!(violations.finite(at, #place);),
        }
    }
}

/// A statement that adds a violation if the rule is broken.
pub fn statement(types: &Types, rule: &Rule, value: &Checked, kind: &Kind) -> TokenStream {
    let (value, kind) = value.of(kind);
    let Rule { id, message, test } = rule;
    let broken = broken(types, test, &value, &kind);
    let check = quote! {
        if #broken {
            violations.add(at, #id, #message);
        }
    };
    match test {
        Test::Pattern { regex, .. } => quote! {
            {
                static PATTERN: ::api_runtime::rules::Pattern = ::api_runtime::rules::Pattern::new(#regex);
                #check
            }
        },
        _ => check,
    }
}

/// The condition that a value breaks a rule.
fn broken(types: &Types, test: &Test, value: &Checked, kind: &Kind) -> TokenStream {
    let Checked {
        place,
        receiver,
        reference,
    } = value;
    match test {
        Test::In(values) => listed(values, value, true),
        Test::NotIn(values) => listed(values, value, false),
        Test::Length(unit, limit, count) => {
            let length = match unit {
                Unit::Characters => quote!(#receiver.chars().count()),
                Unit::Bytes | Unit::Elements | Unit::Entries => quote!(#receiver.len()),
            };
            let count = Token::u64_unsuffixed(*count);
            match limit {
                Limit::Exactly => quote!(#length != #count),
                Limit::AtLeast => quote!(#length < #count),
                Limit::AtMost => quote!(#length > #count),
            }
        }
        Test::Compare(comparison, limit) => match limit {
            // NaN compares with nothing: it is neither inside nor outside a bound.
            Literal::Float(_) | Literal::Double(_) => {
                let holds = compared(place, *comparison, limit);
                quote!(!(#holds))
            }
            Literal::Time(..) => compared(&time(receiver), opposite(*comparison), limit),
            _ => compared(place, opposite(*comparison), limit),
        },
        Test::Either((one, limit), (other, bound)) => {
            let compared = |comparison, limit: &Literal| match limit {
                Literal::Time(..) => compared(&time(receiver), comparison, limit),
                _ => compared(place, comparison, limit),
            };
            let (one, other) = (compared(*one, limit), compared(*other, bound));
            quote!(!(#one || #other))
        }
        Test::Decimal(comparison, limit) => {
            let broken = match comparison {
                Comparison::Greater => quote!(is_le),
                Comparison::AtLeast => quote!(is_lt),
                Comparison::Less => quote!(is_ge),
                Comparison::AtMost => quote!(is_gt),
            };
            quote!(::api_runtime::rules::decimal(#reference, #limit).is_some_and(|order| order.#broken()))
        }
        Test::Pattern { .. } if *kind == Kind::Bytes => {
            quote!(!::core::str::from_utf8(#reference).is_ok_and(|text| PATTERN.matches(text)))
        }
        Test::Pattern { .. } => quote!(!PATTERN.matches(#reference)),
        Test::Prefix(part) => {
            let part = literal(part);
            quote!(!#receiver.starts_with(#part))
        }
        Test::Suffix(part) => {
            let part = literal(part);
            quote!(!#receiver.ends_with(#part))
        }
        Test::Contains(Literal::Bytes(part)) => {
            let part = Token::byte_string(part);
            quote!(!::api_runtime::rules::contains(#reference, #part))
        }
        Test::Contains(part) => {
            let part = literal(part);
            quote!(!#receiver.contains(#part))
        }
        Test::NotContains(part) => quote!(#receiver.contains(#part)),
        Test::Format(format) => {
            let format = quote::format_ident!("{format}");
            quote!(!::api_runtime::rules::formats::#format(#reference))
        }
        Test::Paths(paths) => quote!(#receiver.paths != [#(#paths),*]),
        Test::PathsIn(paths) => {
            quote!(!#receiver.paths.iter().all(|path| ::api_runtime::rules::names(path, &[#(#paths),*])))
        }
        Test::PathsNotIn(paths) => {
            quote!(#receiver.paths.iter().any(|path| ::api_runtime::rules::names(path, &[#(#paths),*])))
        }
        Test::Defined => {
            let ty = match kind {
                Kind::Enum(name) => &types.enums[name].ty,
                _ => &None,
            };
            quote!(<#ty as ::api_runtime::json::EnumValue>::name(#place).is_none())
        }
        Test::Unique => {
            // Zero equals minus zero, and NaN equals nothing.
            let elements = match kind {
                Kind::Double | Kind::Float => quote! {
                    #receiver.iter().filter(|value| !value.is_nan()).map(|value| (value + 0.0).to_bits())
                },
                _ => quote!(#receiver.iter()),
            };
            quote!(!::api_runtime::rules::unique(#elements))
        }
        Test::Past => {
            let time = time(receiver);
            quote!(#time > ::api_runtime::rules::now())
        }
        Test::Future => {
            let time = time(receiver);
            quote!(#time < ::api_runtime::rules::now())
        }
        Test::Within(seconds, nanos) => {
            let (seconds, nanos) = (number((*seconds).into()), number((*nanos).into()));
            quote!(!::api_runtime::rules::within(#reference, #seconds, #nanos))
        }
    }
}

/// The condition that a value breaks a list rule: it is missing from an allow list, or present in a deny list.
fn listed(values: &[Literal], value: &Checked, wanted: bool) -> TokenStream {
    let Checked {
        place,
        receiver,
        reference,
    } = value;
    let (place, reference) = match values.first() {
        Some(Literal::Text(_)) => (quote!(#receiver.as_str()), quote!(&#receiver.as_str())),
        Some(Literal::Bytes(_)) => (quote!(#receiver.as_slice()), quote!(&#receiver.as_slice())),
        Some(Literal::Time(..)) => {
            let time = time(receiver);
            (time.clone(), quote!(&#time))
        }
        _ => (place.clone(), reference.clone()),
    };
    // NaN equals nothing.
    let values: Vec<&Literal> = values.iter().filter(|value| !value.is_nan()).collect();
    let listed: Vec<TokenStream> = values.iter().map(|value| literal(value)).collect();
    match (values.as_slice(), wanted) {
        ([], wanted) => quote!(#wanted),
        ([Literal::Bool(truth)], wanted) if *truth == wanted => quote!(!#place),
        ([Literal::Bool(_)], _) => place,
        ([_], true) => quote!(#place != #(#listed)*),
        ([_], false) => quote!(#place == #(#listed)*),
        ([Literal::Bytes(_), ..], true) => quote!(![#(&#listed[..]),*].contains(#reference)),
        ([Literal::Bytes(_), ..], false) => quote!([#(&#listed[..]),*].contains(#reference)),
        (_, true) => quote!(![#(#listed),*].contains(#reference)),
        (_, false) => quote!([#(#listed),*].contains(#reference)),
    }
}

fn time(receiver: &TokenStream) -> TokenStream {
    quote!((#receiver.seconds, #receiver.nanos))
}

fn compared(value: &TokenStream, comparison: Comparison, limit: &Literal) -> TokenStream {
    let limit = literal(limit);
    match comparison {
        Comparison::Greater => quote!(#value > #limit),
        Comparison::AtLeast => quote!(#value >= #limit),
        Comparison::Less => quote!(#value < #limit),
        Comparison::AtMost => quote!(#value <= #limit),
    }
}

fn opposite(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Greater => Comparison::AtMost,
        Comparison::AtLeast => Comparison::Less,
        Comparison::Less => Comparison::AtLeast,
        Comparison::AtMost => Comparison::Greater,
    }
}

fn literal(value: &Literal) -> TokenStream {
    match value {
        Literal::Bool(value) => quote!(#value),
        Literal::Int(value) => number(*value),
        Literal::Float(value) if value.is_finite() => {
            signed(value.is_sign_negative(), Token::f32_unsuffixed(value.abs()))
        }
        Literal::Float(value) => endless(&quote!(f32), (*value).into()),
        Literal::Double(value) if value.is_finite() => {
            signed(value.is_sign_negative(), Token::f64_unsuffixed(value.abs()))
        }
        Literal::Double(value) => endless(&quote!(f64), *value),
        Literal::Text(value) => quote!(#value),
        Literal::Bytes(value) => Token::byte_string(value).to_token_stream(),
        Literal::Time(seconds, nanos) => {
            let (seconds, nanos) = (number((*seconds).into()), number((*nanos).into()));
            quote!((#seconds, #nanos))
        }
    }
}

fn number(value: i128) -> TokenStream {
    signed(value < 0, Token::u128_unsuffixed(value.unsigned_abs()))
}

fn signed(negative: bool, value: Token) -> TokenStream {
    if negative {
        quote!(-#value)
    } else {
        quote!(#value)
    }
}

fn endless(float: &TokenStream, value: f64) -> TokenStream {
    if value.is_nan() {
        quote!(#float::NAN)
    } else if value > 0.0 {
        quote!(#float::INFINITY)
    } else {
        quote!(#float::NEG_INFINITY)
    }
}
