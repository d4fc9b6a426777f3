DROP TABLE IF EXISTS consultants;
