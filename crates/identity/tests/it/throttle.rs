//! Spacing out of login attempts.

use std::net::IpAddr;

use identity::{
    ACCOUNT_DELAY_MS_MAX, ACCOUNT_FAILURES_FREE, FORGET_AFTER_MS, SOURCE_DELAY_MS_MAX, SOURCE_FAILURES_FREE,
    THROTTLE_ENTRIES_MAX, Throttle,
};

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn numbered(index: usize) -> IpAddr {
    IpAddr::from(u32::try_from(index).unwrap().to_be_bytes())
}

fn fail(throttle: &mut Throttle, account: &str, source: IpAddr, now_ms: u64) -> Result<(), u64> {
    throttle.attempt(account, source, now_ms).map_err(|throttled| throttled.retry_after_s)?;
    throttle.failed(account, source, now_ms);
    Ok(())
}

#[test]
fn a_few_failures_are_free_then_the_delay_doubles() {
    let mut throttle = Throttle::new();
    let mut now_ms = 0;
    let mut source = 0..;
    let mut attempt =
        |throttle: &mut Throttle, now_ms| fail(throttle, "alice", numbered(source.next().unwrap()), now_ms);
    for _ in 0..ACCOUNT_FAILURES_FREE {
        assert_eq!(attempt(&mut throttle, now_ms), Ok(()));
    }
    for expected_s in [1, 2, 4, 8, 16, 30, 30, 30] {
        assert_eq!(attempt(&mut throttle, now_ms), Err(expected_s));
        now_ms += expected_s * 1000 - 1;
        assert_eq!(attempt(&mut throttle, now_ms), Err(1));
        now_ms += 1;
        assert_eq!(attempt(&mut throttle, now_ms), Ok(()));
    }
    assert_eq!(ACCOUNT_DELAY_MS_MAX, 30_000);
}

#[test]
fn a_source_is_slowed_over_all_accounts() {
    let mut throttle = Throttle::new();
    let source = address("192.0.2.1");
    for index in 0..SOURCE_FAILURES_FREE {
        assert_eq!(fail(&mut throttle, &format!("user{index}"), source, 0), Ok(()));
    }
    assert_eq!(fail(&mut throttle, "another", source, 0), Err(1));
    assert_eq!(fail(&mut throttle, "another", address("192.0.2.2"), 0), Ok(()));
    let mut now_ms = 0;
    for index in 0..40 {
        now_ms += SOURCE_DELAY_MS_MAX;
        assert_eq!(fail(&mut throttle, &format!("more{index}"), source, now_ms), Ok(()));
    }
    assert_eq!(fail(&mut throttle, "another", source, now_ms), Err(SOURCE_DELAY_MS_MAX / 1000));
}

#[test]
fn one_customer_of_ipv6_is_one_source_and_a_mapped_address_is_its_own() {
    let mut throttle = Throttle::new();
    for index in 0..SOURCE_FAILURES_FREE {
        assert_eq!(fail(&mut throttle, &format!("a{index}"), address(&format!("2001:db8:1:2::{index:x}")), 0), Ok(()));
        assert_eq!(fail(&mut throttle, &format!("b{index}"), address("::ffff:192.0.2.1"), 0), Ok(()));
    }
    assert_eq!(fail(&mut throttle, "c", address("2001:db8:1:2:ffff::1"), 0), Err(1));
    assert_eq!(fail(&mut throttle, "c", address("2001:db8:1:3::1"), 0), Ok(()));
    assert_eq!(fail(&mut throttle, "d", address("192.0.2.1"), 0), Err(1));
    assert_eq!(fail(&mut throttle, "d", address("192.0.2.2"), 0), Ok(()));
}

#[test]
fn of_attempts_at_the_same_moment_one_gets_through() {
    let mut throttle = Throttle::new();
    for index in 0..ACCOUNT_FAILURES_FREE {
        assert_eq!(fail(&mut throttle, "alice", numbered(index as usize), 0), Ok(()));
    }
    // None of them has failed yet.
    let admitted = (0..50).filter(|index| throttle.attempt("alice", numbered(100 + index), 1000).is_ok()).count();
    assert_eq!(admitted, 1);
}

#[test]
fn success_clears_the_account_and_not_the_source() {
    let mut throttle = Throttle::new();
    let source = address("192.0.2.1");
    for index in 0..SOURCE_FAILURES_FREE {
        let account = if index < ACCOUNT_FAILURES_FREE { "alice".to_owned() } else { format!("user{index}") };
        assert_eq!(fail(&mut throttle, &account, source, 0), Ok(()));
    }
    assert_eq!(throttle.attempt("alice", source, 1000), Ok(()));
    throttle.succeeded("alice", source);
    assert_eq!(fail(&mut throttle, "alice", source, 1000), Ok(()), "one's own success is not held against one");
    assert_eq!(fail(&mut throttle, "mallory", source, 1000), Err(2), "the count of the source went on");
    assert_eq!(fail(&mut throttle, "alice", address("192.0.2.9"), 1000), Ok(()), "the account starts anew");
}

#[test]
fn a_count_is_forgotten_after_a_while() {
    for (after_ms, expected) in [(FORGET_AFTER_MS - 1, false), (FORGET_AFTER_MS, true), (FORGET_AFTER_MS + 1, true)] {
        let mut throttle = Throttle::new();
        for index in 0..=ACCOUNT_FAILURES_FREE {
            throttle.failed("alice", numbered(index as usize), 0);
        }
        assert_eq!(fail(&mut throttle, "alice", numbered(99), after_ms), Ok(()));
        assert_eq!(throttle.attempt("alice", numbered(98), after_ms).is_ok(), expected, "{after_ms}");
    }
}

#[test]
fn a_flood_of_names_does_not_free_the_one_that_is_guessed_at() {
    let mut throttle = Throttle::new();
    for index in 0..=ACCOUNT_FAILURES_FREE {
        throttle.failed("alice", numbered(index as usize), 0);
    }
    for index in 0..2 * THROTTLE_ENTRIES_MAX {
        throttle.failed(&format!("flood{index}"), numbered(1000 + index), 1);
    }
    assert_eq!(fail(&mut throttle, "alice", numbered(1), 2), Err(2));
    // Bounded in the length of names as well.
    throttle.failed(&"x".repeat(1_000_000), numbered(1), 3);
    assert!(format!("{throttle:?}").len() < 2_000_000);
}

#[test]
fn extreme_times_and_counts_do_not_overflow() {
    let mut throttle = Throttle::new();
    for _ in 0..200 {
        throttle.failed("alice", numbered(1), u64::MAX);
    }
    assert!(throttle.attempt("alice", numbered(1), u64::MAX).is_ok());
    assert!(throttle.attempt("alice", numbered(1), 0).is_err(), "a clock that went back refuses, and does not panic");
}
