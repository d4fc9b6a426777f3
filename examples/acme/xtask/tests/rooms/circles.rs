//! Circles among the files of a crate.
//!
//! An arrow goes from a file to each file that defines what it names, wherever it is imported or re-exported from. Files
//! whose arrows lead back to where they started form a circle: none of them can be understood, tested or moved alone.
//!
//! A module and its children are one unit with the parent in front, so two arrows between them have rules of their own:
//!
//! - A parent may name its children. It declares them, re-exports them and puts them together, and that is no arrow.
//! - A child may use an item that its parent defines, such as a trait or an error, if that item does not need the child.
//!   It needs the child when its definition or its `impl` blocks name the child, directly or through other items.
//!
//! Code for tests alone (`#[cfg(test)]`) does not count.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    fmt, fs,
    path::{Path, PathBuf},
};

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Attribute, Item, ItemMacro, ItemMod, Type, UseTree};

/// Files that use each other: each arrow ends where the next begins, and the last ends where the first begins.
pub struct Circle(Vec<Arrow>);

struct Arrow {
    from: PathBuf,
    line: usize,
    /// As it is written there.
    path: String,
    to: PathBuf,
}

impl fmt::Display for Circle {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Arrow {
            from,
            line,
            path,
            to,
        } in &self.0
        {
            let (from, to) = (from.display(), to.display());
            writeln!(out, "  {from}:{line} uses `{path}`, which is in {to}")?;
        }
        Ok(())
    }
}

/// The circles of a crate, given its lib.rs or main.rs: the shortest of those that share files.
pub fn find(root: &Path) -> Vec<Circle> {
    let tree = Tree::read(root);
    let graph = tree.graph();
    let mut circles = Vec::new();
    for (from, edges) in &graph {
        for edge in edges.iter().filter(|edge| edge.to.file != from.file) {
            circles.extend(shortest(&graph, from, edge));
        }
    }
    circles.sort_by_key(Vec::len);
    let mut found: Vec<BTreeSet<usize>> = Vec::new();
    circles.retain(|circle| {
        let files = circle.iter().map(|edge| edge.to.file).collect();
        let is_new = !found.iter().any(|shorter| shorter.is_subset(&files));
        found.extend(is_new.then_some(files));
        is_new
    });
    circles.iter().map(|circle| tree.told(circle)).collect()
}

/// A file, or one item of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Node {
    /// The module that the file is.
    file: usize,
    item: Option<String>,
}

#[derive(Clone)]
struct Edge {
    to: Node,
    /// The file that it begins in.
    from: usize,
    line: usize,
    path: String,
}

type Graph = BTreeMap<Node, Vec<Edge>>;

/// The shortest way that begins with the edge and ends where it begins.
fn shortest(graph: &Graph, start: &Node, first: &Edge) -> Option<Vec<Edge>> {
    let mut seen = BTreeSet::from([first.to.clone()]);
    let mut ways = VecDeque::from([vec![first.clone()]]);
    while let Some(way) = ways.pop_front() {
        let last = &way[way.len() - 1].to;
        if last == start {
            return Some(way);
        }
        for edge in graph.get(last).into_iter().flatten() {
            if seen.insert(edge.to.clone()) {
                ways.push_back([&*way, std::slice::from_ref(edge)].concat());
            }
        }
    }
    None
}

/// The modules of a crate. The first is its root.
#[derive(Default)]
struct Tree {
    modules: Vec<Module>,
    /// The module of each exported macro. Other modules name the macro as if the root defined it.
    macros: HashMap<String, usize>,
}

struct Module {
    parent: Option<usize>,
    /// The module that its file belongs to: this one, unless it is written inside another.
    file: usize,
    path: PathBuf,
    children: HashMap<String, usize>,
    imports: Vec<Import>,
    /// The names that are defined here.
    defined: BTreeSet<String>,
    /// What each item mentions, with its `impl` blocks, by name.
    items: BTreeMap<String, Vec<Mention>>,
}

struct Import {
    /// `None` for a glob.
    name: Option<String>,
    mention: Mention,
}

/// A path of code, such as `crate::auth::Caller`.
struct Mention {
    path: Vec<String>,
    line: usize,
}

/// Where a path leads: to a module, or to an item that is defined in one.
struct Target {
    module: usize,
    item: Option<String>,
}

impl Tree {
    fn read(root: &Path) -> Self {
        let mut tree = Self::default();
        let folder = root.parent().unwrap_or(root);
        tree.read_file(None, root.to_owned(), folder);
        tree
    }

