//! Moments, words and texts that feeds of several publishers write in the same way.

use crate::{Level, Problem, Reference, Time};

/// The most bytes of a name, an address or a version that are kept. The longest seen has about 400.
pub(crate) const NAME_BYTES_MAX: usize = 2048;

/// The most bytes of a summary that are kept: more is no line.
pub(crate) const SUMMARY_BYTES_MAX: usize = 1024;

/// The most bytes of an advisory's text that are kept. The longest seen has 35,541.
pub(crate) const DETAILS_BYTES_MAX: usize = 64 * 1024;

/// The last second of year 1.
const YEAR_ONE_END: Time = -62_104_060_801;

/// Returns a moment of RFC 3339, or the beginning (UTC) of a date; none for what is neither, and for year 1, which means none.
pub(crate) fn time(text: &str) -> Option<Time> {
    let text = text.trim();
    let second = if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        moment.as_second()
    } else if let Ok(moment) = text.parse::<jiff::civil::DateTime>() {
        jiff::tz::TimeZone::UTC.to_timestamp(moment).ok()?.as_second()
    } else {
        return None;
    };
    (second > YEAR_ONE_END).then_some(second)
}

/// Returns the level that a word names; none for a word that says that there is none yet. An error for what is no such word.
pub(crate) fn level(word: &str) -> Result<Option<Level>, Problem> {
    Ok(Some(match word.trim().to_ascii_lowercase().as_str() {
        "none" | "negligible" | "unimportant" | "informational" => Level::Negligible,
        "low" | "minor" => Level::Low,
        "medium" | "moderate" => Level::Medium,
        "high" | "important" => Level::High,
        "critical" | "urgent" => Level::Critical,
        "" | "unknown" | "untriaged" | "not yet assigned" | "end-of-life" => return Ok(None),
        _ => return Err(Problem::Word("level of severity")),
    }))
}

/// Returns the number of a weakness, as in `CWE-79`.
pub(crate) fn weakness(text: &str) -> Option<u32> {
    text.trim().strip_prefix("CWE-")?.parse().ok()
}

/// Tells whether a path ends in `.` and this.
pub(crate) fn has_extension(path: &str, extension: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, found)| found == extension)
}

/// Cuts a text to a number of bytes, at a character's boundary. Tells whether anything went.
pub(crate) fn cut(text: &mut String, bytes_max: usize) -> bool {
    let end = text.floor_char_boundary(bytes_max);
    let is_cut = end < text.len();
    text.truncate(end);
    is_cut
}

/// Returns a reference to an address, which must be no longer than a name.
pub(crate) fn reference(kind: &str, url: &str) -> Option<Reference> {
    let url = url.trim();
    (!url.is_empty() && url.len() <= NAME_BYTES_MAX).then(|| Reference { kind: kind.to_owned(), url: url.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_seconds() {
        for (text, expected) in [
            ("", None),
            ("yesterday", None),
            ("0001-01-01T00:00:00Z", None),
            ("0001-01-01", None),
            ("2021-02-30", None),
            ("1970-01-01", Some(0)),
            ("1970-01-01T00:00:01.9Z", Some(1)),
            ("1970-01-01T01:00:00+01:00", Some(0)),
            ("1970-01-02 00:00:10", Some(86_410)),
            ("2021-08-27T03:22:49.773623Z", Some(1_630_034_569)),
        ] {
            assert_eq!(time(text), expected, "{text}");
        }
    }

    #[test]
    fn words_name_levels() {
        for (word, expected) in [
            ("terrible", Err(Problem::Word("level of severity"))),
            ("UNKNOWN", Ok(None)),
            ("not yet assigned", Ok(None)),
            ("unimportant", Ok(Some(Level::Negligible))),
            ("MODERATE", Ok(Some(Level::Medium))),
            ("Important", Ok(Some(Level::High))),
        ] {
            assert_eq!(level(word), expected, "{word}");
        }
    }

    #[test]
    fn weaknesses_are_numbers() {
        for (text, expected) in [("79", None), ("CWE-", None), ("CWE-79", Some(79)), ("NVD-CWE-noinfo", None)] {
            assert_eq!(weakness(text), expected, "{text}");
        }
    }

    #[test]
    fn a_text_is_cut_before_the_character_that_is_too_much() {
        for (text, max, expected) in [("aé", 3, "aé"), ("aé", 2, "a"), ("ab", 1, "a"), ("ab", 0, ""), ("", 0, "")] {
            let mut short = text.to_owned();
            assert_eq!((cut(&mut short, max), short.as_str()), (text != expected, expected), "{text} {max}");
        }
    }
}
