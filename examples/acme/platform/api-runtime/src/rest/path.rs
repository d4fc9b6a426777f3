//! Path templates, and the tree that finds the template for a path.

use std::{borrow::Cow, collections::BTreeMap};

use crate::params::percent_decode;

/// A parsed path template such as `/v1/{name=shelves/*/books/*}:read`.
#[derive(Debug)]
pub struct Template {
    /// The text in the contract.
    pub text: &'static str,
    pub segments: &'static [Segment],
    /// The word after `:`.
    pub verb: Option<&'static str>,
    pub variables: &'static [Variable],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment {
    Literal(&'static str),
    /// `*`: exactly one segment.
    One,
    /// `**`: all remaining segments, possibly none.
    Rest,
}

/// A field of the request message that the path sets.
#[derive(Debug)]
pub struct Variable {
    /// The field's path, `big_thing.id`.
    pub field: &'static str,
    /// The same in JSON names, `bigThing.id`.
    pub json: &'static str,
    /// Its segments are `first..end` of the template.
    pub first: usize,
    pub end: usize,
}

impl Template {
    /// The variables of the request message and their decoded values, for a matching path.
    ///
    /// A variable with one segment is fully percent-decoded. One with several segments keeps reserved characters (RFC
    /// 6570) encoded, because they would change the number or meaning of its segments. It keeps `%25`, too, or `%2523`
    /// would become the `%23` that stands for another path. `None` is a value that is not UTF-8.
    pub(crate) fn values<'a>(
        &'static self,
        path: &'a str,
    ) -> impl Iterator<Item = (&'static Variable, Option<Cow<'a, str>>)> + 'a {
        let path = self.without_verb(path);
        self.variables.iter().map(move |variable| {
            let (first, end) = (variable.first, variable.end);
            let single = end == first + 1 && self.segments[first] != Segment::Rest;
            let mut value = segments(path).skip(first);
            let decoded = if single {
                percent_decode(value.next().unwrap_or_default())
            } else {
                let open = self.segments[first..end].contains(&Segment::Rest);
                let count = if open { usize::MAX } else { end - first };
                let raw: Vec<&str> = value.by_ref().take(count).collect();
                decode_unreserved(&raw.join("/")).map(Cow::Owned)
            };
            (variable, decoded)
        })
    }

    fn without_verb<'a>(&self, path: &'a str) -> &'a str {
        match self.verb {
            Some(verb) => path
                .strip_suffix(verb)
                .and_then(|p| p.strip_suffix(':'))
                .unwrap_or(path),
            None => path,
        }
    }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.strip_prefix('/').unwrap_or(path).split('/')
}

/// Decodes all characters except those that RFC 6570 reserves, and `%`.
fn decode_unreserved(raw: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let code = (byte == b'%')
            .then(|| tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok()))
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match code {
            Some(code) if !b"!#$%&'()*+,/:;=?@[]".contains(&code) => {
                bytes.push(code);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

/// Finds the value of the template that matches a path. A literal takes precedence over `*`, and `*` over `**`.
pub struct Tree<T> {
    root: Node<T>,
    /// Every `:verb` of all templates; any other word after a colon belongs to the segment.
    verbs: Vec<&'static str>,
}

struct Node<T> {
    literals: BTreeMap<&'static str, Node<T>>,
    one: Option<Box<Node<T>>>,
    here: Leaf<T>,
    rest: Leaf<T>,
}

/// HTTP methods by `:verb`.
type Leaf<T> = BTreeMap<Option<&'static str>, BTreeMap<&'static str, T>>;

impl<T> Default for Tree<T> {
    fn default() -> Self {
        Self {
            root: Node::default(),
            verbs: Vec::new(),
        }
    }
}

impl<T> Default for Node<T> {
    fn default() -> Self {
        Self {
            literals: BTreeMap::new(),
            one: None,
            here: BTreeMap::new(),
            rest: BTreeMap::new(),
        }
    }
}

impl<T> Tree<T> {
    /// # Errors
    /// Returns the existing value and `value`, if the place is taken.
    pub fn insert(
        &mut self,
        method: &'static str,
        template: &'static Template,
        value: T,
    ) -> Result<(), (T, T)> {
        let mut node = &mut self.root;
        let mut rest = false;
        for segment in template.segments {
            match segment {
                Segment::Literal(word) => node = node.literals.entry(word).or_default(),
                Segment::One => node = node.one.get_or_insert_default(),
                Segment::Rest => rest = true,
            }
        }
        if let Some(verb) = template.verb
            && !self.verbs.contains(&verb)
        {
            self.verbs.push(verb);
        }
        let leaf = if rest { &mut node.rest } else { &mut node.here };
        let methods = leaf.entry(template.verb).or_default();
        if let Some(other) = methods.remove(method) {
            return Err((other, value));
        }
        methods.insert(method, value);
        Ok(())
    }

    /// The values for a path, by HTTP method.
    pub fn find(&self, path: &str) -> Option<&BTreeMap<&'static str, T>> {
        let before = |verb: &str| path.strip_suffix(verb)?.strip_suffix(':');
        let mut verbs = self.verbs.iter();
        let split = verbs.find_map(|verb| Some((before(verb)?, Some(*verb))));
        let (path, verb) = split.unwrap_or((path, None));
        self.root.find(path.strip_prefix('/')?, verb)
    }
}

impl<T> Node<T> {
    fn find(&self, path: &str, verb: Option<&str>) -> Option<&BTreeMap<&'static str, T>> {
        let (segment, tail) = match path.split_once('/') {
            Some((segment, tail)) => (segment, Some(tail)),
            None => (path, None),
        };
        self.literals
            .get(segment)
            .and_then(|node| node.next(tail, verb))
            .or_else(|| match (&self.one, segment) {
                (Some(node), segment) if !segment.is_empty() => node.next(tail, verb),
                _ => None,
            })
            .or_else(|| leaf(&self.rest, verb))
    }

    fn next(&self, tail: Option<&str>, verb: Option<&str>) -> Option<&BTreeMap<&'static str, T>> {
        match tail {
            Some(tail) => self.find(tail, verb),
            None => self.at_end(verb),
        }
    }

    fn at_end(&self, verb: Option<&str>) -> Option<&BTreeMap<&'static str, T>> {
        leaf(&self.here, verb).or_else(|| leaf(&self.rest, verb))
    }
}

