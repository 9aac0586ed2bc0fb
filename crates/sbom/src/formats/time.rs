use jiff::Timestamp;

/// Tells whether a text is a time by RFC 3339, section 5.6, as JSON schemas ask for it in `date-time`.
pub(super) fn is_rfc3339(text: &str) -> bool {
    parse(text).is_some()
}

/// Returns the time as SPDX wants it: in UTC, without parts of a second.
pub(super) fn utc_seconds(text: &str) -> Option<String> {
    Some(parse(text)?.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

fn parse(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    // The parser takes other ISO 8601 spellings too.
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    let has_seconds = bytes.get(17..19)?.iter().all(u8::is_ascii_digit);
    let has_offset = text.ends_with('Z')
        || bytes.len().checked_sub(6).is_some_and(|at| matches!(bytes[at], b'+' | b'-') && bytes[at + 3] == b':');
    if !has_seconds || !has_offset || separators.iter().any(|(at, separator)| bytes[*at] != *separator) {
        return None;
    }
    let fraction = &text[19..];
    if fraction.contains(['[', ',', ' ']) {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rfc_3339_is_a_time() {
        let cases = [
            ("2024-02-29T12:00:00Z", Some("2024-02-29T12:00:00Z")),
            ("2024-02-29T12:00:00.999999999Z", Some("2024-02-29T12:00:00Z")),
            ("2024-02-29T12:00:00+02:00", Some("2024-02-29T10:00:00Z")),
            ("1970-01-01T00:00:00Z", Some("1970-01-01T00:00:00Z")),
            ("2023-02-29T12:00:00Z", None),
            ("2020-04-13", None),
            ("2024-02-29 12:00:00Z", None),
            ("2024-02-29T12:00:00", None),
            ("2024-02-29T12:00Z", None),
            ("20240229T120000Z", None),
            ("2024-02-29T12:00:00+0200", None),
            ("2024-02-29T12:00:00+02:00[Europe/Paris]", None),
            ("timestamp:redacted", None),
            ("ééééééééééé", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(utc_seconds(text).as_deref(), expected, "{text}");
            assert_eq!(is_rfc3339(text), expected.is_some(), "{text}");
        }
    }
}
