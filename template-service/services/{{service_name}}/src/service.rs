//! Transport: messages in, messages out, no rules.

{% if has_enums -%}
mod enums;

{% endif -%}
{% for line in service_imports -%}
{{line}}
{% endfor %}
/// What lists can be filtered and ordered by; unless asked otherwise, they begin with the newest.
pub const FIELDS: &[filter::Field<{{Resource}}Field>] = &[
    filter::Field::required({{Resource}}Field::CreatedAt, "created_at", filter::Kind::Timestamp),
{%- for field in list_fields %}
    filter::Field::{{field[3]}}({{Resource}}Field::{{field[0]}}, "{{field[4]}}", filter::Kind::{{field[5]}}),
{%- endfor %}
];

/// `{{proto_package}}.{{proto_service}}`.
pub struct {{Resource}}Api<R> {
    {{resources_ident}}: {{UseCases}}<R>,
{%- for client in clients %}
    {{client[0]}}_client: {{client[1]}}<client::Connection>,
{%- endfor %}
}

impl<R> {{Resource}}Api<R> {
    /// Serves these {{resources_words}}.
    pub fn new({{resources_ident}}: {{UseCases}}<R>{{client_parameters}}) -> Self {
        Self { {{resources_ident}}{{client_names}} }
    }
}

// Requests arrive validated: what the contract requires is there and well formed.
#[tonic::async_trait]
impl<R: {{Resource}}Repository> {{proto_service}} for {{Resource}}Api<R> {
    async fn create_{{resource_rpc}}(
        &self,
        request: Request<v1::Create{{Resource}}Request>,
    ) -> Result<Response<v1::Create{{Resource}}Response>, Status> {
        let id = idempotency::resource_id(&request, request.get_ref().request_id.as_deref())?;
{%- if has_owner %}
        let owner = auth::caller(&request)?.subject.clone();
{%- endif %}
        let {{resource_ident}} = request.into_inner().{{resource_ident}}.unwrap_or_default();
        let new = New{{Resource}} {
{%- for line in new_from_message %}
            {{line}}
{%- endfor %}
        };
        let {{resource_ident}} = self.{{resources_ident}}.create(id, new).await?;
        Ok(Response::new(v1::Create{{Resource}}Response { {{resource_ident}}: Some({{resource_ident}}.into()) }))
    }

    async fn get_{{resource_rpc}}(
        &self,
        request: Request<v1::Get{{Resource}}Request>,
    ) -> Result<Response<v1::Get{{Resource}}Response>, Status> {
{%- if has_owner %}
        let owner = auth::owner(&request)?;
{%- endif %}
        let id = parse_uuid(&request.get_ref().id)?;
{%- if has_embeds %}
        let mut {{resource_ident}} = v1::{{Resource}}::from(self.{{resources_ident}}.get({{owner_reference}}id).await?);
        if request.get_ref().view() == v1::{{Resource}}View::Full {
            self.embed(&request, &mut {{resource_ident}}).await?;
        }
        Ok(Response::new(v1::Get{{Resource}}Response { {{resource_ident}}: Some({{resource_ident}}) }))
{%- else %}
        let {{resource_ident}} = self.{{resources_ident}}.get({{owner_reference}}id).await?;
        Ok(Response::new(v1::Get{{Resource}}Response { {{resource_ident}}: Some({{resource_ident}}.into()) }))
{%- endif %}
    }

    async fn batch_get_{{resources_rpc}}(
        &self,
        request: Request<v1::BatchGet{{Resources}}Request>,
    ) -> Result<Response<v1::BatchGet{{Resources}}Response>, Status> {
{%- if has_owner %}
        let owner = auth::owner(&request)?;
{%- endif %}
        let ids = request.get_ref().ids.iter().map(|id| parse_uuid(id)).collect::<Result<Vec<_>, _>>()?;
        let {{resources_ident}} = self.{{resources_ident}}.batch_get({{owner_reference}}&ids).await?;
        Ok(Response::new(v1::BatchGet{{Resources}}Response {
            {{resources_ident}}: {{resources_ident}}.into_iter().map(Into::into).collect(),
        }))
    }

