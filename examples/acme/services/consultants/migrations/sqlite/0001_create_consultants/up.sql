CREATE TABLE IF NOT EXISTS consultants (
    id BLOB NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    email_lower TEXT GENERATED ALWAYS AS (lower(email)) STORED,
    born TEXT,
    active INTEGER NOT NULL,
    CONSTRAINT consultants_email_key UNIQUE (email_lower)
) STRICT;
