//! OCaml's packages: the manual of opam, "Version ordering": Debian's, without an epoch.

use std::cmp::Ordering;

use super::{Reason, deb};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Opam<'a> {
    version: &'a str,
    revision: &'a str,
}

pub(super) fn parse(text: &str) -> Result<Opam<'_>, Reason> {
    let is_part = |character: char| character.is_ascii_alphanumeric() || "-_+.~".contains(character);
    if let Some(character) = text.chars().find(|character| !is_part(*character)) {
        return Err(Reason::Character(character));
    }
    let (version, revision) = text.rsplit_once('-').unwrap_or((text, ""));
    Ok(Opam { version, revision })
}

impl Opam<'_> {
    pub(super) fn order(&self, other: &Self) -> Ordering {
        deb::compare_part(self.version, other.version).then_with(|| deb::compare_part(self.revision, other.revision))
    }
}
