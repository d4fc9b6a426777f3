CREATE TABLE IF NOT EXISTS consultants (
    id UUID PRIMARY KEY,
    version INT8 NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    email_lower TEXT GENERATED ALWAYS AS (lower(email)) STORED,
    born DATE,
    active BOOLEAN NOT NULL,
    CONSTRAINT consultants_email_key UNIQUE (email_lower)
);
