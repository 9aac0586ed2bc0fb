//! Alpine packages: apk-package(5), "Package version", and apk-tools 3 where it is silent. A number right after the letter,
//! `6.6.2p1`, is from apk-tools 2, which ordered it and whose distributions have it.

use std::cmp::Ordering;

use super::{Reason, number};

/// A version that follows the grammar `number{.number}[letter[number]]{_suffix[number]}[~hash][-rnumber]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Apk<'a>(&'a str);

/// One part of a version. Where two versions part, the one whose next kind of part comes first here is the later one.
#[derive(Clone, Copy, Debug)]
enum Token<'a> {
    First(&'a str),
    Number(&'a str),
    Letter(&'a str),
    LetterNumber(&'a str),
    Suffix(Suffix),
    SuffixNumber(&'a str),
    Hash(&'a str),
    Revision(&'a str),
    End,
}

/// What follows an underscore, in its order; `None` is where a version without any stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Suffix {
    Alpha,
    Beta,
    Pre,
    Rc,
    None,
    Cvs,
    Svn,
    Git,
    Hg,
    P,
}

pub(super) fn parse(text: &str) -> Result<Apk<'_>, Reason> {
    let mut tokens = Tokens::new(text);
    while !matches!(tokens.next()?, Token::End) {}
    Ok(Apk(text))
}

impl Apk<'_> {
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        self.compare(other, |_| false)
    }

    /// Orders as the operator `~` does: what only goes on where `prefix` ends is equal to it.
    pub(crate) fn order_by_prefix(&self, prefix: &Self) -> Ordering {
        self.compare(prefix, |token| matches!(token, Token::End))
    }

    fn compare(&self, other: &Self, is_enough: impl Fn(Token<'_>) -> bool) -> Ordering {
        let (mut left, mut right) = (Tokens::new(self.0), Tokens::new(other.0));
        loop {
            // Both were read to their end when they were parsed.
            let token = left.next().unwrap_or(Token::End);
            let other = right.next().unwrap_or(Token::End);
            if token.kind() == other.kind() {
                let order = token.compare(other);
                if order.is_ne() || matches!(token, Token::End) {
                    return order;
                }
            } else if is_enough(other) {
                return Ordering::Equal;
            } else {
                return match (token, other) {
                    (Token::Suffix(suffix), _) if suffix < Suffix::None => Ordering::Less,
                    (_, Token::Suffix(suffix)) if suffix < Suffix::None => Ordering::Greater,
                    _ => other.kind().cmp(&token.kind()),
                };
            }
        }
    }
}

impl Token<'_> {
    fn kind(self) -> u8 {
        match self {
            Self::First(_) => 0,
            // The two never stand in one place: a letter is between them.
            Self::Number(_) | Self::LetterNumber(_) => 1,
            Self::Letter(_) => 2,
            Self::Suffix(_) => 3,
            Self::SuffixNumber(_) => 4,
            Self::Hash(_) => 5,
            Self::Revision(_) => 6,
            Self::End => 7,
        }
    }

    fn compare(self, other: Token<'_>) -> Ordering {
        match (self, other) {
            // With a leading zero a number is read as a decimal fraction.
            (Self::Number(left), Token::Number(right)) if left.starts_with('0') || right.starts_with('0') => {
                left.cmp(right)
            }
            (Self::Number(left), Token::Number(right))
            | (Self::First(left), Token::First(right))
            | (Self::LetterNumber(left), Token::LetterNumber(right))
            | (Self::SuffixNumber(left), Token::SuffixNumber(right))
            | (Self::Revision(left), Token::Revision(right)) => number::compare(left, right),
            (Self::Letter(left), Token::Letter(right)) | (Self::Hash(left), Token::Hash(right)) => left.cmp(right),
            (Self::Suffix(left), Token::Suffix(right)) => left.cmp(&right),
            _ => Ordering::Equal,
        }
    }
}

/// Reads one part after the other.
struct Tokens<'a> {
    rest: &'a str,
    last: Option<u8>,
}

impl<'a> Tokens<'a> {
    fn new(text: &'a str) -> Self {
        Self { rest: text, last: None }
    }

    fn next(&mut self) -> Result<Token<'a>, Reason> {
        let token = self.read()?;
        self.last = Some(token.kind());
        Ok(token)
    }

    fn read(&mut self) -> Result<Token<'a>, Reason> {
        let Some(last) = self.last else {
            return Ok(Token::First(self.digits("it begins with a number")?));
        };
        let Some(first) = self.rest.chars().next() else { return Ok(Token::End) };
        match (first, last) {
            ('0'..='9', 2) => Ok(Token::LetterNumber(self.digits("")?)),
            ('0'..='9', 3) => Ok(Token::SuffixNumber(self.digits("")?)),
            ('.', 0..=1) => {
                self.rest = &self.rest[1..];
                Ok(Token::Number(self.digits("a number follows `.`")?))
            }
            ('a'..='z', 0..=1) => {
                let (letter, rest) = self.rest.split_at(1);
                self.rest = rest;
                Ok(Token::Letter(letter))
            }
            ('_', 0..=4) => {
                let (name, rest) = number::split_while(&self.rest[1..], |byte| byte.is_ascii_lowercase());
                self.rest = rest;
                suffix(name)
                    .map(Token::Suffix)
                    .ok_or(Reason::Form("`_` is followed by alpha, beta, pre, rc, cvs, svn, git, hg or p"))
            }
            ('~', 0..=4) => {
                let is_hexadecimal = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
                let (hash, rest) = number::split_while(&self.rest[1..], is_hexadecimal);
                self.rest = rest;
                if hash.is_empty() { Err(Reason::Form("a commit follows `~`")) } else { Ok(Token::Hash(hash)) }
            }
            ('-', 0..=5) => {
                self.rest = self.rest.strip_prefix("-r").ok_or(Reason::Form("`-` is followed by `r` and a number"))?;
                Ok(Token::Revision(self.digits("`-r` is followed by a number")?))
            }
            ('0'..='9' | 'a'..='z' | '.' | '_' | '~' | '-', _) => {
                Err(Reason::Form("it is number{.number}[letter[number]]{_suffix[number]}[~commit][-rnumber]"))
            }
            (character, _) => Err(Reason::Character(character)),
        }
    }

    fn digits(&mut self, otherwise: &'static str) -> Result<&'a str, Reason> {
        let (digits, rest) = number::split(self.rest);
        self.rest = rest;
        if digits.is_empty() { Err(Reason::Form(otherwise)) } else { Ok(digits) }
    }
}

fn suffix(name: &str) -> Option<Suffix> {
    Some(match name {
        "alpha" => Suffix::Alpha,
        "beta" => Suffix::Beta,
        "pre" => Suffix::Pre,
        "rc" => Suffix::Rc,
        "cvs" => Suffix::Cvs,
        "svn" => Suffix::Svn,
        "git" => Suffix::Git,
        "hg" => Suffix::Hg,
        "p" => Suffix::P,
        _ => return None,
    })
}
