//! Mounting a service into `core`, and undoing it exactly: one line in each of two files.

use std::{fs, ops::Range, path::Path};

use anyhow::{Context, Result, ensure};
use syn::{Expr, Item, spanned::Spanned};
use toml_edit::{DocumentMut, InlineTable, Table, value};

const MANIFEST: &str = "services/core/Cargo.toml";
const WIRING: &str = "services/core/src/server.rs";
const LIST: &str = "MOUNTED";

/// Adds the service to core's dependencies and to its list of mounted services.
pub fn mount(service: &str) -> Result<()> {
    ensure!(service != "core", "core cannot be mounted into itself");
    ensure!(
        Path::new("services")
            .join(service)
            .join("Cargo.toml")
            .exists(),
        "there is no service `{service}` in services/"
    );
    let (manifest, wiring) = read()?;
    ensure!(
        List::read(&wiring)?.find(service).is_none(),
        "`{service}` is mounted already"
    );
    write(
        &with_dependency(&manifest, service)?,
        &with_entry(&wiring, service)?,
    )?;
    println!("core now runs `{service}` too; `cargo xtask unmount {service}` undoes it");
    Ok(())
}

/// Removes the two lines again.
pub fn unmount(service: &str) -> Result<()> {
    let (manifest, wiring) = read()?;
    ensure!(
        List::read(&wiring)?.find(service).is_some(),
        "`{service}` is not mounted"
    );
    write(
        &without_dependency(&manifest, service)?,
        &without_entry(&wiring, service)?,
    )?;
    println!("core no longer runs `{service}`");
    Ok(())
}

fn read() -> Result<(String, String)> {
    let read = |path| fs::read_to_string(path).with_context(|| format!("cannot read {path}"));
    Ok((read(MANIFEST)?, read(WIRING)?))
}

fn write(manifest: &str, wiring: &str) -> Result<()> {
    fs::write(MANIFEST, manifest)?;
    fs::write(WIRING, wiring)?;
    Ok(())
}

/// Adds a dependency in its alphabetical place. The others keep their order, whatever it is.
fn with_dependency(manifest: &str, service: &str) -> Result<String> {
    let mut manifest = parse(manifest)?;
    let dependencies = dependencies(&mut manifest)?;
    let mut order: Vec<String> = dependencies
        .iter()
        .map(|(name, _)| name.to_owned())
        .collect();
    let place = order.iter().position(|name| &**name > service);
    order.insert(place.unwrap_or(order.len()), service.to_owned());

    let source = InlineTable::from_iter([("path", format!("../{service}"))]);
    dependencies.insert(service, value(source));
    let place = |name: &str| order.iter().position(|other| other == name);
    dependencies.sort_values_by(|left, _, right, _| place(left.get()).cmp(&place(right.get())));
    Ok(manifest.to_string())
}

fn without_dependency(manifest: &str, service: &str) -> Result<String> {
    let mut manifest = parse(manifest)?;
    dependencies(&mut manifest)?.remove(service);
    Ok(manifest.to_string())
}

fn parse(manifest: &str) -> Result<DocumentMut> {
    let parsed = manifest.parse();
    parsed.with_context(|| format!("cannot read {MANIFEST}"))
}

fn dependencies(manifest: &mut DocumentMut) -> Result<&mut Table> {
    let dependencies = manifest.get_mut("dependencies");
    let dependencies = dependencies.and_then(|table| table.as_table_mut());
    dependencies.with_context(|| format!("{MANIFEST} has no [dependencies]"))
}

/// Where the list of mounted services is in the text of the wiring.
struct List<'a> {
    source: &'a str,
    between_brackets: Range<usize>,
    entries: Vec<Range<usize>>,
}

