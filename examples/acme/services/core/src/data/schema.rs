//! The tables as the migrations make them.

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

diesel::table! {
    sessions (id) {
        id -> platform::database::types::Uuid,
        user_id -> platform::database::types::Uuid,
        created_at -> platform::database::types::Instant,
        expires_at -> platform::database::types::Instant,
        token_hash -> Binary,
    }
}

diesel::table! {
    user_roles (user_id, role) {
        user_id -> platform::database::types::Uuid,
        role -> Text,
    }
}
