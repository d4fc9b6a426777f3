CREATE TABLE IF NOT EXISTS users (
    id UUID PRIMARY KEY,
    version INT8 NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    email TEXT NOT NULL,
    name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    CONSTRAINT users_email_key UNIQUE (email)
);
