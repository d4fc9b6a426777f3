DROP INDEX IF EXISTS {{created_at_index}};
