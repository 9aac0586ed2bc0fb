//! Passwords.

use std::collections::HashSet;

use identity::{
    HASHES_AT_ONCE, HASHES_WAITING_MAX, PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN, PasswordError, PasswordHash, Passwords,
    Secret, generate_password,
};

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

#[tokio::test]
async fn a_password_is_verified_by_its_hash_alone() {
    let passwords = Passwords::new();
    let hash = passwords.hash(&secret("correct horse")).await.unwrap();
    let again = passwords.hash(&secret("correct horse")).await.unwrap();
    assert_ne!(hash.as_str(), again.as_str(), "each hash has its own salt");
    assert!(hash.as_str().starts_with("$argon2id$v=19$m=12288,t=3,p=1$"), "{}", hash.as_str());
    let stored: PasswordHash = hash.as_str().parse().unwrap();
    for (password, expected) in [
        ("", false),
        ("correct hors", false),
        ("correct horse ", false),
        ("Correct horse", false),
        ("correct horse\0", false),
        ("correct horse", true),
    ] {
        assert_eq!(passwords.verify(Some(&stored), &secret(password)).await.unwrap(), expected, "{password:?}");
    }
    assert!(!passwords.verify(None, &secret("correct horse")).await.unwrap());
    assert_eq!(format!("{hash:?}"), "PasswordHash(..)");
}

#[tokio::test]
async fn length_limits_count_characters() {
    let passwords = Passwords::new();
    let check = async |length: usize, expected: &str| {
        let result = passwords.hash(&secret(&"é".repeat(length))).await;
        let actual = result.map_or_else(|error| error.to_string(), |_| "ok".to_owned());
        assert_eq!(actual, expected, "{length}");
    };
    check(PASSWORD_CHARS_MIN - 1, "a password has 8 to 128 characters, not 7").await;
    check(PASSWORD_CHARS_MIN, "ok").await;
    check(PASSWORD_CHARS_MIN + 1, "ok").await;
    check(PASSWORD_CHARS_MAX - 1, "ok").await;
    check(PASSWORD_CHARS_MAX, "ok").await;
    check(PASSWORD_CHARS_MAX + 1, "a password has 8 to 128 characters, not 129").await;
}

#[tokio::test]
async fn control_characters_are_refused() {
    let passwords = Passwords::new();
    for password in ["long enough\n", "long\0enough", "long\tenough", "long\u{7f}enough", "long\u{85}enough"] {
        let error = passwords.hash(&secret(password)).await.unwrap_err();
        assert!(matches!(error, PasswordError::ControlCharacter), "{password:?}");
    }
}

#[tokio::test]
async fn a_far_too_long_attempt_costs_no_hash() {
    // Whoever it is for: the answer is no before anything is looked at.
    let attempt = secret(&"a".repeat(PASSWORD_CHARS_MAX + 1));
    assert!(!Passwords::new().verify(None, &attempt).await.unwrap());
}

#[tokio::test]
async fn attempts_beyond_the_queue_are_refused_at_once() {
    let passwords = Passwords::new();
    let password = secret("correct horse");
    let room = HASHES_AT_ONCE + HASHES_WAITING_MAX;
    // Polled once each, on one thread: as many as have room take it, in order, before any can finish.
    let mut attempts: Vec<_> = (0..=room).map(|_| Box::pin(passwords.verify(None, &password))).collect();
    let mut refused = Vec::new();
    for (index, attempt) in attempts.iter_mut().enumerate() {
        let polled = std::future::poll_fn(|context| std::task::Poll::Ready(attempt.as_mut().poll(context))).await;
        if matches!(polled, std::task::Poll::Ready(Err(PasswordError::Busy))) {
            refused.push(index);
        }
    }
    assert_eq!(refused, [room]);
}

#[test]
fn stored_hashes_that_this_hub_does_not_write_are_refused() {
    let salt = "c29tZXNhbHRzb21l";
    let output = "J0Zbx5D4Wc4Cv0mXvJbD2tTg0hJ2yWb5k3C0yZ2mV6A";
    let hash = |head: &str| format!("{head}${salt}${output}");
    assert!(hash("$argon2id$v=19$m=12288,t=3,p=1").parse::<PasswordHash>().is_ok());
    for text in [
        String::new(),
        "password".to_owned(),
        hash("$argon2i$v=19$m=12288,t=3,p=1"),
        hash("$argon2d$v=19$m=12288,t=3,p=1"),
        hash("$argon2id$v=19$m=4194304,t=3,p=1"),
        hash("$argon2id$v=19$m=12288,t=4000,p=1"),
        hash("$2b$12"),
        "$argon2id$v=19$m=12288,t=3,p=1".to_owned(),
        format!("$argon2id$v=19$m=12288,t=3,p=1${salt}"),
    ] {
        assert!(matches!(text.parse::<PasswordHash>(), Err(PasswordError::StoredHash)), "{text}");
    }
}

#[test]
fn generated_passwords_are_typed_without_doubt() {
    let mut seen = HashSet::new();
    for _ in 0..200 {
        let password = generate_password().unwrap();
        let groups: Vec<_> = password.expose().split('-').collect();
        assert!(groups.len() == 4 && groups.iter().all(|group| group.len() == 4), "{groups:?}");
        assert!(!password.expose().contains(['0', '1', 'I', 'O']));
        assert!(
            password.expose().bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-')
        );
        seen.insert(password.expose().to_owned());
    }
    assert_eq!(seen.len(), 200);
}