    fn read_file(&mut self, parent: Option<usize>, path: PathBuf, folder: &Path) -> usize {
        let source = fs::read_to_string(&path);
        let source = source.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let file = syn::parse_file(&source);
        let file = file.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let module = self.modules.len();
        self.read_module(parent, module, path, file.items, folder)
    }

    fn read_module(
        &mut self,
        parent: Option<usize>,
        file: usize,
        path: PathBuf,
        items: Vec<Item>,
        folder: &Path,
    ) -> usize {
        let module = self.modules.len();
        self.modules.push(Module {
            parent,
            file,
            path,
            children: HashMap::new(),
            imports: Vec::new(),
            defined: BTreeSet::new(),
            items: BTreeMap::new(),
        });
        for item in items {
            self.read_item(module, item, folder);
        }
        module
    }

    fn read_item(&mut self, module: usize, item: Item, folder: &Path) {
        if is_for_tests(attributes(&item)) {
            return;
        }
        match item {
            Item::Mod(ItemMod { ident, content, .. }) => {
                let name = ident.to_string();
                let inner = folder.join(&name);
                let child = match content {
                    Some((_, items)) => {
                        let Module { file, path, .. } = &self.modules[module];
                        self.read_module(Some(module), *file, path.clone(), items, &inner)
                    }
                    None => {
                        let alone = inner.with_extension("rs");
                        let in_folder = inner.join("mod.rs");
                        let path = if alone.exists() { alone } else { in_folder };
                        self.read_file(Some(module), path, &inner)
                    }
                };
                self.modules[module].children.insert(name, child);
            }
            Item::Use(item) => {
                let imports = &mut self.modules[module].imports;
                flatten(&item.tree, &mut Vec::new(), imports);
            }
            item => {
                let name = name(&item);
                if let Item::Macro(ItemMacro { attrs, .. }) = &item
                    && attrs.iter().any(|it| it.path().is_ident("macro_export"))
                {
                    self.macros.insert(name.clone(), module);
                }
                let here = &mut self.modules[module];
                if !matches!(item, Item::Impl(_)) {
                    here.defined.insert(name.clone());
                }
                let mentions = here.items.entry(name).or_default();
                scan(item.into_token_stream(), mentions);
            }
        }
    }

    fn resolve(&self, from: usize, path: &[String]) -> Option<Target> {
        self.follow(from, path, 0)
    }

    /// Follows a path, also through imports. Imports may form a circle, so the depth is limited.
    fn follow(&self, from: usize, path: &[String], depth: usize) -> Option<Target> {
        if depth > 20 {
            return None;
        }
        let mut module = from;
        for (place, segment) in path.iter().enumerate() {
            let rest = &path[place + 1..];
            let here = &self.modules[module];
            match &**segment {
                "crate" => module = 0,
                "self" => {}
                "super" => module = here.parent?,
                name => {
                    if let Some(child) = here.children.get(name) {
                        module = *child;
                        continue;
                    }
                    let defined = here.defined.contains(name).then_some(module);
                    let exported = self.macros.get(name).copied().filter(|_| module == 0);
                    if let Some(module) = defined.or(exported) {
                        let item = Some(name.to_owned());
                        return Some(Target { module, item });
                    }
                    let imported = self.imported(module, name, rest, depth);
                    let is_imported = here
                        .imports
                        .iter()
                        .any(|it| it.name.as_deref() == Some(name));
                    // A module that has no such name in its source: a macro defines it there.
                    let is_made = place > 0 && depth == 0 && !is_imported;
                    return imported.or(is_made.then_some(Target { module, item: None }));
                }
            }
        }
        Some(Target { module, item: None })
    }

    /// Follows a name that neither the module nor its children define.
    fn imported(&self, module: usize, name: &str, rest: &[String], depth: usize) -> Option<Target> {
        let imports = &self.modules[module].imports;
        let named = |import: &&Import| import.name.as_deref() == Some(name);
        if let Some(import) = imports.iter().find(named) {
            let path = [&*import.mention.path, rest].concat();
            return self.follow(module, &path, depth + 1);
        }
        let globs = imports.iter().filter(|import| import.name.is_none());
        globs.into_iter().find_map(|import| {
            let path = [&*import.mention.path, &[name.to_owned()], rest].concat();
            self.follow(module, &path, depth + 1)
        })
    }

