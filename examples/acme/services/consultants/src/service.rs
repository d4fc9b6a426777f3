//! Transport: messages in, messages out, no rules.

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

/// What lists can be filtered and ordered by; unless asked otherwise, they begin with the newest.
pub const FIELDS: &[filter::Field<ConsultantField>] = &[
    filter::Field::required(
        ConsultantField::CreatedAt,
        "created_at",
        filter::Kind::Timestamp,
    ),
    filter::Field::required(ConsultantField::Email, "email", filter::Kind::Text),
];

/// `consultants.v1.ConsultantsService`.
pub struct ConsultantApi<R> {
    consultants: Consultants<R>,
}

impl<R> ConsultantApi<R> {
    /// Serves these consultants.
    pub fn new(consultants: Consultants<R>) -> Self {
        Self { consultants }
    }
}

// Requests arrive validated: what the contract requires is there and well formed.
#[tonic::async_trait]
impl<R: ConsultantRepository> ConsultantsService for ConsultantApi<R> {
    async fn create_consultant(
        &self,
        request: Request<v1::CreateConsultantRequest>,
    ) -> Result<Response<v1::CreateConsultantResponse>, Status> {
        let id = idempotency::resource_id(&request, request.get_ref().request_id.as_deref())?;
        let consultant = request.into_inner().consultant.unwrap_or_default();
        let new = NewConsultant {
            name: required("name", consultant.name)?,
            email: required("email", consultant.email)?,
            born: consultant.born.map(NaiveDate::try_from).transpose()?,
            active: required("active", consultant.active)?,
        };
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
        Ok(Response::new(v1::ListConsultantsResponse {
            consultants: page.items.into_iter().map(Into::into).collect(),
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
        let mask = UpdateMask::new(update_mask);
        let id = parse_uuid(&consultant.id)?;
        let expected_version = etag::expected(&consultant.etag);
        let change = ConsultantChange {
            name: mask.required("name", consultant.name),
            email: mask.required("email", consultant.email),
            born: mask.optional(
                "born",
                consultant.born.map(NaiveDate::try_from).transpose()?,
            ),
            active: mask.required("active", consultant.active),
        };
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

impl From<Consultant> for v1::Consultant {
    fn from(consultant: Consultant) -> Self {
        Self {
            id: consultant.id.to_string(),
            etag: etag::format(consultant.version),
            created_at: Some(consultant.created_at.into()),
            updated_at: Some(consultant.updated_at.into()),
            name: Some(consultant.name),
            email: Some(consultant.email),
            born: consultant.born.map(Into::into),
            active: Some(consultant.active),
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

/// Validation has seen to it that the value is there; without it, this is the answer.
fn required<T>(field: &str, value: Option<T>) -> Result<T, Status> {
    value.ok_or_else(|| Status::invalid_argument(format!("{field} is required")))
}
