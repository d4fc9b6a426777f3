//! Transport: converts messages and contains no rules.

{% if has_enums -%}
mod enums;

{% endif -%}
use api_runtime::{UpdateMask, parse_uuid};
{%- if types contains "date" or types contains "timestamp" %}
use chrono::{ {% if types contains "timestamp" %}DateTime, {% endif %}{% if types contains "date" %}NaiveDate{% endif %} };
{%- endif %}
use {{contract_crate}}::v1::{self, {{proto_service_snake}}_server::{{proto_service}}};
use platform::{ {% if has_owner %}auth, {% endif %}{% if has_embeds %}client, {% endif %}etag, filter, idempotency, page::{ListQuery, ListRequest}};
{%- if types contains "decimal" %}
use rust_decimal::Decimal;
{%- endif %}
{%- if types contains "json" %}
use serde_json::Map;
{%- endif %}
use tonic::{Request, Response, Status};
{%- for client in clients %}
{%- assign client_import = client[2] %}
{%- if client_import != "" %}
use {{client_import}};
{%- endif %}
{%- endfor %}

use crate::biz::{ {{Resource}}, {{Resource}}Change, {{Resource}}Field, {{Resource}}Repository, {{UseCases}}, Error, New{{Resource}} };

/// The fields that lists can be filtered and ordered by. The default order is the newest first.
pub const FIELDS: &[filter::Field<{{Resource}}Field>] = &[
    filter::Field::required({{Resource}}Field::CreatedAt, "created_at", filter::Kind::Timestamp),
{%- for field in field_list %}
{%- assign column = field[0] %}{% assign pascal = field[5] %}{% assign type = field[6] %}
{%- assign traits = field[9] %}{% assign kind = field[22] %}
{%- if traits contains "listed" %}
    filter::Field::{% if traits contains "optional" %}optional{% else %}required{% endif %}({{Resource}}Field::{{pascal}}, "{{column}}", filter::Kind::{{kind}}
{%- if type == "enum" %}(enums::{{column | upcase}}_NAMES){% endif %}),
{%- endif %}
{%- endfor %}
];

/// Implements `{{proto_package}}.{{proto_service}}`.
pub struct {{Resource}}Api<R> {
    {{resources_ident}}: {{UseCases}}<R>,
{%- for client in clients %}
{%- assign key = client[0] %}{% assign client_type = client[1] %}
    {{key}}_client: {{client_type}}<client::Connection>,
{%- endfor %}
}

impl<R> {{Resource}}Api<R> {
    /// Serves these {{resources_words}}.
    pub fn new(
        {{resources_ident}}: {{UseCases}}<R>,
{%- for client in clients %}
{%- assign key = client[0] %}{% assign client_type = client[1] %}
        {{key}}_client: {{client_type}}<client::Connection>,
{%- endfor %}
    ) -> Self {
        Self {
            {{resources_ident}},
{%- for client in clients %}
{%- assign key = client[0] %}
            {{key}}_client,
{%- endfor %}
        }
    }
}

