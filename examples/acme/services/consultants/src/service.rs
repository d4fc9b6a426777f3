//! Transport: converts messages and contains no rules.

use api_runtime::{UpdateMask, parse_uuid};
use chrono::NaiveDate;
use consultants_api::v1::{self, consultants_service_server::ConsultantsService};
use platform::{
    etag, filter, idempotency,
    page::{ListQuery, ListRequest},
};
use tonic::{Request, Response, Status};

use crate::biz::{
    Consultant, ConsultantChange, ConsultantField, ConsultantRepository, Consultants, Error,
    NewConsultant,
};

/// The fields that lists can be filtered and ordered by. The default order is the newest first.
pub const FIELDS: &[filter::Field<ConsultantField>] = &[
    filter::Field::required(
        ConsultantField::CreatedAt,
        "created_at",
        filter::Kind::Timestamp,
    ),
    filter::Field::required(ConsultantField::Email, "email", filter::Kind::Email),
];

/// Implements `consultants.v1.ConsultantsService`.
pub struct ConsultantApi<R> {
    consultants: Consultants<R>,
}

impl<R> ConsultantApi<R> {
    /// Serves these consultants.
    pub fn new(consultants: Consultants<R>) -> Self {
        Self { consultants }
    }
}

// Requests are validated before they arrive: required fields are present and well formed.
#[tonic::async_trait]
impl<R: ConsultantRepository> ConsultantsService for ConsultantApi<R> {
    async fn create_consultant(
        &self,
        request: Request<v1::CreateConsultantRequest>,
    ) -> Result<Response<v1::CreateConsultantResponse>, Status> {
        let id = idempotency::resource_id(&request, request.get_ref().request_id.as_deref())?;
        let consultant = request.into_inner().consultant.unwrap_or_default();
        let new = new_consultant(consultant)?;
        let consultant = self.consultants.create(id, new).await?;
        Ok(Response::new(v1::CreateConsultantResponse {
            consultant: Some(consultant.into()),
        }))
    }

    async fn get_consultant(
        &self,
        request: Request<v1::GetConsultantRequest>,
    ) -> Result<Response<v1::GetConsultantResponse>, Status> {
        let id = parse_uuid(&request.get_ref().id)?;
        let consultant = self.consultants.get(id).await?;
        Ok(Response::new(v1::GetConsultantResponse {
            consultant: Some(consultant.into()),
        }))
    }

    async fn batch_get_consultants(
        &self,
        request: Request<v1::BatchGetConsultantsRequest>,
    ) -> Result<Response<v1::BatchGetConsultantsResponse>, Status> {
        let ids = request
            .get_ref()
            .ids
            .iter()
            .map(|id| parse_uuid(id))
            .collect::<Result<Vec<_>, _>>()?;
        let consultants = self.consultants.batch_get(&ids).await?;
        Ok(Response::new(v1::BatchGetConsultantsResponse {
            consultants: consultants.into_iter().map(Into::into).collect(),
        }))
    }

    async fn list_consultants(
        &self,
        request: Request<v1::ListConsultantsRequest>,
    ) -> Result<Response<v1::ListConsultantsResponse>, Status> {
        let request = request.into_inner();
        let request = ListRequest {
            page_size: request.page_size,
            page_token: &request.page_token,
            filter: &request.filter,
            order_by: &request.order_by,
        };
        let query = ListQuery::new("consultants", FIELDS, request)?;
        let page = self.consultants.list(&query).await?;
        let page = query.fit(page, Into::into)?;
        Ok(Response::new(v1::ListConsultantsResponse {
            consultants: page.items,
            next_page_token: page.next_page_token,
        }))
    }

    async fn update_consultant(
        &self,
        request: Request<v1::UpdateConsultantRequest>,
    ) -> Result<Response<v1::UpdateConsultantResponse>, Status> {
        let v1::UpdateConsultantRequest {
            consultant,
            update_mask,
        } = request.into_inner();
        let consultant = consultant.unwrap_or_default();
        let id = parse_uuid(&consultant.id)?;
        let expected_version = etag::expected(&consultant.etag);
        let change = consultant_change(consultant, &UpdateMask::new(update_mask))?;
        let consultant = self
            .consultants
            .update(id, expected_version, change)
            .await?;
        Ok(Response::new(v1::UpdateConsultantResponse {
            consultant: Some(consultant.into()),
        }))
    }

    async fn delete_consultant(
        &self,
        request: Request<v1::DeleteConsultantRequest>,
    ) -> Result<Response<v1::DeleteConsultantResponse>, Status> {
        let v1::DeleteConsultantRequest { id, etag } = request.into_inner();
        self.consultants
            .delete(parse_uuid(&id)?, etag::expected(&etag))
            .await?;
        Ok(Response::new(v1::DeleteConsultantResponse {}))
    }
}

/// The values of a create request. A `_` stands for a field that the server sets itself.
fn new_consultant(message: v1::Consultant) -> Result<NewConsultant, Status> {
    let v1::Consultant {
        id: _,
        etag: _,
        created_at: _,
        updated_at: _,
        name,
        email,
        born,
        active,
    } = message;
    Ok(NewConsultant {
        name: required("name", name)?,
        email: required("email", email)?,
        born: born.map(NaiveDate::try_from).transpose()?,
        active: required("active", active)?,
    })
}

/// The values of an update request: the fields that its mask names. A `_` stands for a field that no request changes.
fn consultant_change(
    message: v1::Consultant,
    mask: &UpdateMask,
) -> Result<ConsultantChange, Status> {
    let v1::Consultant {
        id: _,
        etag: _,
        created_at: _,
        updated_at: _,
        name,
        email,
        born,
        active,
    } = message;
    Ok(ConsultantChange {
        name: mask.required("name", name),
        email: mask.required("email", email),
        born: mask.optional("born", born.map(NaiveDate::try_from).transpose()?),
        active: mask.required("active", active),
    })
}

impl From<Consultant> for v1::Consultant {
    fn from(consultant: Consultant) -> Self {
        let Consultant {
            id,
            version,
            created_at,
            updated_at,
            name,
            email,
            born,
            active,
        } = consultant;
        Self {
            id: id.to_string(),
            etag: etag::format(version),
            created_at: Some(created_at.into()),
            updated_at: Some(updated_at.into()),
            name: Some(name),
            email: Some(email),
            born: born.map(Into::into),
            active: Some(active),
        }
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::NotFound(id) => v1::errors::consultant_not_found(message)
                .metadata("id", id)
                .into(),
            Error::AlreadyExists(field) => v1::errors::consultant_already_exists(message)
                .metadata("field", field)
                .into(),
            Error::RequestIdReused => v1::errors::consultant_request_id_reused(message).into(),
            Error::Changed(id) => v1::errors::consultant_changed(message)
                .metadata("id", id)
                .into(),
            Error::Platform(error) => error.into(),
        }
    }
}

/// Validation refuses a request without the value, so no caller gets this error.
fn required<T>(field: &str, value: Option<T>) -> Result<T, Status> {
    value.ok_or_else(|| Status::invalid_argument(format!("{field} is required")))
}