impl<'a> List<'a> {
    fn read(source: &'a str) -> Result<Self> {
        let file = syn::parse_file(source).with_context(|| format!("cannot read {WIRING}"))?;
        let list = file.items.iter().find_map(|item| match item {
            Item::Const(item) if item.ident == LIST => match &*item.expr {
                Expr::Reference(reference) => match &*reference.expr {
                    Expr::Array(list) => Some(list),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        });
        let list = list.with_context(|| format!("{WIRING} has no list `{LIST}`"))?;
        let [open, close] = [
            list.bracket_token.span.open(),
            list.bracket_token.span.close(),
        ];
        let entries = list.elems.iter().map(|entry| entry.span().byte_range());
        Ok(Self {
            source,
            between_brackets: open.byte_range().end..close.byte_range().start,
            entries: entries.collect(),
        })
    }

    fn find(&self, service: &str) -> Option<&Range<usize>> {
        let wanted = entry(service);
        self.entries.iter().find(|entry| self.text(entry) == wanted)
    }

    fn text(&self, range: &Range<usize>) -> &'a str {
        &self.source[range.clone()]
    }

    /// Whether each entry has a line of its own, as rustfmt leaves a list that is long or has comments.
    fn has_lines(&self) -> bool {
        self.text(&self.between_brackets).contains('\n')
    }

    /// Where the line begins that a place is in.
    fn line_start(&self, place: usize) -> usize {
        self.source[..place].rfind('\n').map_or(0, |end| end + 1)
    }

    /// The source with other entries between the brackets, on one line.
    fn on_one_line(&self, entries: &[&str]) -> String {
        self.replace(self.between_brackets.clone(), &entries.join(", "))
    }

    fn replace(&self, range: Range<usize>, text: &str) -> String {
        let (before, after) = (&self.source[..range.start], &self.source[range.end..]);
        format!("{before}{text}{after}")
    }
}

fn entry(service: &str) -> String {
    format!("&{}::server::SERVICE", service.replace('-', "_"))
}

fn with_entry(wiring: &str, service: &str) -> Result<String> {
    let list = List::read(wiring)?;
    let new = entry(service);
    let next = list.entries.iter().position(|it| list.text(it) > &*new);
    if !list.has_lines() {
        let mut entries: Vec<_> = list.entries.iter().map(|entry| list.text(entry)).collect();
        entries.insert(next.unwrap_or(entries.len()), &new);
        return Ok(list.on_one_line(&entries));
    }
    let next = next.map_or(list.between_brackets.end, |next| list.entries[next].start);
    let place = list.line_start(next);
    Ok(list.replace(place..place, &format!("    {new},\n")))
}

fn without_entry(wiring: &str, service: &str) -> Result<String> {
    let list = List::read(wiring)?;
    let old = list.find(service).context("it is not in the list")?;
    if !list.has_lines() {
        let others = list.entries.iter().filter(|entry| *entry != old);
        let others: Vec<_> = others.map(|entry| list.text(entry)).collect();
        return Ok(list.on_one_line(&others));
    }
    let end = wiring[old.end..]
        .find('\n')
        .map_or(wiring.len(), |end| old.end + end + 1);
    Ok(list.replace(list.line_start(old.start)..end, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adds the service `c`, checks the result, and that removing it gives the same bytes again.
    fn round_trip(
        [with, without]: [fn(&str, &str) -> Result<String>; 2],
        before: &str,
        expected: &str,
    ) {
        let after = with(before, "c").unwrap();
        assert_eq!(after, expected);
        assert_eq!(without(&after, "c").unwrap(), before);
    }

    #[test]
    fn a_dependency_is_added_in_order_and_removed_without_a_trace() {
        for (before, expected) in [
            (
                "[dependencies]\n# why a\na.workspace = true\n\n# why d\nd = \"1\"   # and how\n\n[dev-dependencies]\nb = \"1\"\n",
                "[dependencies]\n# why a\na.workspace = true\nc = { path = \"../c\" }\n\n# why d\nd = \"1\"   # and how\n\n\
                 [dev-dependencies]\nb = \"1\"\n",
            ),
            (
                "[dependencies]\nz = \"1\"\nb.workspace = true\n\n[lints]\nworkspace = true\n",
                "[dependencies]\nc = { path = \"../c\" }\nz = \"1\"\nb.workspace = true\n\n[lints]\nworkspace = true\n",
            ),
            (
                "[dependencies]\na = \"1\"\n",
                "[dependencies]\na = \"1\"\nc = { path = \"../c\" }\n",
            ),
        ] {
            round_trip([with_dependency, without_dependency], before, expected);
        }
    }

    #[test]
    fn an_entry_is_added_in_order_and_removed_without_a_trace() {
        for (before, expected) in [
            (
                "pub const MOUNTED: &[&Service] = &[\n    // why\n];\nfn f() {}\n",
                "pub const MOUNTED: &[&Service] = &[\n    // why\n    &c::server::SERVICE,\n];\nfn f() {}\n",
            ),
            (
                "//! ä\nconst MOUNTED: &[&Service] = &[\n    &b::server::SERVICE, // b\n    // why d\n    &d::server::SERVICE,\n];\n",
                "//! ä\nconst MOUNTED: &[&Service] = &[\n    &b::server::SERVICE, // b\n    // why d\n    \
                 &c::server::SERVICE,\n    &d::server::SERVICE,\n];\n",
            ),
            (
                "const MOUNTED: &[&Service] = &[];\n",
                "const MOUNTED: &[&Service] = &[&c::server::SERVICE];\n",
            ),
            (
                "const MOUNTED: &[&Service] = &[&b::server::SERVICE, &d::server::SERVICE];\n",
                "const MOUNTED: &[&Service] = &[&b::server::SERVICE, &c::server::SERVICE, &d::server::SERVICE];\n",
            ),
        ] {
            round_trip([with_entry, without_entry], before, expected);
        }
    }

    #[test]
    fn a_name_with_hyphens_is_a_path_with_underscores() {
        let list = "const MOUNTED: &[&Service] = &[];\n";
        let longer = with_entry(list, "order-lines").unwrap();
        assert!(longer.contains("&order_lines::server::SERVICE"), "{longer}");
        assert!(List::read(&longer).unwrap().find("order-lines").is_some());
        assert!(List::read(&longer).unwrap().find("order").is_none());
    }

    #[test]
    fn wiring_without_the_list_is_refused_by_its_name() {
        let refused = with_entry("const OTHER: &[&Service] = &[];\n", "c").unwrap_err();
        assert_eq!(
            refused.to_string(),
            "services/core/src/server.rs has no list `MOUNTED`"
        );
    }
}
