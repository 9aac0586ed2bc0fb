//! What one database says and another does not.

use vulndb::file::{Builder, Database};
use vulndb::{Advisory, Change, Records, changed_advisories, changed_exploitation, changed_packages};

use crate::file::{advisory, affected, feed, npm, sample};

fn with(change: impl FnOnce(&mut Builder)) -> Database<Vec<u8>> {
    let mut builder = sample();
    change(&mut builder);
    Database::open(builder.finish().unwrap()).unwrap()
}

fn records(advisories: Vec<Advisory>) -> Records {
    Records { advisories, ..Records::default() }
}

fn check(new: &Database<Vec<u8>>, packages: &[&str], advisories: &[(&str, Change)]) {
    let old = with(|_| ());
    let shown = |old: &Database<_>, new: &Database<_>| -> Vec<String> {
        let mut shown: Vec<_> =
            changed_packages(old, new).unwrap().iter().map(|(ecosystem, name)| format!("{ecosystem} {name}")).collect();
        shown.sort();
        shown
    };
    assert_eq!(shown(&old, new), packages);
    assert_eq!(shown(new, &old), packages, "the other way around");
    let found = changed_advisories(&old, new).unwrap();
    let found: Vec<_> = found.iter().map(|changed| (changed.id.as_str(), changed.change)).collect();
    assert_eq!(found, advisories);
}

#[test]
fn equal_databases_do_not_differ() {
    check(&with(|_| ()), &[], &[]);
}

#[test]
fn a_new_record_changes_its_packages_alone() {
    let more = advisory("AAA-1", &[], vec![affected(&npm(), "left-pad", "2.0.0"), affected(&npm(), "lodash", "5.0.0")]);
    let new = with(|builder| builder.add(feed("another"), records(vec![more])));
    check(&new, &["npm left-pad", "npm lodash"], &[("AAA-1", Change::Added)]);
}

#[test]
fn a_removed_a_changed_and_a_withdrawn_record_are_told_apart() {
    let changed = Advisory { summary: "another text".to_owned(), ..advisory("GHSA-bbbb", &[], Vec::new()) };
    let new = with(|builder| builder.add(feed("github"), records(vec![changed])));
    check(&new, &["npm lodash"], &[("GHSA-aaaa", Change::Removed), ("GHSA-bbbb", Change::Changed)]);
    let withdrawn = Advisory { withdrawn: Some(3), ..advisory("DSA-1-1", &[], Vec::new()) };
    let new = with(|builder| builder.add(feed("debian"), records(vec![withdrawn])));
    check(&new, &["Debian:12 node-lodash", "Debian:12 zlib"], &[("DSA-1-1", Change::Withdrawn)]);
}

#[test]
fn a_text_and_a_score_change_no_match() {
    let new = with(|builder| {
        let probability = vulndb::Probability { id: "CVE-2024-0001".to_owned(), probability: 0.5, percentile: 0.5 };
        builder.add(feed("scores"), Records { probabilities: vec![probability], ..Records::default() });
    });
    check(&new, &[], &[]);
}

#[test]
fn what_is_exploited_and_how_probable_that_is_differs_by_itself() {
    let of = |exploited: &[(&str, Option<i64>)], probabilities: &[(&str, f32)]| {
        let mut builder = Builder::new();
        let exploited = exploited.iter().map(|(id, due)| vulndb::Exploited {
            id: (*id).to_owned(),
            added: Some(1),
            due: *due,
            is_in_ransomware: false,
        });
        let probability = |(id, probability): &(&str, f32)| vulndb::Probability {
            id: (*id).to_owned(),
            probability: *probability,
            percentile: 0.5,
        };
        let records = Records {
            exploited: exploited.collect(),
            probabilities: probabilities.iter().map(probability).collect(),
            ..Records::default()
        };
        builder.add(feed("scores"), records);
        Database::open(builder.finish().unwrap()).unwrap()
    };
    let told = |old: &Database<Vec<u8>>, new: &Database<Vec<u8>>| -> Vec<String> {
        let changed = changed_exploitation(old, new).unwrap();
        changed.iter().map(|one| format!("{} {:?} {:?}", one.id, one.exploited, one.probability)).collect()
    };
    let old =
        of(&[("CVE-2024-0001", None), ("CVE-2024-0002", None)], &[("CVE-2024-0001", 0.001), ("CVE-2024-0003", 0.5)]);
    let new =
        of(&[("CVE-2024-0002", Some(5)), ("CVE-2024-0004", None)], &[("CVE-2024-0001", 0.97), ("CVE-2024-0003", 0.5)]);
    assert_eq!(told(&old, &old), Vec::<String>::new());
    assert_eq!(
        told(&old, &new),
        [
            "CVE-2024-0001 Some(Removed) Some((Some(0.001), Some(0.97)))",
            "CVE-2024-0002 Some(Changed) None",
            "CVE-2024-0004 Some(Added) None",
        ]
    );
    let none = of(&[], &[("CVE-2024-0003", 0.5)]);
    assert_eq!(
        told(&none, &old),
        ["CVE-2024-0001 Some(Added) Some((None, Some(0.001)))", "CVE-2024-0002 Some(Added) None",]
    );
}
