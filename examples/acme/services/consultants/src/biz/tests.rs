use std::sync::Mutex;

use super::*;

/// Consultants in memory.
#[derive(Default)]
struct Fake {
    rows: Mutex<Vec<Consultant>>,
}

impl ConsultantRepository for Fake {
    async fn insert(&self, consultant: &Consultant) -> Result<bool, Error> {
        let mut rows = self.rows.lock().unwrap();
        if rows.iter().any(|other| other.id == consultant.id) {
            return Ok(false);
        }
        if rows
            .iter()
            .any(|other| other.email.eq_ignore_ascii_case(&consultant.email))
        {
            return Err(Error::AlreadyExists("email"));
        }
        rows.push(consultant.clone());
        Ok(true)
    }

    async fn find(&self, id: Uuid) -> Result<Option<Consultant>, Error> {
        Ok(self
            .rows
            .lock()
            .unwrap()
            .iter()
            .find(|row| row.id == id)
            .cloned())
    }

    async fn find_many(&self, ids: &[Uuid]) -> Result<Vec<Consultant>, Error> {
        let rows = self.rows.lock().unwrap();
        Ok(rows
            .iter()
            .filter(|row| ids.contains(&row.id))
            .cloned()
            .collect())
    }

    async fn list(&self, query: &ListQuery<ConsultantField>) -> Result<Vec<Consultant>, Error> {
        Ok(query.select(self.rows.lock().unwrap().clone()))
    }

    async fn update(
        &self,
        id: Uuid,
        expected_version: Option<i64>,
        change: ConsultantChange,
        now: DateTime<Utc>,
    ) -> Result<Option<Consultant>, Error> {
        let mut rows = self.rows.lock().unwrap();
        let found = rows.iter_mut().find(|row| {
            row.id == id && expected_version.is_none_or(|version| version == row.version)
        });
        Ok(found.map(|row| {
            row.version += 1;
            row.updated_at = now;
            let ConsultantChange {
                name,
                email,
                born,
                active,
            } = change;
            if let Some(value) = name {
                row.name = value;
            }
            if let Some(value) = email {
                row.email = value;
            }
            if let Some(value) = born {
                row.born = value;
            }
            if let Some(value) = active {
                row.active = value;
            }
            row.clone()
        }))
    }

    async fn delete(&self, id: Uuid, expected_version: Option<i64>) -> Result<bool, Error> {
        let mut rows = self.rows.lock().unwrap();
        let before = rows.len();
        rows.retain(|row| {
            row.id != id || expected_version.is_some_and(|version| version != row.version)
        });
        Ok(rows.len() < before)
    }
}

fn consultants() -> Consultants<Fake> {
    Consultants::new(Fake::default())
}

fn new_consultant() -> NewConsultant {
    NewConsultant {
        name: "name a".to_owned(),
        email: "a@example.com".to_owned(),
        born: Some("1990-04-12".parse().unwrap()),
        active: true,
    }
}

#[tokio::test]
async fn what_is_created_is_found() {
    let consultants = consultants();
    let created = consultants
        .create(Uuid::new_v4(), new_consultant())
        .await
        .unwrap();
    assert_eq!(created.version, 1);
    assert_eq!(consultants.get(created.id).await.unwrap(), created);
}

#[tokio::test]
async fn what_is_asked_for_again_is_created_once() {
    let consultants = consultants();
    let id = Uuid::new_v4();
    let created = consultants.create(id, new_consultant()).await.unwrap();
    assert_eq!(
        consultants.create(id, new_consultant()).await.unwrap(),
        created
    );
    let other = NewConsultant {
        name: "name b".to_owned(),
        email: "b@example.com".to_owned(),
        born: Some("2000-02-29".parse().unwrap()),
        active: false,
    };
    let reused = consultants.create(id, other).await;
    assert!(matches!(reused, Err(Error::RequestIdReused)));

    let change = ConsultantChange {
        name: Some("name b".to_owned()),
        ..ConsultantChange::default()
    };
    consultants.update(id, None, change).await.unwrap();
    assert!(consultants.create(id, new_consultant()).await.is_ok());
}

#[tokio::test]
async fn several_are_found_together_or_not_at_all() {
    let consultants = consultants();
    let id = consultants
        .create(Uuid::new_v4(), new_consultant())
        .await
        .unwrap()
        .id;
    let found = consultants.batch_get(&[id, id]).await.unwrap();
    assert_eq!(found.iter().map(|row| row.id).collect::<Vec<_>>(), [id, id]);

    let nobody = Uuid::new_v4();
    let missing = consultants.batch_get(&[id, nobody]).await;
    assert!(matches!(missing, Err(Error::NotFound(id)) if id == nobody));
}

#[tokio::test]
async fn a_unique_value_is_taken_once() {
    let consultants = consultants();
    consultants
        .create(Uuid::new_v4(), new_consultant())
        .await
        .unwrap();
    let again = consultants.create(Uuid::new_v4(), new_consultant()).await;
    assert!(matches!(again, Err(Error::AlreadyExists("email"))));
}

#[tokio::test]
async fn a_change_with_an_old_version_is_refused() {
    let consultants = consultants();
    let created = consultants
        .create(Uuid::new_v4(), new_consultant())
        .await
        .unwrap();

    let change = ConsultantChange {
        name: Some("name b".to_owned()),
        ..ConsultantChange::default()
    };
    let changed = consultants
        .update(created.id, Some(1), change.clone())
        .await
        .unwrap();
    assert_eq!(changed.version, 2);
    assert_eq!(
        changed,
        Consultant {
            version: 2,
            updated_at: changed.updated_at,
            name: "name b".to_owned(),
            ..created
        }
    );

    let stale = consultants.update(created.id, Some(1), change).await;
    assert!(matches!(stale, Err(Error::Changed(_))));
}

#[tokio::test]
async fn what_is_deleted_is_not_found() {
    let consultants = consultants();
    let created = consultants
        .create(Uuid::new_v4(), new_consultant())
        .await
        .unwrap();

    let stale = consultants.delete(created.id, Some(7)).await;
    assert!(matches!(stale, Err(Error::Changed(_))));
    consultants.delete(created.id, Some(1)).await.unwrap();
    assert!(matches!(
        consultants.get(created.id).await,
        Err(Error::NotFound(_))
    ));
    let again = consultants.delete(created.id, None).await;
    assert!(matches!(again, Err(Error::NotFound(_))));
}