    async fn list_{{resources_rpc}}(
        &self,
        request: Request<v1::List{{Resources}}Request>,
    ) -> Result<Response<v1::List{{Resources}}Response>, Status> {
{%- if has_owner %}
        let owner = auth::owner(&request)?;
{%- endif %}
        let request = request.into_inner();
        let request = ListRequest {
            page_size: request.page_size,
            page_token: &request.page_token,
            filter: &request.filter,
            order_by: &request.order_by,
        };
{%- if has_owner %}
        let query = ListQuery::new(&format!("{{table}} of {owner}"), FIELDS, request)?;
{%- else %}
        let query = ListQuery::new("{{table}}", FIELDS, request)?;
{%- endif %}
        let page = self.{{resources_ident}}.list({{owner_reference}}&query).await?;
        Ok(Response::new(v1::List{{Resources}}Response {
            {{resources_ident}}: page.items.into_iter().map(Into::into).collect(),
            next_page_token: page.next_page_token,
        }))
    }

    async fn update_{{resource_rpc}}(
        &self,
        request: Request<v1::Update{{Resource}}Request>,
    ) -> Result<Response<v1::Update{{Resource}}Response>, Status> {
{%- if has_owner %}
        let owner = auth::owner(&request)?;
{%- endif %}
        let v1::Update{{Resource}}Request { {{resource_ident}}, update_mask } = request.into_inner();
        let {{resource_ident}} = {{resource_ident}}.unwrap_or_default();
        let mask = UpdateMask::new(update_mask);
        let id = parse_uuid(&{{resource_ident}}.id)?;
        let expected_version = etag::expected(&{{resource_ident}}.etag);
        let change = {{Resource}}Change {
{%- for line in change_from_message %}
            {{line}}
{%- endfor %}
        };
        let {{resource_ident}} = self.{{resources_ident}}.update({{owner_reference}}id, expected_version, change).await?;
        Ok(Response::new(v1::Update{{Resource}}Response { {{resource_ident}}: Some({{resource_ident}}.into()) }))
    }

    async fn delete_{{resource_rpc}}(
        &self,
        request: Request<v1::Delete{{Resource}}Request>,
    ) -> Result<Response<v1::Delete{{Resource}}Response>, Status> {
{%- if has_owner %}
        let owner = auth::owner(&request)?;
{%- endif %}
        let v1::Delete{{Resource}}Request { id, etag } = request.into_inner();
        self.{{resources_ident}}.delete({{owner_reference}}parse_uuid(&id)?, etag::expected(&etag)).await?;
        Ok(Response::new(v1::Delete{{Resource}}Response {}))
    }
}

{% if has_embeds -%}
impl<R: {{Resource}}Repository> {{Resource}}Api<R> {
    /// Fills in what the {{resource_words}} refers to, as its own service shows it to the caller; what is gone stays empty.
    async fn embed(
        &self,
        request: &Request<v1::Get{{Resource}}Request>,
        {{resource_ident}}: &mut v1::{{Resource}},
    ) -> Result<(), Status> {
{%- for embed in embeds %}
        if let Some(id) = {{resource_ident}}.{{embed[1]}}.clone() {
            let get = client::forward(request, {{embed[4]}} { {{embed[5]}} });
            let found = client::found(self.{{embed[2]}}.clone().{{embed[3]}}(get).await)?;
            {{resource_ident}}.{{embed[0]}} = found.and_then(|found| found.{{embed[6]}});
        }
{%- endfor %}
        Ok(())
    }
}

{% endif -%}
impl From<{{Resource}}> for v1::{{Resource}} {
    fn from({{resource_ident}}: {{Resource}}) -> Self {
        Self {
            id: {{resource_ident}}.id.to_string(),
            etag: etag::format({{resource_ident}}.version),
            created_at: Some({{resource_ident}}.created_at.into()),
            updated_at: Some({{resource_ident}}.updated_at.into()),
{%- for line in to_message_fields %}
            {{line}}
{%- endfor %}
        }
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::NotFound(id) => v1::errors::{{resource_error}}_not_found(message).metadata("id", id).into(),
{%- if has_unique %}
            Error::AlreadyExists(field) => v1::errors::{{resource_error}}_already_exists(message).metadata("field", field).into(),
{%- endif %}
{%- if has_owner %}
            Error::NotYours(id) => v1::errors::{{resource_error}}_not_yours(message).metadata("id", id).into(),
{%- endif %}
            Error::RequestIdReused => v1::errors::{{resource_error}}_request_id_reused(message).into(),
            Error::Changed(id) => v1::errors::{{resource_error}}_changed(message).metadata("id", id).into(),
            Error::Platform(error) => error.into(),
        }
    }
}
{%- if has_required %}

/// Validation has seen to it that the value is there; without it, this is the answer.
fn required<T>(field: &str, value: Option<T>) -> Result<T, Status> {
    value.ok_or_else(|| Status::invalid_argument(format!("{field} is required")))
}
{%- endif %}
