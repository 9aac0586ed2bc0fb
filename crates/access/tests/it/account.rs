//! Login names.

use access::{ACCOUNT_NAME_CHARS_MAX, AccountName, RESERVED_ACCOUNT_NAMES};
use proptest::prelude::*;

fn check(name: &str, expected: &str) {
    let actual = match AccountName::parse(name) {
        Ok(name) => format!("ok: {name}"),
        Err(error) => error.to_string(),
    };
    assert_eq!(actual, expected, "{name:?}");
}

#[test]
fn names_that_need_quoting_are_refused() {
    let characters = "a name has `a-z`, `0-9`, and between them `.`, `_` and `-`";
    for name in [
        "robot$ci", "a+b", "Admin", "a b", "a/b", "a:b", "-a", "a-", ".a", "a.", "_a", "a_", "a\0", "a\n", "é", "a'b",
        "<token>", "..", "~a", "a@b", "a*",
    ] {
        check(name, characters);
    }
}

#[test]
fn length_is_one_to_sixty_four() {
    check("", "a name has 1 to 64 characters, not 0");
    check("a", "ok: a");
    let longest = "a".repeat(ACCOUNT_NAME_CHARS_MAX);
    check(&longest[1..], &format!("ok: {}", &longest[1..]));
    check(&longest, &format!("ok: {longest}"));
    check(&format!("{longest}a"), "a name has 1 to 64 characters, not 65");
}

#[test]
fn ordinary_names_are_accepted() {
    for name in ["admin", "ci-web", "a.b_c-d", "0", "a--b", "team.pipeline"] {
        check(name, &format!("ok: {name}"));
    }
}

#[test]
fn reserved_names_are_refused() {
    assert!(RESERVED_ACCOUNT_NAMES.is_sorted());
    for name in RESERVED_ACCOUNT_NAMES {
        check(name, &format!("the name `{name}` is reserved"));
    }
}

proptest! {
    #[test]
    fn accepted_names_are_plain_words(name in "[a-z0-9._$ /:'\"-]{0,12}") {
        if let Ok(name) = AccountName::parse(&name) {
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
            prop_assert!(name.as_str().bytes().all(plain));
            prop_assert!(!name.as_str().starts_with('-'));
        }
    }
}
