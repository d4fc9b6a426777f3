use std::sync::Mutex;

use super::*;

{% if has_owner -%}
const OWNER: &str = "ada";

{% endif -%}
/// {{Resources_words}} in memory.
#[derive(Default)]
struct Fake {
    rows: Mutex<Vec<{{Resource}}>>,
}

impl {{Resource}}Repository for Fake {
    async fn insert(&self, {{resource_ident}}: &{{Resource}}) -> Result<bool, Error> {
        let mut rows = self.rows.lock().unwrap();
        if rows.iter().any(|other| other.id == {{resource_ident}}.id) {
            return Ok(false);
        }
{%- for field in field_list %}
{%- assign column = field[0] %}{% assign ident = field[1] %}{% assign traits = field[9] %}
{%- if traits contains "unique" and traits contains "caseless" %}
        if rows.iter().any(|other| {% if traits contains "optional" %}other.{{ident}}.as_ref().zip({{resource_ident}}.{{ident}}.as_ref()).is_some_and(|(one, other)| one.eq_ignore_ascii_case(other)){% else %}other.{{ident}}.eq_ignore_ascii_case(&{{resource_ident}}.{{ident}}){% endif %}) {
            return Err(Error::AlreadyExists("{{column}}"));
        }
{%- elsif traits contains "unique" %}
        if rows.iter().any(|other| other.{{ident}} == {{resource_ident}}.{{ident}}{% if traits contains "optional" %} && other.{{ident}}.is_some(){% endif %}) {
            return Err(Error::AlreadyExists("{{column}}"));
        }
{%- endif %}
{%- endfor %}
        rows.push({{resource_ident}}.clone());
        Ok(true)
    }

    async fn find(&self, id: Uuid) -> Result<Option<{{Resource}}>, Error> {
        Ok(self.rows.lock().unwrap().iter().find(|row| row.id == id).cloned())
    }

    async fn find_many(&self, {{owner_parameter}}ids: &[Uuid]) -> Result<Vec<{{Resource}}>, Error> {
        let rows = self.rows.lock().unwrap();
        Ok(rows.iter().filter(|row| {% if has_owner %}row.{{owner_ident}} == owner && {% endif %}ids.contains(&row.id)).cloned().collect())
    }

    async fn list(&self, {{owner_parameter}}query: &ListQuery<{{Resource}}Field>) -> Result<Vec<{{Resource}}>, Error> {
{%- if has_owner %}
        let mut rows = self.rows.lock().unwrap().clone();
        rows.retain(|row| row.{{owner_ident}} == owner);
        Ok(query.select(rows))
{%- else %}
        Ok(query.select(self.rows.lock().unwrap().clone()))
{%- endif %}
    }

    async fn update(
        &self,
        {{owner_parameter}}id: Uuid,
        expected_version: Option<i64>,
        change: {{Resource}}Change,
        now: DateTime<Utc>,
    ) -> Result<Option<{{Resource}}>, Error> {
        let mut rows = self.rows.lock().unwrap();
        let found = rows.iter_mut().find(|row| row.id == id && {% if has_owner %}row.{{owner_ident}} == owner && {% endif %}expected_version.is_none_or(|version| version == row.version));
        Ok(found.map(|row| {
            row.version += 1;
            row.updated_at = now;
            let {{Resource}}Change {
{%- for field in field_list %}
{%- assign ident = field[1] %}{% assign local = field[2] %}{% assign traits = field[9] %}
{%- if traits contains "changeable" %}
                {% if local != ident %}{{ident}}: {% endif %}{{local}},
{%- endif %}
{%- endfor %}
            } = change;
{%- for field in field_list %}
{%- assign ident = field[1] %}{% assign local = field[2] %}{% assign traits = field[9] %}
{%- if traits contains "changeable" %}
            if let Some(value) = {{local}} { row.{{ident}} = value; }
{%- endif %}
{%- endfor %}
            row.clone()
        }))
    }

    async fn delete(&self, {{owner_parameter}}id: Uuid, expected_version: Option<i64>) -> Result<bool, Error> {
        let mut rows = self.rows.lock().unwrap();
        let before = rows.len();
        rows.retain(|row| row.id != id || {% if has_owner %}row.{{owner_ident}} != owner || {% endif %}expected_version.is_some_and(|version| version != row.version));
        Ok(rows.len() < before)
    }
}

fn {{resources_ident}}() -> {{UseCases}}<Fake> {
    {{UseCases}}::new(Fake::default())
}

fn new_{{resource}}() -> New{{Resource}} {
    New{{Resource}} {
{%- for field in field_list %}
{%- assign ident = field[1] %}{% assign samples = field[13] %}
        {{ident}}: {{samples[0][0]}},
{%- endfor %}
    }
}

#[tokio::test]
async fn what_is_created_is_found() {
    let {{resources_ident}} = {{resources_ident}}();
    let created = {{resources_ident}}.create(Uuid::new_v4(), new_{{resource}}()).await.unwrap();
    assert_eq!(created.version, 1);
    assert_eq!({{resources_ident}}.get({{owner_sample}}created.id).await.unwrap(), created);
}

