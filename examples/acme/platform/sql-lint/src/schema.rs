//! The tables that the code of a service uses.

use std::collections::{BTreeMap, BTreeSet};

use syn::{
    Attribute, Expr, ExprLit, Ident, Item, ItemUse, Lit, Meta, Token, Type, braced, parenthesized,
    parse::{Parse, ParseStream, Result},
    punctuated::Punctuated,
};

/// The columns of each `diesel::table!` of a `schema.rs`, by table, as they are named in the database.
#[derive(Default)]
pub struct Schema(BTreeMap<String, BTreeSet<String>>);

impl Schema {
    /// Reads the source of a `schema.rs`.
    ///
    /// # Errors
    /// When it is not Rust, or a `table!` is not one that diesel takes.
    pub fn read(source: &str) -> Result<Self> {
        let mut schema = Self::default();
        schema.add(syn::parse_file(source)?.items)?;
        Ok(schema)
    }

    fn add(&mut self, items: Vec<Item>) -> Result<()> {
        for item in items {
            match item {
                Item::Macro(item) => {
                    let name = item.mac.path.segments.last();
                    if name.is_some_and(|name| name.ident == "table") {
                        let Table { name, columns } = item.mac.parse_body()?;
                        self.0.insert(name, columns);
                    }
                }
                // diesel writes a module for each schema of the database but `public`.
                Item::Mod(module) => {
                    let (_, items) = module.content.unwrap_or_default();
                    self.add(items)?;
                }
                _ => {}
            }
        }
        Ok(())
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

/// What is between the braces of a `table!`:
/// <https://docs.rs/diesel/latest/diesel/macro.table.html>.
struct Table {
    name: String,
    columns: BTreeSet<String>,
}

impl Parse for Table {
    fn parse(input: ParseStream) -> Result<Self> {
        while input.peek(Token![use]) {
            input.parse::<ItemUse>()?;
        }
        let attributes = input.call(Attribute::parse_outer)?;
        let path = Punctuated::<Ident, Token![.]>::parse_separated_nonempty(input)?;
        let name = name(&attributes, path.last());
        if input.peek(syn::token::Paren) {
            let primary_key;
            parenthesized!(primary_key in input);
            Punctuated::<Ident, Token![,]>::parse_terminated(&primary_key)?;
        }
        let body;
        braced!(body in input);
        let columns = Punctuated::<Column, Token![,]>::parse_terminated(&body)?;
        let columns = columns.into_iter().map(|column| column.0).collect();
        Ok(Self { name, columns })
    }
}

/// The name of a column.
struct Column(String);

impl Parse for Column {
    fn parse(input: ParseStream) -> Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let ident: Ident = input.parse()?;
        input.parse::<Token![->]>()?;
        input.parse::<Type>()?;
        Ok(Self(name(&attributes, Some(&ident))))
    }
}

/// The name in the database: that of an attribute `sql_name`, or else the one in Rust, where `r#type` is `type`.
fn name(attributes: &[Attribute], ident: Option<&Ident>) -> String {
    let sql_name = attributes
        .iter()
        .find_map(|attribute| match &attribute.meta {
            Meta::NameValue(meta) if meta.path.is_ident("sql_name") => match &meta.value {
                Expr::Lit(ExprLit {
                    lit: Lit::Str(name),
                    ..
                }) => Some(name.value()),
                _ => None,
            },
            _ => None,
        });
    let unraw = |ident: &Ident| syn::ext::IdentExt::unraw(ident).to_string();
    sql_name.unwrap_or_else(|| ident.map(unraw).unwrap_or_default())
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
             pub mod shop { diesel::table! { #[sql_name = \"the-goods\"] goods { id -> Int8 } } }\n\
             diesel::joinable!(orders -> values (a));\n",
        )
        .unwrap();
        let tables: Vec<_> = schema.0.keys().collect();
        assert_eq!(tables, ["orders", "the-goods", "values"]);
        for (table, column) in [
            ("orders", "id"),
            ("orders", "type"),
            ("values", "a"),
            ("values", "in"),
            ("the-goods", "id"),
        ] {
            assert!(schema.has_column(table, column), "{table}.{column}");
        }
        assert!(!schema.has_column("orders", "kind"));
        assert!(!schema.has_column("orders", "a"));
    }

    #[test]
    fn a_table_on_one_line_is_read_too() {
        let schema = Schema::read("diesel::table! { a (id) { id -> Int8, b -> Text } }").unwrap();
        assert!(schema.has_column("a", "id") && schema.has_column("a", "b"));
    }

    #[test]
    fn what_is_not_rust_is_refused() {
        assert!(Schema::read("diesel::table! {").is_err());
        assert!(Schema::read("diesel::table! { a (id) { id: Int8 } }").is_err());
    }
}
