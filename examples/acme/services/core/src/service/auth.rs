use std::net::IpAddr;

use auth_api::v1::{self, auth_service_server::AuthService};
use platform::{auth::caller, context};
use secrecy::SecretString;
use tonic::{Request, Response, Status};

use crate::biz::{Session, SessionRepository, Sessions};

/// The implementation of `auth.v1.AuthService`.
pub struct AuthApi<R> {
    sessions: Sessions<R>,
}

impl<R> AuthApi<R> {
    /// An implementation with these sessions.
    pub fn new(sessions: Sessions<R>) -> Self {
        Self { sessions }
    }
}

#[tonic::async_trait]
impl<R: SessionRepository> AuthService for AuthApi<R> {
    async fn log_in(
        &self,
        request: Request<v1::LogInRequest>,
    ) -> Result<Response<v1::LogInResponse>, Status> {
        let v1::LogInRequest { email, password } = request.into_inner();
        let session = self
            .sessions
            .log_in(&email, SecretString::from(password), client())
            .await?;
        Ok(Response::new(v1::LogInResponse {
            session: Some(session.into()),
        }))
    }

    async fn refresh(
        &self,
        request: Request<v1::RefreshRequest>,
    ) -> Result<Response<v1::RefreshResponse>, Status> {
        let session = self.sessions.refresh(&request.get_ref().refresh_token);
        Ok(Response::new(v1::RefreshResponse {
            session: Some(session.await?.into()),
        }))
    }

    async fn log_out(
        &self,
        request: Request<v1::LogOutRequest>,
    ) -> Result<Response<v1::LogOutResponse>, Status> {
        self.sessions
            .log_out(&request.get_ref().refresh_token)
            .await?;
        Ok(Response::new(v1::LogOutResponse {}))
    }

    async fn change_password(
        &self,
        request: Request<v1::ChangePasswordRequest>,
    ) -> Result<Response<v1::ChangePasswordResponse>, Status> {
        let caller = caller(&request)?.subject.clone();
        let v1::ChangePasswordRequest {
            old_password,
            new_password,
        } = request.into_inner();
        let (old, new) = (
            SecretString::from(old_password),
            SecretString::from(new_password),
        );
        let session = self.sessions.change_password(&caller, old, new, client());
        Ok(Response::new(v1::ChangePasswordResponse {
            session: Some(session.await?.into()),
        }))
    }
}

/// The address of the client that sent the request.
fn client() -> Option<IpAddr> {
    context::current()?.client()
}

impl From<Session> for v1::Session {
    fn from(session: Session) -> Self {
        let Session {
            user_id,
            access_token,
            expires_in,
            refresh_token,
            refresh_expires_in,
        } = session;
        Self {
            access_token,
            expires_in: Some(expires_in.into()),
            user_id: user_id.to_string(),
            refresh_token,
            refresh_expires_in: Some(refresh_expires_in.into()),
        }
    }
}
