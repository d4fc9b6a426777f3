//! The tables, as the migrations leave them.

use platform::database::types::{Timestamptz, Uuid};

diesel::table! {
    use diesel::sql_types::*;

    users (id) {
        id -> super::Uuid,
        version -> Int8,
        created_at -> super::Timestamptz,
        updated_at -> super::Timestamptz,
        email -> Text,
        name -> Text,
        password_hash -> Text,
    }
}
