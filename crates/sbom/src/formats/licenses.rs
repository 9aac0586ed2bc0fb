use std::cell::RefCell;
use std::collections::HashMap;

use component::License;

/// Identifiers that `spdx` knows and the list of CycloneDX's schemas does not; as an `id` they would make a document invalid.
const NOT_IN_SCHEMAS: [&str; 19] = [
    "BSD-2-Clause-pos-unchanged",
    "BSD-3-Clause-OpenWebUI",
    "BSD-Source-Code-no-disclaimer",
    "BSD-Source-alt-GPL",
    "BSD-ask-to-endorse",
    "Brian-Gladman-3-Clause-no-conversion",
    "Bugroff",
    "CC-BY-NC-3.0-IGO",
    "FDK-MPEG-H",
    "GFDL-1.1-invariants",
    "GFDL-1.1-no-invariants",
    "GFDL-1.2-invariants",
    "GFDL-1.2-no-invariants",
    "GFDL-1.3-invariants",
    "GFDL-1.3-no-invariants",
    "Hippocratic-3.0-core",
    "Informatica",
    "MVT-1.1",
    "atc-game",
];

/// What formats ask about licences. Few are many components': each is parsed once.
#[derive(Default)]
pub(super) struct Licenses<'a> {
    known: RefCell<HashMap<&'a License, Facts>>,
}

#[derive(Clone, Copy)]
struct Facts {
    is_identifier: bool,
    parses_to_itself: bool,
}

impl<'a> Licenses<'a> {
    /// Tells whether a licence is one identifier of the SPDX licence list that every schema has, for formats that keep these apart.
    pub(super) fn is_identifier(&self, license: &'a License) -> bool {
        self.facts(license).is_identifier
    }

    /// Tells whether the words of a list come back as the same licences when each is parsed anew.
    pub(super) fn parse_to_themselves(&self, list: &'a [License]) -> bool {
        list.iter().all(|license| self.facts(license).parses_to_itself)
    }

    fn facts(&self, license: &'a License) -> Facts {
        *self.known.borrow_mut().entry(license).or_insert_with(|| {
            let text = license.text();
            let is_listed = spdx::license_id(text).is_some_and(|id| id.name == text) && !NOT_IN_SCHEMAS.contains(&text);
            Facts {
                is_identifier: is_listed && matches!(license, License::Expression(_)),
                parses_to_itself: License::parse(text).as_ref() == Some(license),
            }
        })
    }
}

/// The licence references in an expression, without those of other documents.
pub(super) fn references(expression: &str) -> impl Iterator<Item = &str> {
    expression
        .split(|character: char| character.is_whitespace() || matches!(character, '(' | ')'))
        .map(|word| word.trim_end_matches('+'))
        .filter(|word| word.starts_with("LicenseRef-"))
}
