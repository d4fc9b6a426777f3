use api_runtime::{UpdateMask, parse_uuid};
use platform::{
    auth, etag, filter,
    page::{ListQuery, ListRequest},
};
use secrecy::SecretString;
use tonic::{Request, Response, Status};
use users_api::v1::{self, users_service_server::UsersService};

use crate::biz::{NewUser, User, UserChange, UserField, UserRepository, Users};

/// The fields by which lists can be filtered and ordered. Without an order, the newest come first.
pub const USER_FIELDS: &[filter::Field<UserField>] = &[
    filter::Field::required(UserField::CreatedAt, "created_at", filter::Kind::Timestamp),
    filter::Field::required(UserField::Email, "email", filter::Kind::Text),
];

/// The implementation of `users.v1.UsersService`.
pub struct UsersApi<R> {
    users: Users<R>,
}

impl<R> UsersApi<R> {
    /// An implementation with these users.
    pub fn new(users: Users<R>) -> Self {
        Self { users }
    }
}

// Requests have been validated: the fields that the contract requires are present and well formed.
#[tonic::async_trait]
impl<R: UserRepository> UsersService for UsersApi<R> {
    async fn create_user(
        &self,
        request: Request<v1::CreateUserRequest>,
    ) -> Result<Response<v1::CreateUserResponse>, Status> {
        let v1::CreateUserRequest { user, password } = request.into_inner();
        let new = new_user(user.unwrap_or_default(), password);
        let user = self.users.register(new).await?;
        Ok(Response::new(v1::CreateUserResponse {
            user: Some(user.into()),
        }))
    }

    async fn get_user(
        &self,
        request: Request<v1::GetUserRequest>,
    ) -> Result<Response<v1::GetUserResponse>, Status> {
        let id = parse_uuid(&request.get_ref().id)?;
        let user = self.users.get(id).await?;
        Ok(Response::new(v1::GetUserResponse {
            user: Some(user.into()),
        }))
    }

    async fn list_users(
        &self,
        request: Request<v1::ListUsersRequest>,
    ) -> Result<Response<v1::ListUsersResponse>, Status> {
        let request = request.into_inner();
        let request = ListRequest {
            page_size: request.page_size,
            page_token: &request.page_token,
            filter: &request.filter,
            order_by: &request.order_by,
        };
        let query = ListQuery::new("users", USER_FIELDS, request)?;
        let page = query.fit(self.users.list(&query).await?, Into::into)?;
        Ok(Response::new(v1::ListUsersResponse {
            users: page.items,
            next_page_token: page.next_page_token,
        }))
    }

    async fn update_user(
        &self,
        request: Request<v1::UpdateUserRequest>,
    ) -> Result<Response<v1::UpdateUserResponse>, Status> {
        let owner = auth::owner(&request)?;
        let v1::UpdateUserRequest { user, update_mask } = request.into_inner();
        let user = user.unwrap_or_default();
        let mask = UpdateMask::new(update_mask);
        let id = parse_uuid(&user.id)?;
        let expected_version = etag::expected(&user.etag);
        let change = user_change(user, &mask);
        let user = self
            .users
            .update(&owner, id, expected_version, change)
            .await?;
        Ok(Response::new(v1::UpdateUserResponse {
            user: Some(user.into()),
        }))
    }

    async fn delete_user(
        &self,
        request: Request<v1::DeleteUserRequest>,
    ) -> Result<Response<v1::DeleteUserResponse>, Status> {
        let owner = auth::owner(&request)?;
        let v1::DeleteUserRequest { id, etag } = request.into_inner();
        self.users
            .delete(&owner, parse_uuid(&id)?, etag::expected(&etag))
            .await?;
        Ok(Response::new(v1::DeleteUserResponse {}))
    }
}

/// What a request creates. A `_` stands for what the server sets itself.
fn new_user(user: v1::User, password: String) -> NewUser {
    let v1::User {
        id: _,
        etag: _,
        created_at: _,
        updated_at: _,
        email,
        name,
    } = user;
    NewUser {
        email: email.unwrap_or_default(),
        name: name.unwrap_or_default(),
        password: SecretString::from(password),
    }
}

/// What a request changes: the fields that its mask names. A `_` stands for what no request changes.
fn user_change(user: v1::User, mask: &UpdateMask) -> UserChange {
    let v1::User {
        id: _,
        etag: _,
        created_at: _,
        updated_at: _,
        email,
        name,
    } = user;
    UserChange {
        email: mask.required("email", email),
        name: mask.required("name", name),
    }
}

impl From<User> for v1::User {
    fn from(user: User) -> Self {
        let User {
            id,
            version,
            created_at,
            updated_at,
            email,
            name,
        } = user;
        Self {
            id: id.to_string(),
            etag: etag::format(version),
            created_at: Some(created_at.into()),
            updated_at: Some(updated_at.into()),
            email: Some(email),
            name: Some(name),
        }
    }
}
