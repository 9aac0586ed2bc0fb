//! os-release(5): which operating system an image holds.

use component::Distribution;

/// Where the file is below a root, in the order that os-release(5) gives. Both are claimed by the cataloger of the same name.
pub(crate) const PATHS: &[&str] = &["etc/os-release", "usr/lib/os-release"];

/// The largest file that is read; real ones have some hundred bytes.
pub(crate) const BYTES_MAX: u64 = 64 << 10;

/// The longest value that counts.
const VALUE_BYTES_MAX: usize = 256;

/// Reads the file. `None` without an `ID`.
pub(crate) fn parse(bytes: &[u8]) -> Option<Distribution> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut distribution = Distribution::default();
    for line in text.lines() {
        let Some((key, value)) = line.trim().split_once('=') else { continue };
        let value = unquote(value.trim());
        if value.is_empty() || value.len() > VALUE_BYTES_MAX {
            continue;
        }
        match key {
            "ID" => distribution.id = value,
            "ID_LIKE" => distribution.id_like = value.split_whitespace().map(str::to_owned).collect(),
            "NAME" => distribution.name = Some(value),
            "VERSION" => distribution.version = Some(value),
            "VERSION_ID" => distribution.version_id = Some(value),
            "VERSION_CODENAME" => distribution.codename = Some(value),
            "PRETTY_NAME" => distribution.pretty_name = Some(value),
            "CPE_NAME" => distribution.cpe = Some(value),
            "SUPPORT_END" => distribution.support_end = Some(value),
            _ => {}
        }
    }
    (!distribution.id.is_empty()).then_some(distribution)
}

/// A value as a shell reads it: in double or single quotes, with backslashes before `$`, `"`, `\` and a backquote.
fn unquote(value: &str) -> String {
    let quoted = |quote: char| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    if let Some(inner) = quoted('\'') {
        return inner.to_owned();
    }
    let inner = quoted('"').unwrap_or(value);
    let mut text = String::with_capacity(inner.len());
    let mut symbols = inner.chars();
    while let Some(symbol) = symbols.next() {
        match symbol {
            '\\' => text.extend(symbols.next()),
            symbol => text.push(symbol),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(&str, Option<&str>, Option<&str>)>) {
        let found = parse(text.as_bytes());
        let found =
            found.as_ref().map(|found| (found.id.as_str(), found.version_id.as_deref(), found.pretty_name.as_deref()));
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn a_file_without_an_id_is_no_distribution() {
        check("", None);
        check("NAME=Debian\n", None);
        check("ID=\n", None);
        check("# ID=debian", None);
    }

    #[test]
    fn values_are_read_as_a_shell_does() {
        check("ID=debian\nVERSION_ID=\"12\"\n", Some(("debian", Some("12"), None)));
        check("ID='alpine'\nVERSION_ID=3.20.1", Some(("alpine", Some("3.20.1"), None)));
        check(
            r#"PRETTY_NAME="a \"b\" \$c"
ID=x"#,
            Some(("x", None, Some(r#"a "b" $c"#))),
        );
    }

    #[test]
    fn a_value_that_is_too_long_does_not_count() {
        let value = |len: usize| format!("ID=x\nVERSION_ID={}", "1".repeat(len));
        check(&value(VALUE_BYTES_MAX), Some(("x", Some(&"1".repeat(VALUE_BYTES_MAX)), None)));
        check(&value(VALUE_BYTES_MAX + 1), Some(("x", None, None)));
    }
}
