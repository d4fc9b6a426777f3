use std::sync::Arc;

/// The receiver of an answer. It decides which fields with the option `(platform.v1.visible_to)` stay in the answer.
///
/// The layers of a server put it into the extensions of a request. Without it the receiver is unknown, and all
/// restricted fields are removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Viewer {
    /// A user who calls, or for whom a service calls.
    User {
        /// The subject of the token.
        subject: Arc<str>,
        /// The roles of the token.
        roles: Arc<[String]>,
    },
    /// A service of the workspace that acts for no user: it sees everything.
    Service,
}

impl Viewer {
    /// The receiver of the answer to a request.
    pub fn of<T>(request: &tonic::Request<T>) -> Option<Self> {
        request.extensions().get().cloned()
    }

    /// Whether the viewer may see a field that belongs to `owner` and is visible to these roles.
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
