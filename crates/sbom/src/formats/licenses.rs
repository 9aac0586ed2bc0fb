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

/// Tells whether an expression is one identifier of the SPDX licence list that every schema has, for formats that keep these apart.
pub(super) fn is_identifier(expression: &str) -> bool {
    spdx::license_id(expression).is_some_and(|id| id.name == expression) && !NOT_IN_SCHEMAS.contains(&expression)
}

/// Tells whether the words of a list come back as the same licences when each is parsed anew.
pub(super) fn parses_to_itself(license: &License) -> bool {
    License::parse(license.text()).as_ref() == Some(license)
}

/// The licence references in an expression, without those of other documents.
pub(super) fn references(expression: &str) -> impl Iterator<Item = &str> {
    expression
        .split(|character: char| character.is_whitespace() || matches!(character, '(' | ')'))
        .map(|word| word.trim_end_matches('+'))
        .filter(|word| word.starts_with("LicenseRef-"))
}
