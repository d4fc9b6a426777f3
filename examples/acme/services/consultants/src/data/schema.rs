//! The tables after all migrations.

diesel::table! {
    consultants (id) {
        id -> platform::database::types::Uuid,
        version -> BigInt,
        created_at -> platform::database::types::Instant,
        updated_at -> platform::database::types::Instant,
        name -> Text,
        email -> Text,
        email_lower -> Nullable<Text>,
        born -> Nullable<Date>,
        active -> Bool,
    }
}