#[tokio::test]
async fn what_is_asked_for_again_is_created_once() {
    let {{resources_ident}} = {{resources_ident}}();
    let id = Uuid::new_v4();
    let created = {{resources_ident}}.create(id, new_{{resource}}()).await.unwrap();
    assert_eq!({{resources_ident}}.create(id, new_{{resource}}()).await.unwrap(), created);
{%- if samples_differ %}
    let other = New{{Resource}} {
{%- for field in field_list %}
{%- assign ident = field[1] %}{% assign samples = field[13] %}
        {{ident}}: {{samples[1][0]}},
{%- endfor %}
    };
    let reused = {{resources_ident}}.create(id, other).await;
    assert!(matches!(reused, Err(Error::RequestIdReused)));
{%- endif %}

    let change = {{Resource}}Change { {{change_sample}} };
    {{resources_ident}}.update({{owner_sample}}id, None, change).await.unwrap();
    assert!({{resources_ident}}.create(id, new_{{resource}}()).await.is_ok());
}

#[tokio::test]
async fn several_are_found_together_or_not_at_all() {
    let {{resources_ident}} = {{resources_ident}}();
    let id = {{resources_ident}}.create(Uuid::new_v4(), new_{{resource}}()).await.unwrap().id;
    let found = {{resources_ident}}.batch_get({{owner_sample}}&[id, id]).await.unwrap();
    assert_eq!(found.iter().map(|row| row.id).collect::<Vec<_>>(), [id, id]);

    let nobody = Uuid::new_v4();
    let missing = {{resources_ident}}.batch_get({{owner_sample}}&[id, nobody]).await;
    assert!(matches!(missing, Err(Error::NotFound(id)) if id == nobody));
}
{%- if has_unique %}

#[tokio::test]
async fn a_unique_value_is_taken_once() {
    let {{resources_ident}} = {{resources_ident}}();
    {{resources_ident}}.create(Uuid::new_v4(), new_{{resource}}()).await.unwrap();
    let again = {{resources_ident}}.create(Uuid::new_v4(), new_{{resource}}()).await;
    assert!(matches!(again, Err(Error::AlreadyExists("
{%- for field in field_list %}
{%- assign column = field[0] %}{% assign traits = field[9] %}
{%- if traits contains "unique" %}{{column}}{% break %}{% endif %}
{%- endfor %}"))));
}
{%- endif %}

#[tokio::test]
async fn a_change_with_an_old_version_is_refused() {
    let {{resources_ident}} = {{resources_ident}}();
    let created = {{resources_ident}}.create(Uuid::new_v4(), new_{{resource}}()).await.unwrap();

    let change = {{Resource}}Change { {{change_sample}} };
    let changed = {{resources_ident}}.update({{owner_sample}}created.id, Some(1), change.clone()).await.unwrap();
    assert_eq!(changed.version, 2);
    assert_eq!(changed, {{Resource}} { version: 2, updated_at: changed.updated_at, {{changed_sample}}, ..created });

    let stale = {{resources_ident}}.update({{owner_sample}}created.id, Some(1), change).await;
    assert!(matches!(stale, Err(Error::Changed(_))));
}

#[tokio::test]
async fn what_is_deleted_is_not_found() {
    let {{resources_ident}} = {{resources_ident}}();
    let created = {{resources_ident}}.create(Uuid::new_v4(), new_{{resource}}()).await.unwrap();

    let stale = {{resources_ident}}.delete({{owner_sample}}created.id, Some(7)).await;
    assert!(matches!(stale, Err(Error::Changed(_))));
    {{resources_ident}}.delete({{owner_sample}}created.id, Some(1)).await.unwrap();
    assert!(matches!({{resources_ident}}.get({{owner_sample}}created.id).await, Err(Error::NotFound(_))));
    let again = {{resources_ident}}.delete({{owner_sample}}created.id, None).await;
    assert!(matches!(again, Err(Error::NotFound(_))));
}
{%- if has_owner %}

#[tokio::test]
async fn what_is_anothers_is_neither_shown_nor_changed() {
    let {{resources_ident}} = {{resources_ident}}();
    let created = {{resources_ident}}.create(Uuid::new_v4(), new_{{resource}}()).await.unwrap();
    let id = created.id;

    let change = {{Resource}}Change { {{change_sample}} };
    let refused = [
        {{resources_ident}}.get("eve", id).await.map(drop),
        {{resources_ident}}.update("eve", id, None, change).await.map(drop),
        {{resources_ident}}.delete("eve", id, None).await,
    ];
    for refused in refused {
        assert!(matches!(refused, Err(Error::NotYours(_))), "{refused:?}");
    }
    let missing = {{resources_ident}}.batch_get("eve", &[id]).await;
    assert!(matches!(missing, Err(Error::NotFound(_))));
    assert_eq!({{resources_ident}}.get(OWNER, id).await.unwrap(), created);
}
{%- endif %}
