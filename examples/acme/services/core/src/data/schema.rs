//! The tables, as the migrations leave them.

diesel::table! {
    users (id) {
        id -> platform::database::types::Uuid,
        version -> BigInt,
        created_at -> platform::database::types::Instant,
        updated_at -> platform::database::types::Instant,
        email -> Text,
        name -> Text,
        password_hash -> Text,
    }
}
