//! Ruby gems: the documentation of `Gem::Version` and, for what may follow it, of `Gem::Platform`, RubyGems 3.

use std::cmp::Ordering;

use super::{Reason, number};

/// A version whose trailing zeros, and those before its first word, do not count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gem<'a> {
    text: &'a str,
    /// How many segments before the first word count.
    numbers_kept: usize,
    /// Where the first word stands.
    word: usize,
    /// How many segments from the first word on count.
    words_kept: usize,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Segment<'a> {
    Number(&'a str),
    Word(&'a str),
}

/// The systems and runtimes that gems are built for, by the words of `Gem::Platform`; a number may follow.
const SYSTEMS: [&str; 18] = [
    "aix",
    "android",
    "cygwin",
    "dalvik",
    "darwin",
    "dotnet",
    "freebsd",
    "java",
    "jruby",
    "linux",
    "macruby",
    "mingw",
    "mswin",
    "netbsd",
    "netbsdelf",
    "openbsd",
    "solaris",
    "wasi",
];

/// Returns a version without the platform that follows it where Bundler lists builds: `1.13.9-x86_64-linux`, `1.13.9-java`.
pub(super) fn without_platform(text: &str) -> &str {
    let is_system = |part: &str| {
        let mut rests = SYSTEMS.iter().filter_map(|system| part.strip_prefix(system));
        rests.any(|rest| rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
    };
    match text.split_once('-') {
        Some((version, platform)) if platform == "ruby" || platform.split('-').any(is_system) => version,
        _ => text,
    }
}

pub(super) fn parse(text: &str) -> Result<Gem<'_>, Reason> {
    let text = text.trim_ascii();
    super::check_printing(text)?;
    let (numbers, words) = text.split_once('-').map_or((text, None), |(numbers, words)| (numbers, Some(words)));
    let is_part = |character: char| character.is_ascii_alphanumeric();
    let parts = |text: &str, is_part: fn(char) -> bool| {
        text.split('.').all(|part| !part.is_empty() && part.chars().all(is_part))
    };
    let first = numbers.split('.').next().unwrap_or_default();
    if let Some(character) = text.chars().find(|character| !is_part(*character) && !matches!(character, '.' | '-')) {
        return Err(Reason::Character(character));
    }
    let words_are_good =
        words.is_none_or(|words| parts(words, |character| character.is_ascii_alphanumeric() || character == '-'));
    if !number::is_number(first) || !parts(numbers, |character| character.is_ascii_alphanumeric()) || !words_are_good {
        return Err(Reason::Form("it is a number and segments parted by `.`"));
    }
    let mut gem = Gem { text, numbers_kept: 0, word: usize::MAX, words_kept: 0 };
    for (index, segment) in gem.segments().enumerate() {
        match segment {
            Segment::Word(_) if gem.word == usize::MAX => (gem.word, gem.words_kept) = (index, 1),
            Segment::Number(number) if number::is_zero(number) => {}
            _ if gem.word == usize::MAX => gem.numbers_kept = index + 1,
            _ => gem.words_kept = index - gem.word + 1,
        }
    }
    Ok(gem)
}

impl<'a> Gem<'a> {
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        order_segments(self.canonical(), other.canonical())
    }

    /// Orders this version's release, which is what stands before its first word, against a list of numbers.
    pub(crate) fn order_release(&self, numbers: &[String]) -> Ordering {
        let release = self.segments().take(self.numbers_kept);
        order_segments(release, numbers.iter().map(|number| Segment::Number(number)))
    }

    /// Returns the numbers before the first word, zeros too.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = &'a str> {
        self.segments().map_while(|segment| match segment {
            Segment::Number(number) => Some(number),
            Segment::Word(_) => None,
        })
    }

    fn segments(&self) -> Segments<'a> {
        Segments(self.text)
    }

    fn canonical(&self) -> impl Iterator<Item = Segment<'a>> {
        let words = self.segments().skip(self.word).take(self.words_kept);
        self.segments().take(self.numbers_kept).chain(words)
    }
}

fn order_segments<'a, 'b>(
    mut left: impl Iterator<Item = Segment<'a>>,
    mut right: impl Iterator<Item = Segment<'b>>,
) -> Ordering {
    loop {
        let (left, right) = (left.next(), right.next());
        if left.is_none() && right.is_none() {
            return Ordering::Equal;
        }
        let order = match (left.unwrap_or(Segment::Number("0")), right.unwrap_or(Segment::Number("0"))) {
            (Segment::Number(left), Segment::Number(right)) => number::compare(left, right),
            (Segment::Word(left), Segment::Word(right)) => left.cmp(right),
            (Segment::Number(_), Segment::Word(_)) => Ordering::Greater,
            (Segment::Word(_), Segment::Number(_)) => Ordering::Less,
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// Splits at dots and between digits and letters; a hyphen stands for the word `pre`.
struct Segments<'a>(&'a str);

impl<'a> Iterator for Segments<'a> {
    type Item = Segment<'a>;

    fn next(&mut self) -> Option<Segment<'a>> {
        self.0 = self.0.trim_start_matches('.');
        if let Some(rest) = self.0.strip_prefix('-') {
            self.0 = rest;
            return Some(Segment::Word("pre"));
        }
        let first = self.0.bytes().next()?;
        let (part, rest) = number::split_while(self.0, |byte| {
            byte.is_ascii_alphanumeric() && byte.is_ascii_digit() == first.is_ascii_digit()
        });
        self.0 = rest;
        Some(if first.is_ascii_digit() { Segment::Number(part) } else { Segment::Word(part) })
    }
}
