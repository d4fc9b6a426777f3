//! Storage, on both databases.

use {{service_crate}}::{
    biz::{{test_biz_imports}},
    data::{{Resource}}Store,
    server::MIGRATIONS,
};
use platform::{page::Cursor, time};
use uuid::Uuid;

macro_rules! on_both_databases {
    ($($rule:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $rule() {
                let database = testkit::database(&super::MIGRATIONS).await;
                super::$rule(super::{{Resource}}Store::new(database.clone())).await;
            })*
        }

        mod postgres {
            $(#[tokio::test]
            #[ignore = "needs DATABASE_URL"]
            async fn $rule() {
                let database = testkit::postgres(&super::MIGRATIONS).await;
                super::$rule(super::{{Resource}}Store::new(database.clone())).await;
            })*
        }
    };
}

on_both_databases! {
    what_is_inserted_is_found,
    a_change_is_stored_once,
    lists_begin_with_the_newest,
    what_is_deleted_is_gone,
{%- if has_unique %}
    a_unique_value_is_taken_once,
{%- endif %}
}

fn first() -> {{Resource}} {
    let now = time::now();
    {{Resource}} {
        id: Uuid::new_v4(),
        version: 1,
        created_at: now,
        updated_at: now,
{%- for line in first_samples %}
        {{line}}
{%- endfor %}
    }
}

fn second() -> {{Resource}} {
    let now = time::now();
    {{Resource}} {
        id: Uuid::new_v4(),
        version: 1,
        created_at: now,
        updated_at: now,
{%- for line in second_samples %}
        {{line}}
{%- endfor %}
    }
}

async fn what_is_inserted_is_found({{resources_ident}}: {{Resource}}Store) {
    for {{resource_ident}} in [first(), second()] {
        {{resources_ident}}.insert(&{{resource_ident}}).await.unwrap();
        assert_eq!({{resources_ident}}.find({{resource_ident}}.id).await.unwrap(), Some({{resource_ident}}));
    }
    assert_eq!({{resources_ident}}.find(Uuid::new_v4()).await.unwrap(), None);
}

async fn a_change_is_stored_once({{resources_ident}}: {{Resource}}Store) {
    let old = first();
    {{resources_ident}}.insert(&old).await.unwrap();

    let new = {{Resource}} { id: old.id, version: 2, created_at: old.created_at, ..second() };
    let change = {{Resource}}Change {
{%- for line in change_to_new %}
        {{line}}
{%- endfor %}
    };
    let stored = {{resources_ident}}.update(old.id, Some(1), change.clone(), new.updated_at).await;
    assert_eq!(stored.unwrap(), Some(new.clone()));
    let stale = {{resources_ident}}.update(old.id, Some(1), change, time::now()).await;
    assert_eq!(stale.unwrap(), None);
    assert_eq!({{resources_ident}}.find(old.id).await.unwrap(), Some(new));

    let nothing = {{resources_ident}}.update(old.id, None, {{Resource}}Change::default(), time::now()).await;
    assert_eq!(nothing.unwrap().map(|stored| stored.version), Some(3));
}

async fn lists_begin_with_the_newest({{resources_ident}}: {{Resource}}Store) {
    let (older, newer) = (first(), second());
    {{resources_ident}}.insert(&older).await.unwrap();
    {{resources_ident}}.insert(&newer).await.unwrap();
    let mut expected = [older, newer];
    expected.sort_by_key(|{{resource_ident}}| std::cmp::Reverse(({{resource_ident}}.created_at, {{resource_ident}}.id)));

    assert_eq!({{resources_ident}}.list(None, 10).await.unwrap(), expected);
    let after = Cursor { created_at: expected[0].created_at, id: expected[0].id };
    assert_eq!({{resources_ident}}.list(Some(after), 10).await.unwrap(), expected[1..]);
}

async fn what_is_deleted_is_gone({{resources_ident}}: {{Resource}}Store) {
    let {{resource_ident}} = first();
    {{resources_ident}}.insert(&{{resource_ident}}).await.unwrap();

    assert!(!{{resources_ident}}.delete({{resource_ident}}.id, Some(7)).await.unwrap());
    assert!({{resources_ident}}.delete({{resource_ident}}.id, Some(1)).await.unwrap());
    assert!(!{{resources_ident}}.delete({{resource_ident}}.id, None).await.unwrap());
    assert_eq!({{resources_ident}}.find({{resource_ident}}.id).await.unwrap(), None);
}
{%- if has_unique %}

async fn a_unique_value_is_taken_once({{resources_ident}}: {{Resource}}Store) {
    {{resources_ident}}.insert(&first()).await.unwrap();
{%- for field in unique_fields %}

    let same = {{Resource}} { {{field[2]}}: first().{{field[2]}}, ..second() };
    let refused = {{resources_ident}}.insert(&same).await;
    assert!(matches!(refused, Err(Error::AlreadyExists("{{field[0]}}"))), "{refused:?}");
{%- endfor %}
}
{%- endif %}
