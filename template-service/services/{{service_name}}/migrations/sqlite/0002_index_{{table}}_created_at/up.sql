CREATE INDEX IF NOT EXISTS {{created_at_index}} ON {{table_sql}} ({{owner_index}}created_at DESC, id DESC);
