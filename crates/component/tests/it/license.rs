use component::{EXPRESSION_BYTES_MAX, License};

fn check(text: &str, expected: License) {
    assert_eq!(License::parse(text), Some(expected), "{text:?}");
}

fn named(text: &str) -> License {
    License::Named(text.to_owned())
}

fn expression(text: &str) -> License {
    License::Expression(text.to_owned())
}

#[test]
fn words_that_name_no_licence_give_none() {
    for text in ["", " ", "UNKNOWN", "None", "NOASSERTION", "SEE LICENSE", "UNLICENSED"] {
        assert_eq!(License::parse(text), None, "{text:?}");
    }
}

#[test]
fn a_family_without_a_version_is_not_guessed() {
    for text in [
        "GPL",
        "gpl",
        "GPL+",
        "GNU GPL",
        "GNU General Public License",
        "GNU General Public License (GPL)",
        "GPL or later",
        "LGPL",
        "LGPL+",
        "GNU Library or Lesser General Public License (LGPL)",
        "AGPL",
        "BSD",
        "BSD License",
        "BSD-like",
        "BSD-style",
        "Apache",
        "Apache License",
        "Apache Software License",
        "MPL",
        "Mozilla Public License",
        "EPL",
        "CDDL",
        "Artistic",
        "Artistic License",
        "Python",
        "PSF",
        "ZPL",
        "OFL",
        "CC-BY",
        "EUPL",
        "GPL-",
        "GPLv",
        "GPL-9",
        "LGPL-1",
        "GPL-2.5",
        "GPL v2 with exceptions",
        "GPL2 w/ CPE",
        "Apache-1.3",
        "apachez",
        "mitigated",
        "gplv2x",
        "MIT or GPL",
        "MIT AND BSD",
        "(MIT OR LGPL)",
        "Dual",
        "MIT or later",
        "or later",
        "AND",
        "MIT AND",
        "MIT MIT",
        "()",
        "/",
        "https://opensource.org/licenses/MIT",
        "Lizenz \u{e4}",
    ] {
        check(text, named(text));
    }
}

#[test]
fn clear_spellings_become_expressions() {
    for (text, expected) in [
        ("MIT", "MIT"),
        ("mit", "MIT"),
        ("MIT License", "MIT"),
        ("The MIT License", "MIT"),
        ("Expat", "MIT"),
        ("isc", "ISC"),
        ("Apache 2.0", "Apache-2.0"),
        ("apache-2.0", "Apache-2.0"),
        ("Apache License 2.0", "Apache-2.0"),
        ("Apache License, Version 2.0", "Apache-2.0"),
        ("The Apache Software License, Version 2.0", "Apache-2.0"),
        ("Apache License v2.0", "Apache-2.0"),
        ("ASL 2.0", "Apache-2.0"),
        ("Apache-2", "Apache-2.0"),
        ("BSD 2-Clause", "BSD-2-Clause"),
        ("BSD 3-Clause License", "BSD-3-Clause"),
        ("3-Clause BSD License", "BSD-3-Clause"),
        ("New BSD License", "BSD-3-Clause"),
        ("Simplified BSD License", "BSD-2-Clause"),
        ("GPLv2", "GPL-2.0-only"),
        ("GPLv2+", "GPL-2.0-or-later"),
        ("GPL-2", "GPL-2.0-only"),
        ("GPL-2.0", "GPL-2.0-only"),
        ("GPL-2.0+", "GPL-2.0-or-later"),
        ("gpl-3.0-or-later", "GPL-3.0-or-later"),
        ("GPL v2 or later", "GPL-2.0-or-later"),
        ("GNU GPL v2", "GPL-2.0-only"),
        ("GNU GPL v3", "GPL-3.0-only"),
        ("GNU General Public License v3", "GPL-3.0-only"),
        ("GNU Lesser General Public License, Version 2.1", "LGPL-2.1-only"),
        ("GNU Affero General Public License v3 or later", "AGPL-3.0-or-later"),
        ("LGPLv2.1+", "LGPL-2.1-or-later"),
        ("AGPLv3", "AGPL-3.0-only"),
        ("MPLv2.0", "MPL-2.0"),
        ("Mozilla Public License 2.0", "MPL-2.0"),
        ("Mozilla Public License, v. 2.0", "MPL-2.0"),
        ("Eclipse Public License - v 1.0", "EPL-1.0"),
        ("EPL 2.0", "EPL-2.0"),
        ("Boost Software License 1.0", "BSL-1.0"),
        ("CC0", "CC0-1.0"),
        ("zlib/libpng license", "Zlib"),
        ("Apache-2.0+", "Apache-2.0+"),
        ("EPL 1.0+", "EPL-1.0+"),
        ("The Unlicense", "Unlicense"),
    ] {
        check(text, expression(expected));
    }
}

#[test]
fn several_licences_keep_how_they_are_joined() {
    for (text, expected) in [
        ("MIT OR Apache-2.0", "MIT OR Apache-2.0"),
        ("MIT/Apache-2.0", "MIT OR Apache-2.0"),
        ("GPLv2+ and MIT", "GPL-2.0-or-later AND MIT"),
        ("GPLv2 or later and MIT", "GPL-2.0-or-later AND MIT"),
        ("(GPLv2 or Apache 2.0) and MIT", "(GPL-2.0-only OR Apache-2.0) AND MIT"),
        ("GPL-2.0-only with classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"),
        ("LicenseRef-Own AND MIT", "LicenseRef-Own AND MIT"),
        ("LicenseRef-Own and GPLv3+", "LicenseRef-Own AND GPL-3.0-or-later"),
    ] {
        check(text, expression(expected));
    }
}

#[test]
fn what_is_too_long_for_an_expression_stays_as_it_is() {
    let padded = |bytes: usize| format!("LicenseRef-{}", "a".repeat(bytes - "LicenseRef-".len()));
    for bytes in [EXPRESSION_BYTES_MAX - 1, EXPRESSION_BYTES_MAX] {
        check(&padded(bytes), expression(&padded(bytes)));
    }
    check(&padded(EXPRESSION_BYTES_MAX + 1), named(&padded(EXPRESSION_BYTES_MAX + 1)));

    let words =
        |count: usize| (0..count).map(|at| if at % 2 == 0 { "MIT" } else { "AND" }).collect::<Vec<_>>().join(" ");
    check(&words(63), expression(&words(63)));
    // An even number of words ends in a joint, so the name of two words brings the count to the limit and beyond it.
    check(&format!("{} License", words(63)), expression(&words(63)));
    check(&format!("{} The License", words(63)), named(&format!("{} The License", words(63))));
}
