//! Times, sizes, numbers and digests as people read them, and text that others wrote.
//!
//! What implements [`HtmlSafe`] here writes markup from numbers and digests alone.

use std::fmt;

use askama::filters::HtmlSafe;
use oci::Digest;

const SECOND_US: i64 = 1_000_000;
const MINUTE_US: i64 = 60 * SECOND_US;
const HOUR_US: i64 = 60 * MINUTE_US;
const DAY_US: i64 = 24 * HOUR_US;
const MONTH_US: i64 = 30 * DAY_US;
const YEAR_US: i64 = 365 * DAY_US;

/// The longest of what should have been a time.
const STATED_BYTES_MAX: usize = 40;
/// The longest name of an account on a page.
const ACTOR_BYTES_MAX: usize = 64;

/// A time that somebody wrote.
#[derive(Debug)]
pub(crate) enum Stated {
    Nothing,
    Moment(Moment),
    /// It is no time.
    Text(String),
}

impl Stated {
    pub(crate) fn new(text: &str, now_us: i64) -> Self {
        match text.parse::<jiff::Timestamp>() {
            _ if text.is_empty() => Self::Nothing,
            Ok(at) => Self::Moment(Moment::new(at.as_microsecond(), now_us)),
            Err(_) => Self::Text(foreign(text, STATED_BYTES_MAX)),
        }
    }
}

/// A time in words; the exact one is its title.
#[derive(Debug)]
pub(crate) struct Moment {
    at_us: i64,
    now_us: i64,
}

impl Moment {
    pub(crate) fn new(at_us: i64, now_us: i64) -> Self {
        Self { at_us, now_us }
    }

    fn words(&self) -> String {
        let age_us = self.now_us.saturating_sub(self.at_us);
        // Clocks differ by a little; a time that lies well ahead is told as it is.
        if age_us < -MINUTE_US {
            return day(self.at_us);
        }
        let units = [(YEAR_US, "year"), (MONTH_US, "month"), (DAY_US, "day"), (HOUR_US, "hour"), (MINUTE_US, "minute")];
        let Some((unit_us, unit)) = units.into_iter().find(|(unit_us, _)| age_us >= *unit_us) else {
            return "just now".to_owned();
        };
        let number = age_us / unit_us;
        format!("{} ago", plural(number.unsigned_abs(), unit))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ok(at) = jiff::Timestamp::from_microsecond(self.at_us) else { return f.write_str("at an unknown time") };
        let machine = at.strftime("%Y-%m-%dT%H:%M:%SZ");
        let exact = at.strftime("%Y-%m-%d %H:%M:%S UTC");
        write!(f, "<time datetime=\"{machine}\" title=\"{exact}\">{}</time>", self.words())
    }
}

impl HtmlSafe for Moment {}

fn day(at_us: i64) -> String {
    jiff::Timestamp::from_microsecond(at_us).map_or_else(|_| String::new(), |at| at.strftime("%Y-%m-%d").to_string())
}

/// A number of bytes in a unit that fits; the exact one is its title.
#[derive(Clone, Copy)]
pub(crate) struct Bytes(pub(crate) u64);

impl Bytes {
    /// Returns the size as text alone.
    pub(crate) fn words(self) -> String {
        const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
        let mut unit = 0;
        let mut tenths = u128::from(self.0) * 10;
        // Rounding to 1024.0 would show a number that belongs to the next unit.
        while tenths >= 10_235 && unit < UNITS.len() - 1 {
            tenths = (tenths + 512) / 1024;
            unit += 1;
        }
        match unit {
            0 => format!("{} B", self.0),
            _ => format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit]),
        }
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<span class=\"size\" title=\"{} bytes\">{}</span>", grouped(self.0), self.words())
    }
}

impl HtmlSafe for Bytes {}

/// A digest, shortened in its middle; the whole one is its title.
#[derive(Clone, Copy)]
pub(crate) struct Hash(pub(crate) Digest);

impl Hash {
    /// Returns the shortened digest as text alone.
    pub(crate) fn short(self) -> String {
        let (hex, whole) = (self.0.hex(), self.0.to_string());
        let algorithm = whole.split(':').next().unwrap_or_default();
        format!("{algorithm}:{}…{}", &hex[..8], &hex[hex.len() - 4..])
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<span class=\"digest\" title=\"{}\">{}</span>", self.0, self.short())
    }
}

impl HtmlSafe for Hash {}

/// Returns a number with its digits in groups.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{a0}');
        }
        text.push(digit);
    }
    text
}

/// Returns a number with what it counts.
pub(crate) fn plural(number: u64, thing: &str) -> String {
    match (number, thing.strip_suffix('y')) {
        (1, _) => format!("1 {thing}"),
        (_, Some(stem)) if !thing.ends_with("ay") => format!("{} {stem}ies", grouped(number)),
        _ => format!("{} {thing}s", grouped(number)),
    }
}

/// Returns a number that may only be the least that it is.
pub(crate) fn at_least(number: usize, is_cut: bool, thing: &str) -> String {
    let number = count(number);
    if is_cut { format!("more than {}", plural(number, thing)) } else { plural(number, thing) }
}

/// A piece of a text in which code stands between backticks.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) text: String,
    pub(crate) is_code: bool,
}

/// Parts a text at its backticks. One without a second is itself.
pub(crate) fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut rest = text;
    while let Some((before, (code, after))) =
        rest.split_once('`').and_then(|(before, after)| Some((before, after.split_once('`')?)))
    {
        pieces.push(Piece { text: before.to_owned(), is_code: false });
        pieces.push(Piece { text: code.to_owned(), is_code: true });
        rest = after;
    }
    pieces.push(Piece { text: rest.to_owned(), is_code: false });
    pieces.retain(|piece| !piece.text.is_empty());
    pieces
}

