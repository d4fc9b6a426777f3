//! The domain rules, independent of transport and SQL.

use std::collections::HashMap;

use chrono::{DateTime{% if types contains "date" %}, NaiveDate{% endif %}, Utc};
use platform::{filter, page::{ListQuery, Listed, Page}};
{%- if types contains "decimal" %}
use rust_decimal::Decimal;
{%- endif %}
{%- if has_enums %}
use serde::{Deserialize, Serialize};
{%- endif %}
{%- if types contains "json" %}
use serde_json::{Map, Value};
{%- endif %}
use uuid::Uuid;

#[cfg(test)]
mod tests;

/// {{A_resource}}.
#[derive(Debug, Clone, PartialEq)]
pub struct {{Resource}} {
    pub id: Uuid,
    /// Counts the writes, from 1.
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
{%- for field in field_list %}
{%- assign ident = field[1] %}{% assign full = field[8] %}{% assign about = field[10] %}
    /// {{about}}
    pub {{ident}}: {{full}},
{%- endfor %}
}
{%- for field in field_list %}
{%- assign column = field[0] %}{% assign type = field[6] %}{% assign rust = field[7] %}
{%- assign values = field[11] %}
{%- if type == "enum" %}

/// The possible values of the {{column | replace: "_", " "}} of {{a_resource}}.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum {{rust}} {
{%- for value in values %}
    {{value[1]}},
{%- endfor %}
}

impl {{rust}} {
    /// The stored name.
    pub const fn name(self) -> &'static str {
        match self {
{%- for value in values %}
            Self::{{value[1]}} => "{{value[0]}}",
{%- endfor %}
        }
    }
}
{%- endif %}
{%- endfor %}

/// The fields that lists of {{resources_words}} can be filtered and ordered by: those with an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum {{Resource}}Field {
    CreatedAt,
{%- for field in field_list %}
{%- assign pascal = field[5] %}{% assign traits = field[9] %}
{%- if traits contains "listed" %}
    {{pascal}},
{%- endif %}
{%- endfor %}
}

impl Listed for {{Resource}} {
    type Field = {{Resource}}Field;

    fn id(&self) -> Uuid {
        self.id
    }

    fn value(&self, field: {{Resource}}Field) -> Option<filter::Value> {
        // A `_` stands for a field without an index.
        let Self {
            id: _,
            version: _,
            created_at,
            updated_at: _,
{%- for field in field_list %}
{%- assign ident = field[1] %}{% assign local = field[2] %}{% assign traits = field[9] %}
{%- if traits contains "listed" %}
            {% if local != ident %}{{ident}}: {% endif %}{{local}},
{%- else %}
            {{ident}}: _,
{%- endif %}
{%- endfor %}
        } = self;
        match field {
            {{Resource}}Field::CreatedAt => Some((*created_at).into()),
{%- for field in field_list %}
{%- assign local = field[2] %}{% assign pascal = field[5] %}{% assign type = field[6] %}
{%- assign traits = field[9] %}
{%- if traits contains "listed" %}
            {{Resource}}Field::{{pascal}} =>
{%- if traits contains "caseless" %}
{%- if traits contains "optional" %} {{local}}.as_deref().map(str::to_lowercase).map(Into::into)
{%- else %} Some({{local}}.to_lowercase().into())
{%- endif %}
{%- elsif traits contains "optional" %}
{%- case type %}
{%- when "string" %} {{local}}.as_deref().map(Into::into)
{%- when "enum" %} {{local}}.map(|value| value.name().into())
{%- else %} {{local}}.map(Into::into)
{%- endcase %}
{%- else %}
{%- case type %}
{%- when "string" %} Some({{local}}.as_str().into())
{%- when "enum" %} Some({{local}}.name().into())
{%- else %} Some((*{{local}}).into())
{%- endcase %}
{%- endif %},
{%- endif %}
{%- endfor %}
        }
    }
}

/// The values of a new {{resource_words}}.
#[derive(Debug, Clone)]
pub struct New{{Resource}} {
{%- for field in field_list %}
{%- assign ident = field[1] %}{% assign full = field[8] %}
    pub {{ident}}: {{full}},
{%- endfor %}
}

/// The new values. An outer `None` leaves a field unchanged.
#[derive(Debug, Default, Clone)]
pub struct {{Resource}}Change {
{%- for field in field_list %}
{%- assign ident = field[1] %}{% assign full = field[8] %}{% assign traits = field[9] %}
{%- if traits contains "changeable" %}
    pub {{ident}}: Option<{{full}}>,
{%- endif %}
{%- endfor %}
}

