//! The roles of users.

use std::collections::{BTreeMap, BTreeSet};

use platform::{
    auth::Caller,
    config::{Setting, Value},
};
use serde::Deserialize;
use uuid::Uuid;

use super::Error;

/// The roles that a user can have, each with the scopes that come with it: key `service.roles` of the configuration.
#[derive(Clone, Debug, Default)]
pub struct Roles(BTreeMap<String, Vec<String>>);

impl Setting for Roles {
    const KIND: &'static str = "map";

    fn read(value: &Value) -> Result<Self, String> {
        let roles = BTreeMap::<String, Vec<String>>::deserialize(value)
            .map_err(|_| "must be a map of roles, each with a list of scopes".to_owned())?;
        let names = roles.keys().chain(roles.values().flatten());
        match names.into_iter().find(|name| !is_name(name)) {
            Some(name) => Err(format!(
                "`{name}` is not the name of a role or a scope: write letters, digits and any of `._:-`"
            )),
            None => Ok(Self(roles)),
        }
    }
}

impl Roles {
    /// [`Error::UnknownRole`] unless the configuration has this role.
    pub fn check(&self, role: &str) -> Result<(), Error> {
        if self.0.contains_key(role) {
            return Ok(());
        }
        Err(Error::UnknownRole {
            role: role.to_owned(),
            known: self.0.keys().cloned().collect::<Vec<_>>().join(", "),
        })
    }

    /// The user as the access token describes them. A role that is no longer in the configuration has no scopes.
    pub fn caller(&self, user_id: Uuid, roles: Vec<String>) -> Caller {
        let scopes: BTreeSet<_> = roles
            .iter()
            .filter_map(|role| self.0.get(role))
            .flatten()
            .collect();
        Caller {
            scopes: scopes.into_iter().cloned().collect(),
            roles: roles.into(),
            ..Caller::new(user_id.to_string())
        }
    }
}

/// A scope has no spaces, because spaces separate the scopes in a token (RFC 6749, section 3.3).
fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
    !name.is_empty() && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(names: &[(&str, &[&str])]) -> Result<Roles, String> {
        let roles = names
            .iter()
            .map(|(role, scopes)| ((*role).to_owned(), Value::from(scopes.to_vec())));
        Roles::read(&Value::Object(roles.collect()))
    }

    #[test]
    fn scopes_follow_from_roles() {
        let roles = roles(&[
            ("admin", &["users.write", "users.read"]),
            ("staff", &["users.read"]),
        ]);
        let stored = ["staff", "admin", "retired"].map(str::to_owned).to_vec();
        let caller = roles.unwrap().caller(Uuid::nil(), stored.clone());
        assert_eq!(caller.subject.as_ref(), Uuid::nil().to_string());
        assert_eq!(caller.roles.as_ref(), stored);
        assert_eq!(caller.scopes.as_ref(), ["users.read", "users.write"]);
    }

    #[test]
    fn a_name_is_one_word() {
        assert!(roles(&[("admin", &["users:write", "a.b-c"])]).is_ok());
        for bad in [
            &[("", &[][..])],
            &[("a b", &[])],
            &[("admin", &["users read"])],
        ] {
            assert!(roles(bad).is_err(), "{bad:?}");
        }
    }
}