    fn graph(&self) -> Graph {
        let mut graph = Graph::new();
        for (module, Module { imports, items, .. }) in self.modules.iter().enumerate() {
            let file = self.modules[module].file;
            let whole = Node { file, item: None };
            for mention in imports.iter().map(|import| &import.mention) {
                let edge = self.edge(module, mention, false);
                graph.entry(whole.clone()).or_default().extend(edge);
            }
            for (name, mentions) in items {
                let item = Some(name.clone());
                let item = Node { file, item };
                for mention in mentions {
                    let edge = self.edge(module, mention, false);
                    graph.entry(whole.clone()).or_default().extend(edge);
                    let edge = self.edge(module, mention, true);
                    graph.entry(item.clone()).or_default().extend(edge);
                }
            }
        }
        graph
    }

    /// The arrow of a mention, if it is one. Only items have arrows to children of their file and to other items of it.
    fn edge(&self, module: usize, mention: &Mention, of_an_item: bool) -> Option<Edge> {
        let Mention { path, line } = mention;
        let target = self.resolve(module, path)?;
        if target.item.is_none() && path.len() == 1 && path[0] != "super" {
            // A variable with the name of a module.
            return None;
        }
        let (from, to) = (self.modules[module].file, self.modules[target.module].file);
        let is_inside = from == to || self.is_ancestor(from, to);
        if is_inside && !of_an_item {
            return None;
        }
        let is_item = from == to || self.is_ancestor(to, from);
        let item = target.item.filter(|_| is_item);
        if from == to && item.is_none() {
            return None;
        }
        Some(Edge {
            to: Node { file: to, item },
            from,
            line: *line,
            path: path.join("::"),
        })
    }

    fn is_ancestor(&self, ancestor: usize, module: usize) -> bool {
        let mut parent = self.modules[module].parent;
        while let Some(module) = parent {
            if module == ancestor {
                return true;
            }
            parent = self.modules[module].parent;
        }
        false
    }

    fn told(&self, circle: &[Edge]) -> Circle {
        let path = |file: usize| self.modules[file].path.clone();
        let between = circle.iter().filter(|edge| edge.from != edge.to.file);
        let arrows = between.map(|edge| Arrow {
            from: path(edge.from),
            line: edge.line,
            path: edge.path.clone(),
            to: path(edge.to.file),
        });
        Circle(arrows.collect())
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let is_cfg = attribute.path().is_ident("cfg");
        is_cfg
            && attribute
                .parse_args::<syn::Ident>()
                .is_ok_and(|it| it == "test")
    })
}

/// The name of an item; that of an `impl` block is its type's. An item without a name gets an empty one.
fn name(item: &Item) -> String {
    let name = match item {
        Item::Const(item) => Some(&item.ident),
        Item::Enum(item) => Some(&item.ident),
        Item::Fn(item) => Some(&item.sig.ident),
        Item::Macro(item) => item.ident.as_ref(),
        Item::Static(item) => Some(&item.ident),
        Item::Struct(item) => Some(&item.ident),
        Item::Trait(item) => Some(&item.ident),
        Item::Type(item) => Some(&item.ident),
        Item::Impl(item) => match &*item.self_ty {
            Type::Path(path) => path.path.segments.last().map(|last| &last.ident),
            _ => None,
        },
        _ => None,
    };
    name.map(ToString::to_string).unwrap_or_default()
}

/// The names that a `use` brings in, with the path of each.
fn flatten(tree: &UseTree, prefix: &mut Vec<String>, imports: &mut Vec<Import>) {
    let mut add = |name: Option<String>, path: Vec<String>, ident: proc_macro2::Span| {
        let line = ident.start().line;
        let mention = Mention { path, line };
        imports.push(Import { name, mention });
    };
    match tree {
        UseTree::Path(path) => {
            prefix.push(path.ident.to_string());
            flatten(&path.tree, prefix, imports);
            prefix.pop();
        }
        UseTree::Group(group) => {
            for tree in &group.items {
                flatten(tree, prefix, imports);
            }
        }
        UseTree::Name(name) if name.ident == "self" => {
            add(prefix.last().cloned(), prefix.clone(), name.ident.span());
        }
        UseTree::Name(name) => {
            let text = name.ident.to_string();
            let path = [&**prefix, std::slice::from_ref(&text)].concat();
            add(Some(text), path, name.ident.span());
        }
        UseTree::Rename(rename) => {
            let path = [&**prefix, &[rename.ident.to_string()]].concat();
            add(Some(rename.rename.to_string()), path, rename.ident.span());
        }
        UseTree::Glob(glob) => {
            add(None, prefix.clone(), glob.star_token.spans[0]);
        }
    }
}

