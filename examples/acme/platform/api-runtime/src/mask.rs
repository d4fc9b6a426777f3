//! The fields that an update changes (AIP-134, AIP-161).

use crate::wkt::FieldMask;

/// The update mask of a request, for the code that turns the request into a change.
///
/// The mask touches a field if it names the field or its parent. Without a mask, the fields that have a value in the
/// request are touched. Paths of fields that only the server sets have no effect. The generated adapter has refused
/// unknown paths, and required fields that the mask names without a value.
#[derive(Clone, Debug, Default)]
pub struct UpdateMask(Option<Vec<String>>);

impl UpdateMask {
    /// The path that stands for all fields.
    pub const ALL: &'static str = "*";

    /// A mask without paths counts as no mask.
    pub fn new(mask: Option<FieldMask>) -> Self {
        Self(
            mask.map(|mask| mask.paths)
                .filter(|paths| !paths.is_empty()),
        )
    }

    /// `Some` sets a field that always has a value.
    pub fn required<T>(&self, path: &str, value: Option<T>) -> Option<T> {
        value.filter(|_| self.touches(path))
    }

    /// `Some(None)` clears an optional field, `Some(Some(value))` sets it.
    pub fn optional<T>(&self, path: &str, value: Option<T>) -> Option<Option<T>> {
        match &self.0 {
            Some(_) => self.touches(path).then_some(value),
            None => value.map(Some),
        }
    }

    /// Whether the mask allows a field to be changed; without a mask, every field may be.
    pub fn touches(&self, path: &str) -> bool {
        self.0.as_ref().is_none_or(|paths| {
            paths
                .iter()
                .any(|named| named == Self::ALL || starts_with(path, named))
        })
    }
}

/// Whether an update with this mask sets the field `path`: the mask names it, its parent or a field below it. Without a
/// mask, or with `*`, the update sets the field if the request has a value for it.
pub fn sets(mask: Option<&FieldMask>, path: &str, has_value: bool) -> bool {
    let mut paths = mask.iter().flat_map(|mask| &mask.paths).peekable();
    if paths.peek().is_none() {
        return has_value;
    }
    paths.any(|named| match named.as_str() {
        UpdateMask::ALL => has_value,
        named => starts_with(path, named) || starts_with(named, path),
    })
}

/// Whether `path` is `parent` or lies below it.
fn starts_with(path: &str, parent: &str) -> bool {
    path.strip_prefix(parent)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

pub(crate) trait Masked {
    /// Whether the mask names the path, its parent or a path below it.
    fn covers(&self, path: &[&str]) -> bool;
}

impl Masked for FieldMask {
    fn covers(&self, path: &[&str]) -> bool {
        let path = path.join(".");
        self.paths.iter().any(|named| {
            named == UpdateMask::ALL || starts_with(&path, named) || starts_with(named, &path)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(paths: &[&str]) -> UpdateMask {
        UpdateMask::new(Some(FieldMask {
            paths: paths.iter().map(|&path| path.into()).collect(),
        }))
    }

    #[test]
    fn without_a_mask_what_is_there_is_touched() {
        for none in [UpdateMask::new(None), mask(&[])] {
            assert_eq!(none.required("name", Some(1)), Some(1));
            assert_eq!(none.required("name", None::<i32>), None);
            assert_eq!(none.optional("bio", Some(1)), Some(Some(1)));
            assert_eq!(none.optional("bio", None::<i32>), None);
        }
    }

    #[test]
    fn with_a_mask_what_it_names_is_touched() {
        let mask = mask(&["bio", "address"]);

        assert_eq!(mask.required("name", Some(1)), None);
        assert_eq!(mask.optional("bio", None::<i32>), Some(None), "cleared");
        assert!(mask.touches("address.street"));
        assert!(!mask.touches("address_two"));
    }

    #[test]
    fn a_field_is_set_by_its_name_or_without_a_mask_by_its_value() {
        let mask = |paths: &[&str]| FieldMask {
            paths: paths.iter().map(|&path| path.into()).collect(),
        };
        for all in [None, Some(mask(&[])), Some(mask(&["*"]))] {
            assert!(sets(all.as_ref(), "code", true));
            assert!(!sets(all.as_ref(), "code", false));
        }
        assert!(sets(Some(&mask(&["bio", "code"])), "code", false));
        assert!(sets(Some(&mask(&["code.part"])), "code", false));
        assert!(!sets(Some(&mask(&["bio"])), "code", true));
    }

    #[test]
    fn a_star_touches_all() {
        assert_eq!(mask(&["*"]).optional("bio", None::<i32>), Some(None));
    }
}