fn leaf<'a, T>(leaf: &'a Leaf<T>, verb: Option<&str>) -> Option<&'a BTreeMap<&'static str, T>> {
    leaf.iter()
        .find(|(key, _)| **key == verb)
        .map(|(_, methods)| methods)
}

#[cfg(test)]
mod tests {
    use super::{
        Segment::{Literal, One, Rest},
        *,
    };

    const fn template(segments: &'static [Segment], verb: Option<&'static str>) -> Template {
        Template {
            text: "",
            segments,
            verb,
            variables: &[],
        }
    }

    #[test]
    fn a_literal_wins_over_one_segment_and_that_over_the_rest() {
        static SHELF: Template = template(&[Literal("v1"), One], None);
        static MINE: Template = template(&[Literal("v1"), Literal("mine")], None);
        static BOOK: Template = template(&[Literal("v1"), One, Literal("books")], None);
        static FILE: Template = template(&[Literal("v1"), Rest], None);
        static READ: Template = template(&[Literal("v1"), One], Some("read"));
        let mut tree = Tree::default();
        for (name, template) in [
            ("shelf", &SHELF),
            ("mine", &MINE),
            ("book", &BOOK),
            ("file", &FILE),
            ("read", &READ),
        ] {
            tree.insert("GET", template, name).unwrap();
        }
        let find = |path| tree.find(path).map(|methods| methods["GET"]);

        assert_eq!(find("/v1/a"), Some("shelf"));
        assert_eq!(find("/v1/mine"), Some("mine"));
        assert_eq!(
            find("/v1/mine/books"),
            Some("book"),
            "goes back to the wildcard"
        );
        assert_eq!(find("/v1/a/b/c"), Some("file"));
        assert_eq!(find("/v1"), Some("file"), "the rest may be nothing");
        assert_eq!(find("/v1/a:read"), Some("read"));
        assert_eq!(
            find("/v1/a:write"),
            Some("shelf"),
            "no verb of any template"
        );
        assert_eq!(find("/v2"), None);
        assert_eq!(tree.insert("GET", &MINE, "again"), Err(("mine", "again")));
    }

    #[test]
    fn variables_are_decoded_as_far_as_they_keep_their_segments() {
        static NAME: Template = Template {
            text: "/v1/{name=shelves/*/**}",
            segments: &[Literal("v1"), Literal("shelves"), One, Rest],
            verb: None,
            variables: &[Variable {
                field: "name",
                json: "name",
                first: 1,
                end: 4,
            }],
        };
        static ID: Template = Template {
            text: "/v1/{id}:go",
            segments: &[Literal("v1"), One],
            verb: Some("go"),
            variables: &[Variable {
                field: "id",
                json: "id",
                first: 1,
                end: 2,
            }],
        };
        let value = |template: &'static Template, path: &str| {
            template
                .values(path)
                .map(|(_, value)| value)
                .next()
                .flatten()
                .map(Cow::into_owned)
        };

        assert_eq!(
            value(&NAME, "/v1/shelves/a%20b/c%2Fd/%65").unwrap(),
            "shelves/a b/c%2Fd/e"
        );
        assert_eq!(
            value(&NAME, "/v1/shelves/x%23/x%2523").unwrap(),
            "shelves/x%23/x%2523"
        );
        assert_eq!(value(&ID, "/v1/a%2Fb%25:go").unwrap(), "a/b%");
        assert_eq!(value(&ID, "/v1/%ff:go"), None, "is not UTF-8");
    }
}