/// Collects the paths among the tokens of an item, those in macros too.
fn scan(tokens: TokenStream, mentions: &mut Vec<Mention>) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let is = |place: usize, wanted: &str| {
        wanted.chars().enumerate().all(|(offset, wanted)| {
            let token = tokens.get(place + offset);
            matches!(token, Some(TokenTree::Punct(mark)) if mark.as_char() == wanted)
        })
    };
    let ends_with = |place: usize, wanted: &str| {
        place
            .checked_sub(wanted.len())
            .is_some_and(|start| is(start, wanted))
    };
    let mut place = 0;
    while let Some(token) = tokens.get(place) {
        let start = place;
        place += 1;
        match token {
            TokenTree::Group(group) => scan(group.stream(), mentions),
            TokenTree::Ident(ident) => {
                let mut path = vec![ident.to_string()];
                while is(place, "::")
                    && let Some(TokenTree::Ident(next)) = tokens.get(place + 2)
                {
                    path.push(next.to_string());
                    place += 3;
                }
                let is_member = ends_with(start, ".") && !ends_with(start, "..");
                let is_lifetime = ends_with(start, "'");
                let is_rest_of_a_path = ends_with(start, "::");
                let is_alone = path.len() == 1;
                let names_a_field = is_alone && is(place, ":") && !is(place, "::");
                // As in `pub(super)`.
                let is_keyword = is_alone && ["crate", "self", "super"].contains(&&*path[0]);
                if !(is_member || is_lifetime || is_rest_of_a_path || names_a_field || is_keyword) {
                    let line = ident.span().start().line;
                    mentions.push(Mention { path, line });
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    /// The circles of a crate with these files, each as the files on its way.
    fn circles(files: &[(&str, &str)]) -> Vec<Vec<String>> {
        let (folder, found) = found(files);
        let name = |path: &Path| {
            let path = path.strip_prefix(folder.path()).unwrap();
            path.display().to_string()
        };
        let files = |Circle(arrows): &Circle| {
            let mut files: Vec<_> = arrows.iter().map(|arrow| name(&arrow.from)).collect();
            files.sort();
            files
        };
        found.iter().map(files).collect()
    }

    fn found(files: &[(&str, &str)]) -> (TempDir, Vec<Circle>) {
        let folder = tempfile::tempdir().unwrap();
        for (path, source) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, source).unwrap();
        }
        let found = find(&folder.path().join("lib.rs"));
        (folder, found)
    }

    #[test]
    fn arrows_in_one_direction_are_no_circle() {
        let files = [
            ("lib.rs", "mod a; mod b; mod c; pub use a::A; pub use c::C;"),
            ("a.rs", "use crate::b::B; pub struct A(B, crate::C);"),
            ("b.rs", "use super::c::C; pub struct B(C);"),
            ("c.rs", "pub struct C;"),
        ];
        assert_eq!(circles(&files), [[""; 0]; 0]);
    }

    #[test]
    fn two_files_that_name_each_other_are_a_circle_that_names_both() {
        let files = [
            ("lib.rs", "mod a;\nmod b;"),
            (
                "a.rs",
                "\nuse crate::b::B;\npub struct A;\nfn b() -> B { B }",
            ),
            ("b.rs", "pub struct B;\nfn a() { super::a::A; }"),
        ];
        let (folder, found) = found(&files);
        let [circle] = &*found else {
            panic!("there are {} circles", found.len())
        };
        let (a, b) = (folder.path().join("a.rs"), folder.path().join("b.rs"));
        let (a, b) = (a.display(), b.display());
        assert_eq!(
            circle.to_string(),
            format!(
                "  {a}:2 uses `crate::b::B`, which is in {b}\n  {b}:2 uses `super::a::A`, which is in {a}\n"
            )
        );
    }

    #[test]
    fn a_circle_of_three_files_is_found_once() {
        let files = [
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "pub struct A(crate::b::B);"),
            ("b.rs", "pub struct B(crate::c::C);"),
            ("c.rs", "pub struct C(Option<Box<crate::a::A>>);"),
        ];
        assert_eq!(circles(&files), [["a.rs", "b.rs", "c.rs"]]);
    }

    #[test]
    fn a_name_leads_to_the_file_that_defines_it_through_every_re_export() {
        let files = [
            (
                "lib.rs",
                "mod a; mod b; pub use self::b::*; pub use a::A as First;",
            ),
            ("a.rs", "pub struct A(crate::B);"),
            ("b/mod.rs", "mod inner; pub use inner::B;"),
            (
                "b/inner.rs",
                "use crate::First; pub struct B(Option<Box<First>>);",
            ),
        ];
        assert_eq!(circles(&files), [["a.rs", "b/inner.rs"]]);
    }

    #[test]
    fn an_impl_block_does_not_define_its_type() {
        let files = [
            (
                "lib.rs",
                "mod a; mod b; pub use b::B; impl From<()> for B {}",
            ),
            ("a.rs", "pub struct A(crate::B);"),
            ("b.rs", "use crate::a::A; pub struct B(Option<Box<A>>);"),
        ];
        assert_eq!(circles(&files), [["a.rs", "b.rs"]]);
    }

    #[test]
    fn a_path_in_a_macro_counts_and_so_does_an_exported_macro() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            (
                "a.rs",
                "#[macro_export] macro_rules! a { () => { $crate::b::B } }",
            ),
            (
                "b.rs",
                "pub struct B; fn a() { println!(\"{}\", crate::a!()); }",
            ),
        ];
        assert_eq!(circles(&files), [["a.rs", "b.rs"]]);
    }

    #[test]
    fn a_path_to_what_a_macro_defines_leads_to_the_file_of_the_macro() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            (
                "a.rs",
                "diesel::table! { users (id) { id -> crate::b::B } }",
            ),
            (
                "b.rs",
                "use crate::a::users; pub struct B; fn f() { users::table; }",
            ),
        ];
        assert_eq!(circles(&files), [["a.rs", "b.rs"]]);
    }

    #[test]
    fn fields_methods_lifetimes_and_variables_are_no_paths() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::b; pub fn a() { b(); }"),
            (
                "b.rs",
                "use super::*; pub(super) struct B<'a> { a: &'a str } pub fn b() { let a = B { a: \"\" }; a.a.a(a); }",
            ),
        ];
        assert_eq!(circles(&files), [[""; 0]; 0]);
    }

    #[test]
    fn code_for_tests_does_not_count() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "pub struct A(crate::b::B);"),
            (
                "b.rs",
                "pub struct B; #[cfg(test)] use crate::a::A; #[cfg(test)] mod tests { use crate::a::A; }",
            ),
        ];
        assert_eq!(circles(&files), [[""; 0]; 0]);
    }

    #[test]
    fn a_parent_may_put_its_children_together_and_define_what_they_need() {
        let files = [
            ("lib.rs", "mod cache;"),
            (
                "cache.rs",
                "mod memory; pub trait Store {} pub struct Cache(Box<dyn Store>);
                 impl Cache { fn new() -> Self { Self(Box::new(memory::Memory)) } }",
            ),
            (
                "cache/memory.rs",
                "use super::Store; pub struct Memory; impl Store for Memory {}",
            ),
        ];
        assert_eq!(circles(&files), [[""; 0]; 0]);
    }

    #[test]
    fn a_child_that_uses_what_needs_the_child_is_a_circle() {
        let files = [
            ("lib.rs", "mod cache;"),
            (
                "cache.rs",
                "mod memory; pub struct Cache(Inner); struct Inner; impl Inner { fn new() { memory::open(); } }",
            ),
            (
                "cache/memory.rs",
                "use super::Cache; pub fn open() -> Option<Cache> { None }",
            ),
        ];
        assert_eq!(circles(&files), [["cache.rs", "cache/memory.rs"]]);
    }

    #[test]
    fn a_circle_through_the_child_of_another_module_is_found() {
        let files = [
            ("lib.rs", "mod auth; mod config;"),
            (
                "auth.rs",
                "pub mod keys; pub struct Auth(crate::config::Config);",
            ),
            ("auth/keys.rs", "pub struct Keys(Option<Box<super::Auth>>);"),
            ("config.rs", "pub struct Config(crate::auth::keys::Keys);"),
        ];
        assert_eq!(circles(&files), [["auth.rs", "auth/keys.rs", "config.rs"]]);
    }

    #[test]
    fn a_module_within_a_file_belongs_to_the_file() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            (
                "a.rs",
                "pub mod types { pub struct A(super::Inner); } struct Inner; use crate::b::B;",
            ),
            ("b.rs", "pub struct B(Option<Box<crate::a::types::A>>);"),
        ];
        assert_eq!(circles(&files), [["a.rs", "b.rs"]]);
    }
}
