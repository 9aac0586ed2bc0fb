//! From one database to the next: exactly that, or an error.

use proptest::prelude::*;
use vulndb::file::{Builder, Database};
use vulndb::{Advisory, DELTA_VERSION, Delta, DeltaError, Exploited, Probability, Records, apply_delta, make_delta};

use crate::file::{advisory, affected, any_advisory, feed, npm, sample};

fn database(builder: Builder) -> Database<Vec<u8>> {
    Database::open(builder.finish().unwrap()).unwrap()
}

fn with(change: impl FnOnce(&mut Builder)) -> Database<Vec<u8>> {
    let mut builder = sample();
    change(&mut builder);
    database(builder)
}

fn of(advisories: Vec<Advisory>) -> Records {
    Records { advisories, ..Records::default() }
}

/// Both ways.
fn check(old: &Database<Vec<u8>>, new: &Database<Vec<u8>>) {
    for (old, new) in [(old, new), (new, old)] {
        let delta = make_delta(old, new).unwrap();
        assert_eq!(apply_delta(old, Delta::parse(&delta).unwrap()).unwrap(), new.file_bytes());
    }
}

fn scores(entries: &[(&str, f32)]) -> Records {
    let probability = |(id, probability): &(&str, f32)| Probability {
        id: (*id).to_owned(),
        probability: *probability,
        percentile: 1.0 - *probability,
    };
    Records { probabilities: entries.iter().map(probability).collect(), ..Records::default() }
}

#[test]
fn whatever_changed_comes_out() {
    let old = with(|_| ());
    check(&old, &with(|_| ()));
    check(&old, &database(Builder::new()));
    // Feeds that come, go, and change in what is said of them alone.
    check(&old, &with(|builder| builder.add(feed("new"), of(vec![advisory("N-1", &["CVE-2024-0001"], Vec::new())]))));
    check(&old, &with(|builder| builder.add(feed("github"), Records::default())));
    let mut refused = Records::default();
    refused.refuse(vulndb::Problem::Format, "x.json");
    check(&old, &with(|builder| builder.add(feed("scores"), refused)));
    // A record that comes and joins others, and one whose text alone changes.
    let joined = advisory("GHSA-bbbb", &["CVE-2024-0002"], vec![affected(&npm(), "lodash", "5.0.0")]);
    check(&old, &with(|builder| builder.add(feed("github"), of(vec![joined]))));
    let text = Advisory { summary: "new words".to_owned(), ..advisory("GHSA-bbbb", &[], Vec::new()) };
    check(&old, &with(|builder| builder.add(feed("github"), of(vec![text]))));
    // Scores that come, go and move.
    let some = [("CVE-2024-0001", 0.5), ("CVE-2024-0002", 0.25), ("CVE-1999-0001", 0.0)];
    check(&old, &with(|builder| builder.add(feed("scores"), scores(&some))));
    check(
        &with(|builder| builder.add(feed("scores"), scores(&some[..2]))),
        &with(|builder| builder.add(feed("scores"), scores(&some[1..]))),
    );
    let exploited = |id: &str, due| Exploited { id: id.to_owned(), added: Some(1), due, is_in_ransomware: false };
    let entries = vec![exploited("CVE-2024-0002", Some(2)), exploited("CVE-2024-0009", None)];
    check(&old, &with(|builder| builder.add(feed("scores"), Records { exploited: entries, ..Records::default() })));
}

#[test]
fn it_says_where_it_begins_and_leads() {
    let (old, new) = (with(|_| ()), database(Builder::new()));
    let delta = Delta::parse(&make_delta(&old, &new).unwrap()).unwrap();
    let digest =
        |database: &Database<Vec<u8>>| aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, database.file_bytes());
    assert_eq!(delta.begins_at()[..], *digest(&old).as_ref());
    assert_eq!(delta.leads_to()[..], *digest(&new).as_ref());
    assert!(matches!(apply_delta(&new, delta), Err(DeltaError::Base)));
}

/// Sums again what was changed on purpose.
fn summed(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.len() - 4;
    let sum = crc32fast::hash(&bytes[..end]).to_le_bytes();
    bytes[end..].copy_from_slice(&sum);
    bytes
}

#[test]
fn what_was_changed_is_refused() {
    let old = with(|_| ());
    let new = with(|builder| builder.add(feed("new"), of(vec![advisory("N-1", &[], Vec::new())])));
    let good = make_delta(&old, &new).unwrap();
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        assert!(Delta::parse(&bytes).is_err(), "{at}");
        // With its sum put right it may be read, but what comes of it is no other database than it says.
        if let Ok(delta) = Delta::parse(&summed(bytes)) {
            match apply_delta(&old, delta) {
                Err(_) => {}
                Ok(file) => assert_eq!(file, new.file_bytes(), "{at}"),
            }
        }
    }
    for length in 0..good.len() {
        assert!(Delta::parse(&good[..length]).is_err(), "{length}");
    }
    assert!(matches!(Delta::parse(b"no delta"), Err(DeltaError::NotADelta)));
    let mut version = good.clone();
    version[8..10].copy_from_slice(&(DELTA_VERSION + 1).to_le_bytes());
    assert!(matches!(Delta::parse(&summed(version)), Err(DeltaError::Version { .. })));
    let longer = [&good[..good.len() - 4], &[0; 5]].concat();
    assert!(matches!(Delta::parse(&summed(longer)), Err(DeltaError::Form)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_change_comes_out(
        common in prop::collection::vec(any_advisory(), 0..4),
        gone in prop::collection::vec(any_advisory(), 0..4),
        come in prop::collection::vec(any_advisory(), 0..4),
    ) {
        let of_feeds = |own: &[Advisory]| {
            let mut builder = Builder::new();
            builder.add(feed("a"), of([&common, own].concat()));
            builder.add(feed("b"), of(common.clone()));
            database(builder)
        };
        check(&of_feeds(&gone), &of_feeds(&come));
    }

    #[test]
    fn hostile_bytes_are_refused_and_harm_nobody(body in prop::collection::vec(any::<u8>(), 0..300)) {
        let old = database(sample());
        let good = make_delta(&old, &old).unwrap();
        let bytes = summed([&good[..74], &body, &[0; 4]].concat());
        if let Ok(delta) = Delta::parse(&bytes) {
            let _refused = apply_delta(&old, delta);
        }
    }
}
