DROP INDEX IF EXISTS consultants_created_at_idx;
