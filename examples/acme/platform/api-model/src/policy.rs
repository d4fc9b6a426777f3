//! The policy of a method: `platform.v1.policy`.

use std::time::Duration;

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MethodDescriptor};

use crate::{options, problem::Error};

/// Who may call a method, how often, and for how long.
#[derive(Default)]
pub struct Policy {
    /// Who may call the method at all.
    pub access: Access,
    /// The caller must have one of these roles, if there are any.
    pub any_role: Vec<String>,
    /// The caller must have all of these scopes.
    pub all_scopes: Vec<String>,
    /// The field of the stored resource that must hold the caller's subject.
    pub owner: Option<String>,
    /// A number of requests and the time for them.
    pub rate_limit: Option<(u32, Duration)>,
    /// The timeout of a call.
    pub timeout: Option<Duration>,
}

/// Who may call a method at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// Everyone.
    Public,
    /// Everyone with a valid token.
    #[default]
    Authenticated,
    /// Other services of the workspace.
    Internal,
}

impl Policy {
    /// Reads the policy of a method. A missing or contradictory policy is a problem.
    pub fn of(method: &MethodDescriptor, problems: &mut Error) -> Self {
        read(method).unwrap_or_else(|problem| {
            let problem = format!("platform.v1.policy of {}: {problem}", method.name());
            problems.add(&method.parent_file(), method.path(), problem);
            Self::default()
        })
    }
}

fn read(method: &MethodDescriptor) -> Result<Policy, String> {
    let pool = method.parent_pool();
    let Some(message) = options::message(pool, &method.options(), "platform.v1.policy") else {
        return Err("there is none: say who may call it, such as `option (platform.v1.policy) = {access: ACCESS_AUTHENTICATED};`".to_owned());
    };
    let any_role = names(&message, "any_role")?;
    let all_scopes = names(&message, "all_scopes")?;
    let owner = options::text(&message, "owner");
    let demands = !any_role.is_empty() || !all_scopes.is_empty() || owner.is_some();
    let access = match enum_number(&message, "access") {
        0 if demands => Access::Authenticated,
        0 => {
            return Err(
                "say who may call it: `access`, `any_role`, `all_scopes` or `owner`".to_owned(),
            );
        }
        1 => Access::Public,
        2 => Access::Authenticated,
        _ => Access::Internal,
    };
    if demands && access != Access::Authenticated {
        return Err(
            "roles, scopes and an owner demand a user: leave `access` out, or them".to_owned(),
        );
    }
    if let Some(owner) = &owner {
        check_owner(method, owner)?;
    }
    Ok(Policy {
        access,
        any_role,
        all_scopes,
        owner,
        rate_limit: rate_limit(&message)?,
        timeout: duration(&message, "timeout")?,
    })
}

/// Roles or scopes: words in the sense of RFC 6749, because a token holds them separated by spaces.
fn names(policy: &DynamicMessage, field: &str) -> Result<Vec<String>, String> {
    let names = options::texts(policy, field).into_iter();
    names
        .map(|name| {
            let printable = name.bytes().all(|byte| byte.is_ascii_graphic());
            if name.is_empty() || !printable || name.contains(['"', '\\']) {
                return Err(format!(
                    "{field}: {name:?} is no name: letters, digits and `.:_-/` make one"
                ));
            }
            Ok(name)
        })
        .collect()
}

fn rate_limit(policy: &DynamicMessage) -> Result<Option<(u32, Duration)>, String> {
    if !policy.has_field_by_name("rate_limit") {
        return Ok(None);
    }
    let limit = policy.get_field_by_name("rate_limit");
    let limit = limit.as_ref().and_then(|limit| limit.as_message());
    let requests = limit
        .and_then(|limit| limit.get_field_by_name("requests")?.as_u32())
        .unwrap_or_default();
    let per = match limit {
        Some(limit) => duration(limit, "per")?,
        None => None,
    };
    match per {
        Some(per) if requests > 0 => Ok(Some((requests, per))),
        _ => Err("rate_limit: write both, such as `{requests: 10, per: {seconds: 60}}`".to_owned()),
    }
}

/// A duration above zero and of at most a day.
fn duration(message: &DynamicMessage, field: &str) -> Result<Option<Duration>, String> {
    const DAY: i64 = 24 * 60 * 60;
    if !message.has_field_by_name(field) {
        return Ok(None);
    }
    let value = message.get_field_by_name(field);
    let part = |name| {
        let part = value.as_ref()?.as_message()?.get_field_by_name(name)?;
        part.as_i64().or(part.as_i32().map(i64::from))
    };
    let (seconds, nanos) = (part("seconds").unwrap_or(0), part("nanos").unwrap_or(0));
    let valid = (0..=DAY).contains(&seconds) && (0..1_000_000_000).contains(&nanos);
    match u64::try_from(seconds * 1_000_000_000 + nanos) {
        Ok(total @ 1..) if valid => Ok(Some(Duration::from_nanos(total))),
        _ => Err(format!(
            "{field}: a duration is longer than nothing and at most a day"
        )),
    }
}

fn enum_number(message: &DynamicMessage, field: &str) -> i32 {
    let value = message.get_field_by_name(field);
    value.and_then(|value| value.as_enum_number()).unwrap_or(0)
}

/// Checks that the owner is a string field of the method's resource: the message of the request or of the answer that
/// has such a field, or that contains a message with it.
fn check_owner(method: &MethodDescriptor, owner: &str) -> Result<(), String> {
    let service = method.parent_service();
    let known = service.methods().any(|other| {
        [other.input(), other.output()]
            .iter()
            .flat_map(|message| message.fields().collect::<Vec<_>>())
            .filter_map(|field| match field.kind() {
                Kind::Message(resource) => resource.get_field_by_name(owner),
                _ => None,
            })
            .any(|field: FieldDescriptor| field.kind() == Kind::String && !field.is_list())
    });
    if known {
        return Ok(());
    }
    Err(format!(
        "owner: no resource of {} has a string {owner:?}",
        service.name()
    ))
}
