CREATE INDEX CONCURRENTLY IF NOT EXISTS consultants_created_at_idx ON consultants (created_at DESC, id DESC);
