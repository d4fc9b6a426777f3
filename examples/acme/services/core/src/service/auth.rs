use auth_api::v1::{LogInRequest, LogInResponse, auth_service_server::AuthService};
use secrecy::SecretString;
use tonic::{Request, Response, Status};

use crate::biz::{Sessions, UserRepository};

/// `auth.v1.AuthService`.
pub struct AuthApi<R> {
    sessions: Sessions<R>,
}

impl<R> AuthApi<R> {
    /// Serves these sessions.
    pub fn new(sessions: Sessions<R>) -> Self {
        Self { sessions }
    }
}

#[tonic::async_trait]
impl<R: UserRepository> AuthService for AuthApi<R> {
    async fn log_in(
        &self,
        request: Request<LogInRequest>,
    ) -> Result<Response<LogInResponse>, Status> {
        let LogInRequest { email, password } = request.into_inner();
        let session = self
            .sessions
            .log_in(&email, SecretString::from(password))
            .await?;
        Ok(Response::new(LogInResponse {
            access_token: session.access_token,
            expires_in: Some(session.expires_in.into()),
            user_id: session.user_id.to_string(),
        }))
    }
}
