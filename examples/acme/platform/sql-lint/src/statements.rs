//! Parsing SQL into statements, with their tokens.

use sqlparser::{
    ast::Statement,
    dialect::Dialect,
    parser::Parser,
    tokenizer::{Token, TokenWithSpan, Tokenizer},
};

/// A statement and its tokens.
pub struct Parsed {
    pub statement: Statement,
    pub tokens: Vec<TokenWithSpan>,
}

/// Parses statements that are separated by semicolons.
///
/// # Errors
/// The parser's message about the first statement that it does not understand.
pub fn parse(dialect: &dyn Dialect, sql: &str) -> Result<Vec<Parsed>, String> {
    let tokens = Tokenizer::new(dialect, sql)
        .tokenize_with_location()
        .map_err(|error| error.to_string())?;
    tokens
        .split(|token| token.token == Token::SemiColon)
        .map(|tokens| tokens.iter().filter(|token| !is_space(token)).cloned())
        .map(Iterator::collect)
        .filter(|tokens: &Vec<_>| !tokens.is_empty())
        .map(|tokens| parse_one(dialect, tokens))
        .collect()
}

fn parse_one(dialect: &dyn Dialect, tokens: Vec<TokenWithSpan>) -> Result<Parsed, String> {
    let mut parser = Parser::new(dialect).with_tokens_with_locations(tokens.clone());
    let statement = parser
        .parse_statement()
        .map_err(|error| error.to_string())?;
    let rest = parser.peek_token();
    if rest.token != Token::EOF {
        return Err(format!("unexpected `{rest}` after `{statement}`"));
    }
    Ok(Parsed { statement, tokens })
}

fn is_space(token: &TokenWithSpan) -> bool {
    matches!(token.token, Token::Whitespace(_))
}