/// The errors of the use cases.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no {{resource_words}} {0}")]
    NotFound(Uuid),
{%- if has_unique %}
    /// Holds the name of the field.
    #[error("another {{resource_words}} has the same `{0}`")]
    AlreadyExists(&'static str),
{%- endif %}
{%- if has_owner %}
    #[error("{{resource_words}} {0} belongs to somebody else")]
    NotYours(Uuid),
{%- endif %}
    #[error("{{resource_words}} {0} was changed since the etag was read")]
    Changed(Uuid),
    #[error("the request_id belongs to a request that created another {{resource_words}}: choose a new one")]
    RequestIdReused,
    #[error(transparent)]
    Platform(#[from] platform::Error),
}

/// The storage of {{resources_words}}.
pub trait {{Resource}}Repository: Send + Sync + 'static {
    /// Adds {{a_resource}}; `false` when its id already exists
{%- if has_unique %}, [`Error::AlreadyExists`] when a value that must be unique is taken{% endif %}.
    fn insert(&self, {{resource_ident}}: &{{Resource}}) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Finds one {{resource_words}}.
    fn find(&self, id: Uuid) -> impl Future<Output = Result<Option<{{Resource}}>, Error>> + Send;

    /// Finds those that exist{% if has_owner %} and belong to the owner{% endif %}, in any order.
    fn find_many(&self, {{owner_parameter}}ids: &[Uuid]) -> impl Future<Output = Result<Vec<{{Resource}}>, Error>> + Send;

    /// Lists the {{resources_words}}{% if has_owner %} of the owner{% endif %} that match the query, at most [`ListQuery::limit`].
    fn list(&self, {{owner_parameter}}query: &ListQuery<{{Resource}}Field>) -> impl Future<Output = Result<Vec<{{Resource}}>, Error>> + Send;

    /// Changes {{a_resource}}, if it still has the expected version, and returns it as stored;
    /// `None` when it is gone or has another version{% if has_owner %} or owner{% endif %}.
    fn update(
        &self,
        {{owner_parameter}}id: Uuid,
        expected_version: Option<i64>,
        change: {{Resource}}Change,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<Option<{{Resource}}>, Error>> + Send;

    /// Deletes {{a_resource}}, if it still has the expected version;
    /// `false` when it is gone or has another version{% if has_owner %} or owner{% endif %}.
    fn delete(&self, {{owner_parameter}}id: Uuid, expected_version: Option<i64>) -> impl Future<Output = Result<bool, Error>> + Send;
}

/// The use cases.
pub struct {{UseCases}}<R> {
    repository: R,
}

impl<R: {{Resource}}Repository> {{UseCases}}<R> {
    /// Uses this repository of {{resources_words}}.
    pub fn new(repository: R) -> Self {
        Self { repository }
    }

    /// Creates {{a_resource}} with this id. A repeated request, as after a lost response, returns the existing one.
    pub async fn create(&self, id: Uuid, new: New{{Resource}}) -> Result<{{Resource}}, Error> {
        let now = platform::time::now();
        let New{{Resource}} {
{%- for field in field_list %}
{%- assign ident = field[1] %}{% assign local = field[2] %}
            {% if local != ident %}{{ident}}: {% endif %}{{local}},
{%- endfor %}
        } = new;
        let {{resource_ident}} = {{Resource}} {
            id,
            version: 1,
            created_at: now,
            updated_at: now,
{%- for field in field_list %}
{%- assign ident = field[1] %}{% assign local = field[2] %}
            {% if local != ident %}{{ident}}: {% endif %}{{local}},
{%- endfor %}
        };
        if self.repository.insert(&{{resource_ident}}).await? {
            return Ok({{resource_ident}});
        }
        let stored = self.get({% if has_owner %}&{{resource_ident}}.{{owner_ident}}, {% endif %}id).await?;
        let (created_at, updated_at) = (stored.created_at, stored.updated_at);
        let asked_for = {{Resource}} { created_at, updated_at, ..{{resource_ident}} };
        // Only version 1 still has the values that it was created with.
        if stored.version == 1 && stored != asked_for {
            return Err(Error::RequestIdReused);
        }
        Ok(stored)
    }

    /// Finds one {{resource_words}}.
    pub async fn get(&self, {{owner_parameter}}id: Uuid) -> Result<{{Resource}}, Error> {
{%- if has_owner %}
        match self.repository.find(id).await? {
            Some({{resource_ident}}) if {{resource_ident}}.{{owner_ident}} == owner => Ok({{resource_ident}}),
            Some(_) => Err(Error::NotYours(id)),
            None => Err(Error::NotFound(id)),
        }
{%- else %}
        self.repository.find(id).await?.ok_or(Error::NotFound(id))
{%- endif %}
    }

    /// Finds several, in the order of `ids`; [`Error::NotFound`] when one is missing{% if has_owner %} or has another owner{% endif %}.
    pub async fn batch_get(&self, {{owner_parameter}}ids: &[Uuid]) -> Result<Vec<{{Resource}}>, Error> {
        let found = self.repository.find_many({{owner_argument}}ids).await?;
        let found: HashMap<_, _> = found.into_iter().map(|row| (row.id, row)).collect();
        ids.iter().map(|id| found.get(id).cloned().ok_or(Error::NotFound(*id))).collect()
    }

    /// Lists {{resources_words}}.
    pub async fn list(&self, {{owner_parameter}}query: &ListQuery<{{Resource}}Field>) -> Result<Page<{{Resource}}>, Error> {
        let {{resources_ident}} = self.repository.list({{owner_argument}}query).await?;
        Ok(query.page({{resources_ident}})?)
    }

    /// Changes {{a_resource}}.
    pub async fn update(
        &self,
        {{owner_parameter}}id: Uuid,
        expected_version: Option<i64>,
        change: {{Resource}}Change,
    ) -> Result<{{Resource}}, Error> {
        let now = platform::time::now();
        match self.repository.update({{owner_argument}}id, expected_version, change, now).await? {
            Some({{resource_ident}}) => Ok({{resource_ident}}),
            None => Err(self.gone_or_changed({{owner_argument}}id).await?),
        }
    }

    /// Deletes {{a_resource}}.
    pub async fn delete(&self, {{owner_parameter}}id: Uuid, expected_version: Option<i64>) -> Result<(), Error> {
        if self.repository.delete({{owner_argument}}id, expected_version).await? {
            return Ok(());
        }
        Err(self.gone_or_changed({{owner_argument}}id).await?)
    }

    /// Finds out why no row was written.
    async fn gone_or_changed(&self, {{owner_parameter}}id: Uuid) -> Result<Error, Error> {
        self.get({{owner_argument}}id).await?;
        Ok(Error::Changed(id))
    }
}
