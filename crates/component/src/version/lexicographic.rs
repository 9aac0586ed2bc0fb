//! Text, as `lexicographic` of VERS has it: byte by byte in UTF-8, and no two spellings of a character are one.

use std::cmp::Ordering;

use super::Reason;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Lexicographic<'a>(&'a str);

pub(super) fn parse(text: &str) -> Result<Lexicographic<'_>, Reason> {
    let is_refused = |character: &char| character.is_control() || character.is_whitespace();
    text.chars().find(is_refused).map_or(Ok(Lexicographic(text)), |character| Err(Reason::Character(character)))
}

impl Lexicographic<'_> {
    pub(super) fn order(&self, other: &Self) -> Ordering {
        self.0.cmp(other.0)
    }
}
