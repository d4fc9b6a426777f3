//! What the code of a service knows of its tables.

use std::collections::{BTreeMap, BTreeSet};

/// The columns of each `diesel::table!` of a `schema.rs`, by table.
pub struct Schema(BTreeMap<String, BTreeSet<String>>);

impl Schema {
    /// Reads them as diesel's own command writes them: a table or a column a line.
    pub fn read(source: &str) -> Self {
        let mut tables: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut table = String::new();
        let mut sql_name = None;
        for line in source.lines().map(str::trim) {
            if let Some(rest) = line.strip_prefix("#[sql_name = \"") {
                sql_name = rest.split('"').next();
            } else if let Some((name, _)) = line.split_once("->").filter(is_named) {
                let columns = tables.entry(table.clone()).or_default();
                columns.insert(sql_name.take().unwrap_or(plain(name)).to_owned());
            } else if line.ends_with('{')
                && let Some((name, _)) = line.split_once('(').filter(is_named)
            {
                table = sql_name.take().unwrap_or(plain(name)).to_owned();
                tables.entry(table.clone()).or_default();
            }
        }
        Self(tables)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn has_table(&self, table: &str) -> bool {
        self.0.contains_key(table)
    }

    pub fn has_column(&self, table: &str, column: &str) -> bool {
        self.0
            .get(table)
            .is_some_and(|columns| columns.contains(column))
    }
}

/// Whether a name is all there is on the left.
fn is_named((left, _): &(&str, &str)) -> bool {
    let name = plain(left);
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// `r#type` is `type`, and `shop.orders` is `orders`.
fn plain(name: &str) -> &str {
    let name = name.trim();
    let name = name.rsplit('.').next().unwrap_or(name);
    name.strip_prefix("r#").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_and_columns_have_their_names_in_the_database() {
        let schema = Schema::read(
            "diesel::table! {\n    use diesel::sql_types::{Text, Nullable};\n\n    /// What was (once) sold.\n    \
             shop.orders (id) {\n        id -> Int8,\n        #[sql_name = \"type\"]\n        kind -> Nullable<Text>,\n    \
             }\n}\n\ndiesel::table! {\n    r#values (a, b) {\n        a->Text,\n        r#in -> Text,\n    }\n}\n\
             diesel::joinable!(orders -> values (a));\n",
        );
        assert!(schema.has_table("orders") && schema.has_table("values"));
        assert_eq!(schema.0.len(), 2);
        for (table, column) in [
            ("orders", "id"),
            ("orders", "type"),
            ("values", "a"),
            ("values", "in"),
        ] {
            assert!(schema.has_column(table, column), "{table}.{column}");
        }
        assert!(!schema.has_column("orders", "kind"));
        assert!(!schema.has_column("orders", "a"));
    }
}