/// Returns a length as a number.
pub(crate) fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// Returns who acted, as people name them.
pub(crate) fn actor(text: &str) -> String {
    match text.split_once(':') {
        Some(("user", name)) => foreign(name, ACTOR_BYTES_MAX),
        Some(("robot", name)) => format!("robot\u{a0}{}", foreign(name, ACTOR_BYTES_MAX)),
        _ => foreign(text, ACTOR_BYTES_MAX),
    }
}

/// Returns a text as one word of a shell's command.
pub(crate) fn shell_word(text: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_./:@%+,=".contains(character);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// Returns what somebody else wrote as one line that takes at most `bytes_max` bytes of a page, and a sign that it was
/// cut. Characters that move the cursor or turn the direction of writing, and so could make a page say what it does not,
/// are shown as what they are.
pub(crate) fn foreign(text: &str, bytes_max: usize) -> String {
    let mut shown = String::new();
    let mut left = bytes_max;
    for character in text.chars() {
        let character = match character {
            '\n' | '\r' | '\t' => ' ',
            character if component::is_deceptive(character) => '\u{fffd}',
            character => character,
        };
        let Some(rest) = left.checked_sub(html_bytes(character)) else {
            shown.push('…');
            break;
        };
        left = rest;
        shown.push(character);
    }
    shown
}

/// Returns what somebody wrote as a field of a form holds it: whole, with what would mislead shown as what it is.
pub(crate) fn in_field(text: &str) -> String {
    foreign(text, usize::MAX)
}

/// Returns the bytes that a character takes in a page: markup is escaped to five.
pub(crate) fn html_bytes(character: char) -> usize {
    if matches!(character, '"' | '\'' | '<' | '>' | '&') { 5 } else { character.len_utf8() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_stands_between_two_backticks() {
        let told = |text: &str| {
            let marked = pieces(text)
                .into_iter()
                .map(|piece| if piece.is_code { format!("<{}>", piece.text) } else { piece.text });
            marked.collect::<Vec<_>>().join("|")
        };
        for (text, expected) in [
            ("", ""),
            ("a b", "a b"),
            ("`a`", "<a>"),
            ("upstream `3.0.9` < `3.0.11`", "upstream |<3.0.9>| < |<3.0.11>"),
            ("a `b", "a `b"),
            ("`a` b `c", "<a>| b `c"),
            ("``a", "a"),
        ] {
            assert_eq!(told(text), expected, "{text}");
        }
    }

    #[test]
    fn times_in_words() {
        let now_us = 1_800_000_000_000_000;
        for (age_us, expected) in [
            (-YEAR_US, "2028-01-15"),
            (-MINUTE_US, "just now"),
            (0, "just now"),
            (MINUTE_US - 1, "just now"),
            (MINUTE_US, "1 minute ago"),
            (HOUR_US - 1, "59 minutes ago"),
            (HOUR_US, "1 hour ago"),
            (DAY_US, "1 day ago"),
            (29 * DAY_US, "29 days ago"),
            (MONTH_US, "1 month ago"),
            (11 * MONTH_US, "11 months ago"),
            (YEAR_US, "1 year ago"),
            (20 * YEAR_US, "20 years ago"),
        ] {
            assert_eq!(Moment::new(now_us - age_us, now_us).words(), expected);
        }
        assert_eq!(
            Moment::new(now_us - HOUR_US, now_us).to_string(),
            "<time datetime=\"2027-01-15T07:00:00Z\" title=\"2027-01-15 07:00:00 UTC\">1 hour ago</time>"
        );
        assert_eq!(Moment::new(i64::MAX, i64::MIN).to_string(), "at an unknown time");
    }

    #[test]
    fn sizes_in_words() {
        for (size_bytes, expected) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (1_048_575, "1.0 MiB"),
            (50_540_210, "48.2 MiB"),
            (u64::MAX, "16384.0 PiB"),
        ] {
            assert_eq!(Bytes(size_bytes).words(), expected);
        }
        assert_eq!(Bytes(2048).to_string(), "<span class=\"size\" title=\"2\u{a0}048 bytes\">2.0 KiB</span>");
    }

    #[test]
    fn numbers_with_what_they_count() {
        assert_eq!(plural(1, "repository"), "1 repository");
        assert_eq!(plural(1234, "repository"), "1\u{a0}234 repositories");
        assert_eq!(plural(0, "day"), "0 days");
        assert_eq!(at_least(100, true, "tag"), "more than 100 tags");
    }

    #[test]
    fn what_a_shell_would_read_is_quoted() {
        for (text, expected) in [
            ("", "''"),
            ("pkg:npm/%40a/b@1.0", "pkg:npm/%40a/b@1.0"),
            ("<2", "'<2'"),
            ("a b", "'a b'"),
            ("log4j*", "'log4j*'"),
            ("it's; rm", "'it'\\''s; rm'"),
        ] {
            assert_eq!(shell_word(text), expected);
        }
    }

    #[test]
    fn foreign_text_is_one_visible_line() {
        for (text, expected) in [
            ("plain", "plain"),
            ("two\nlines", "two lines"),
            ("\u{202e}gpj.exe", "\u{fffd}gpj.exe"),
            ("a\u{200b}b\u{7}c", "a\u{fffd}b\u{fffd}c"),
            ("twelve chars", "twelve char…"),
            ("eleven char", "eleven char"),
            ("<<<", "<<…"),
            ("\u{1f980}\u{1f980}\u{1f980}", "\u{1f980}\u{1f980}…"),
        ] {
            assert_eq!(foreign(text, 11), expected);
        }
    }
}