// Requests are validated before they arrive: required fields are present and well formed.
#[tonic::async_trait]
impl<R: {{Resource}}Repository> {{proto_service}} for {{Resource}}Api<R> {
    async fn create_{{resource_rpc}}(
        &self,
        request: Request<v1::Create{{Resource}}Request>,
    ) -> Result<Response<v1::Create{{Resource}}Response>, Status> {
        let id = idempotency::resource_id(&request, request.get_ref().request_id.as_deref())?;
{%- if has_owner %}
        let owner = auth::caller(&request)?.subject.to_string();
{%- endif %}
        let {{resource_ident}} = request.into_inner().{{resource_ident}}.unwrap_or_default();
        let new = new_{{resource}}({{resource_ident}}{% if has_owner %}, owner{% endif %})?;
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
        let mut {{resource_ident}}: v1::{{Resource}} = self.{{resources_ident}}.get({{owner_reference}}id).await?.into();
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
        let page = query.fit(page, Into::into)?;
        Ok(Response::new(v1::List{{Resources}}Response {
            {{resources_ident}}: page.items,
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
        let id = parse_uuid(&{{resource_ident}}.id)?;
        let expected_version = etag::expected(&{{resource_ident}}.etag);
        let change = {{resource}}_change({{resource_ident}}, &UpdateMask::new(update_mask))?;
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
    /// Embeds what the {{resource_words}} refers to, as the other service shows it to the caller; what is gone stays empty.
    async fn embed(
        &self,
        request: &Request<v1::Get{{Resource}}Request>,
        {{resource_ident}}: &mut v1::{{Resource}},
    ) -> Result<(), Status> {
{%- for embed in embeds %}
{%- assign embed_ident = embed[1] %}{% assign of_ident = embed[5] %}{% assign embed_key = embed[8] %}
{%- assign get_method = embed[9] %}{% assign get_request = embed[10] %}{% assign get_fields = embed[11] %}
{%- assign found_field = embed[12] %}
        if let Some(id) = {{resource_ident}}.{{of_ident}}.clone() {
            let get = client::forward(request, {{get_request}} { {{get_fields}} });
            let found = client::found(self.{{embed_key}}_client.clone().{{get_method}}(get).await)?;
            {{resource_ident}}.{{embed_ident}} = found.and_then(|found| found.{{found_field}});
        }
{%- endfor %}
        Ok(())
    }
}

{% endif -%}
/// The values of a create request. A `_` stands for a field that the server sets itself.
fn new_{{resource}}(message: v1::{{Resource}}{% if has_owner %}, owner: String{% endif %}) -> Result<New{{Resource}}, Status> {
    let v1::{{Resource}} {
        id: _,
        etag: _,
        created_at: _,
        updated_at: _,
{%- for field in field_list %}
{%- assign ident = field[1] %}{% assign local = field[2] %}{% assign traits = field[9] %}
{%- if traits contains "writable" %}
        {% if local != ident %}{{ident}}: {% endif %}{{local}},
{%- else %}
        {{ident}}: _,
{%- endif %}
{%- endfor %}
{%- for embed in embeds %}
{%- assign embed_ident = embed[1] %}
        {{embed_ident}}: _,
{%- endfor %}
    } = message;
    Ok(New{{Resource}} {
{%- for field in field_list %}
{%- assign column = field[0] %}{% assign ident = field[1] %}{% assign local = field[2] %}
{%- assign type = field[6] %}{% assign rust = field[7] %}{% assign traits = field[9] %}
{%- capture value %}
{%- case type %}
{%- when "ref" %}{{local}}.as_deref().map(parse_uuid).transpose()?
{%- when "enum" %}{{local}}.map(enums::{{ident}}).transpose()?
{%- when "json" %}{{local}}.map(Map::from)
{%- when "timestamp" %}{{local}}.map(DateTime::try_from).transpose()?
{%- when "date" or "decimal" %}{{local}}.map({{rust}}::try_from).transpose()?
{%- else %}{{local}}
{%- endcase %}
{%- endcapture %}
{%- if type == "owner" %}
        {% if ident != "owner" %}{{ident}}: {% endif %}owner,
{%- elsif traits contains "required" %}
        {{ident}}: required("{{column}}", {{value}})?,
{%- else %}
        {% if value != ident %}{{ident}}: {% endif %}{{value}},
{%- endif %}
{%- endfor %}
    })
}

/// The values of an update request: the fields that its mask names. A `_` stands for a field that no request changes.
fn {{resource}}_change(message: v1::{{Resource}}, mask: &UpdateMask) -> Result<{{Resource}}Change, Status> {
    let v1::{{Resource}} {
        id: _,
        etag: _,
        created_at: _,
        updated_at: _,
{%- for field in field_list %}
{%- assign ident = field[1] %}{% assign local = field[2] %}{% assign traits = field[9] %}
{%- if traits contains "changeable" %}
        {% if local != ident %}{{ident}}: {% endif %}{{local}},
{%- else %}
        {{ident}}: _,
{%- endif %}
{%- endfor %}
{%- for embed in embeds %}
{%- assign embed_ident = embed[1] %}
        {{embed_ident}}: _,
{%- endfor %}
    } = message;
    Ok({{Resource}}Change {
{%- for field in field_list %}
{%- assign column = field[0] %}{% assign ident = field[1] %}{% assign local = field[2] %}
{%- assign type = field[6] %}{% assign rust = field[7] %}{% assign traits = field[9] %}
{%- capture value %}
{%- case type %}
{%- when "ref" %}{{local}}.as_deref().map(parse_uuid).transpose()?
{%- when "enum" %}{{local}}.map(enums::{{ident}}).transpose()?
{%- when "json" %}{{local}}.map(Map::from)
{%- when "timestamp" %}{{local}}.map(DateTime::try_from).transpose()?
{%- when "date" or "decimal" %}{{local}}.map({{rust}}::try_from).transpose()?
{%- else %}{{local}}
{%- endcase %}
{%- endcapture %}
{%- if traits contains "changeable" %}
        {{ident}}: mask.{% if traits contains "optional" %}optional{% else %}required{% endif %}("{{column}}", {{value}}),
{%- endif %}
{%- endfor %}
    })
}

impl From<{{Resource}}> for v1::{{Resource}} {
    fn from({{resource_ident}}: {{Resource}}) -> Self {
        let {{Resource}} {
            id,
            version,
            created_at,
            updated_at,
{%- for field in field_list %}
{%- assign ident = field[1] %}{% assign local = field[2] %}
            {% if local != ident %}{{ident}}: {% endif %}{{local}},
{%- endfor %}
        } = {{resource_ident}};
        Self {
            id: id.to_string(),
            etag: etag::format(version),
            created_at: Some(created_at.into()),
            updated_at: Some(updated_at.into()),
{%- for field in field_list %}
{%- assign ident = field[1] %}{% assign local = field[2] %}{% assign type = field[6] %}{% assign rust = field[7] %}
{%- assign traits = field[9] %}
{%- if traits contains "optional" %}
{%- case type %}
{%- when "ref" %}
            {{ident}}: {{local}}.map(|id| id.to_string()),
{%- when "enum" %}
            {{ident}}: {{local}}.map(|value| v1::{{rust}}::from(value).into()),
{%- when "decimal" or "date" or "timestamp" or "json" %}
            {{ident}}: {{local}}.map(Into::into),
{%- else %}
            {% if local != ident %}{{ident}}: {% endif %}{{local}},
{%- endcase %}
{%- else %}
{%- case type %}
{%- when "owner" %}
            {% if local != ident %}{{ident}}: {% endif %}{{local}},
{%- when "ref" %}
            {{ident}}: Some({{local}}.to_string()),
{%- when "enum" %}
            {{ident}}: Some(v1::{{rust}}::from({{local}}).into()),
{%- when "decimal" or "date" or "timestamp" or "json" %}
            {{ident}}: Some({{local}}.into()),
{%- else %}
            {{ident}}: Some({{local}}),
{%- endcase %}
{%- endif %}
{%- endfor %}
{%- for embed in embeds %}
{%- assign embed_ident = embed[1] %}
            {{embed_ident}}: None,
{%- endfor %}
        }
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::NotFound(id) => v1::errors::{{resource}}_not_found(message).metadata("id", id).into(),
{%- if has_unique %}
            Error::AlreadyExists(field) => v1::errors::{{resource}}_already_exists(message).metadata("field", field).into(),
{%- endif %}
{%- if has_owner %}
            Error::NotYours(id) => v1::errors::{{resource}}_not_yours(message).metadata("id", id).into(),
{%- endif %}
            Error::RequestIdReused => v1::errors::{{resource}}_request_id_reused(message).into(),
            Error::Changed(id) => v1::errors::{{resource}}_changed(message).metadata("id", id).into(),
            Error::Platform(error) => error.into(),
        }
    }
}
{%- if has_required %}

/// Validation refuses a request without the value, so no caller gets this error.
fn required<T>(field: &str, value: Option<T>) -> Result<T, Status> {
    value.ok_or_else(|| Status::invalid_argument(format!("{field} is required")))
}
{%- endif %}
