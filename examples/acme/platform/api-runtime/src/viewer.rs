use std::sync::Arc;

/// Who sees the answer of a call; it decides about fields with the option `(platform.v1.visible_to)`.
///
/// The layers of a server put it into the extensions of a request. Without it nobody is known to look, and nothing
/// that is restricted leaves the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Viewer {
    /// A user, whether they call themselves or a service calls for them.
    User {
        /// The subject of their token.
        subject: Arc<str>,
        /// The roles of their token.
        roles: Arc<[String]>,
    },
    /// A service of the workspace that calls for no user: it sees everything.
    Service,
}

impl Viewer {
    /// Who sees the answer to a request.
    pub fn of<T>(request: &tonic::Request<T>) -> Option<Self> {
        request.extensions().get().cloned()
    }

    /// Whether somebody sees what belongs to `owner` and is shown to `roles`.
    pub fn sees(viewer: Option<&Self>, owner: Option<&str>, any_role: &[&str]) -> bool {
        match viewer {
            Some(Self::User { subject, roles }) => {
                owner.is_some_and(|owner| !owner.is_empty() && *owner == **subject)
                    || roles.iter().any(|role| any_role.contains(&role.as_str()))
            }
            Some(Self::Service) => true,
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(subject: &str, roles: &[&str]) -> Viewer {
        Viewer::User {
            subject: subject.into(),
            roles: roles.iter().map(|&role| role.to_owned()).collect(),
        }
    }

    #[test]
    fn the_owner_a_role_and_a_service_see_a_restricted_field_and_nobody_else_does() {
        let sees = |viewer: Option<&Viewer>| Viewer::sees(viewer, Some("ada"), &["admin"]);

        assert!(sees(Some(&user("ada", &[]))));
        assert!(sees(Some(&user("bob", &["clerk", "admin"]))));
        assert!(sees(Some(&Viewer::Service)));
        assert!(!sees(Some(&user("bob", &["clerk"]))));
        assert!(!sees(None));
    }

    #[test]
    fn what_has_no_owner_belongs_to_nobody() {
        assert!(!Viewer::sees(Some(&user("", &[])), Some(""), &[]));
        assert!(!Viewer::sees(Some(&user("", &[])), None, &[]));
    }
}
