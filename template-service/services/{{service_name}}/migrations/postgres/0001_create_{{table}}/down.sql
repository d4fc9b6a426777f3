DROP TABLE IF EXISTS {{table_sql}};
