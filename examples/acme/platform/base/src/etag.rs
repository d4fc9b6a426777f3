//! The etag of a resource. It is the version of the row, which counts the writes from 1.

/// The etag of a version.
pub fn format(version: i64) -> String {
    version.to_string()
}

/// The version that a client expects. `None` without an etag; 0, which no row has, for an etag that is not ours.
pub fn expected(etag: &str) -> Option<i64> {
    if etag.is_empty() {
        return None;
    }
    let version = etag.parse().ok().filter(|version| format(*version) == etag);
    Some(version.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_etag_expects_its_version_and_a_foreign_one_expects_none_there_is() {
        assert_eq!(expected(&format(7)), Some(7));
        assert_eq!(expected(""), None);
        assert_eq!(["07", "+7", "W/7", "x"].map(expected), [Some(0); 4]);
    }
}
