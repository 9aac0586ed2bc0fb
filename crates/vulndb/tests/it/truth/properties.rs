//! What holds of every database and every component: the order in which records came counts for nothing, ranges hold what lies
//! between their bounds, names of one vulnerability are one finding, and what outweighs what does not depend on who spoke first.

use component::{ComponentIndex, Edge, Inventory, Node, PackageType, Relation, Subject};
use proptest::prelude::*;
use vulndb::matching::{Suppression, match_component, match_inventory, upgrade};
use vulndb::{Advisory, Affected, Ecosystem, End, Family, Fix, Interval, Records, Start, Verdict};

use super::{Advisories, database_of, package};
use crate::file::{advisory, affected};

fn database(advisories: Vec<Advisory>) -> Advisories {
    database_of([("test", Records { advisories, ..Records::default() })])
}

fn debian() -> Ecosystem {
    Ecosystem::release(Family::Debian, "12")
}

/// A statement about one of two packages, by numbers that stand for versions.
fn statement() -> impl Strategy<Value = Affected> {
    let bounds = (0_u8..6, 0_u8..6, 0_u8..4);
    (bounds, 0_u8..4, prop::bool::ANY, prop::collection::vec(0_u8..6, 0..3)).prop_map(
        |((start, end, form), verdict, is_other, versions)| {
            let version = |number: u8| format!("{number}.0");
            let interval = Interval {
                start: if form % 2 == 0 { Start::Unbounded } else { Start::At(version(start)) },
                end: if form / 2 == 0 { End::Fixed(version(end)) } else { End::Through(version(end)) },
            };
            Affected {
                verdict: match verdict {
                    0 => Verdict::NotAffected,
                    1 => Verdict::UnderInvestigation,
                    _ => Verdict::Affected(Fix::AsStated),
                },
                intervals: vec![interval],
                versions: versions.into_iter().map(version).collect(),
                ..affected(&debian(), if is_other { "zlib" } else { "openssl" }, "")
            }
        },
    )
}

fn records() -> impl Strategy<Value = Vec<Advisory>> {
    let record = (0_u8..5, prop::collection::vec(0_u8..5, 0..3), prop::collection::vec(statement(), 1..4));
    prop::collection::vec(record, 1..7).prop_map(|records| {
        let one = |(at, (id, aliases, affected)): (usize, (u8, Vec<u8>, Vec<Affected>))| {
            let aliases: Vec<String> = aliases.iter().map(|alias| name(*alias)).collect();
            let aliases: Vec<&str> = aliases.iter().map(String::as_str).collect();
            advisory(&format!("{}-{at}", name(id)), &aliases, affected)
        };
        records.into_iter().enumerate().map(one).collect()
    })
}

/// Some names are CVEs.
fn name(number: u8) -> String {
    if number < 3 { format!("CVE-2024-000{number}") } else { format!("GHSA-{number}") }
}

/// What is found, without the places in the database.
fn found(database: &Advisories, version: &str) -> Vec<String> {
    let (component, distribution) = package(&debian(), "openssl", version);
    let findings = match_component(database, &component, distribution.as_ref()).unwrap();
    let mut told: Vec<String> = findings
        .iter()
        .map(|finding| {
            let name = database.vulnerability(finding.vulnerability).unwrap().name;
            let mut hits: Vec<(&str, Option<&str>)> = Vec::new();
            for hit in &finding.hits {
                hits.push((database.advisory(hit.advisory).unwrap().id, hit.fixed.as_deref()));
            }
            hits.sort_unstable();
            let is_suppressed = finding.suppression.is_some();
            format!("{name} {:?} {is_suppressed} {:?} {hits:?}", finding.certainty, upgrade(finding))
        })
        .collect();
    told.sort();
    told
}

proptest! {
    #[test]
    fn the_order_of_records_counts_for_nothing(records in records(), version in 0_u8..6, seed in any::<u64>()) {
        let version = format!("{version}.0");
        let mut shuffled = records.clone();
        for (at, step) in (1..shuffled.len()).rev().zip(0_u32..) {
            let place = usize::try_from(seed.rotate_left(step * 7) % (at as u64 + 1)).unwrap();
            shuffled.swap(at, place);
        }
        for record in &mut shuffled {
            record.affected.reverse();
        }
        prop_assert_eq!(found(&database(records), &version), found(&database(shuffled), &version));
    }

    #[test]
    fn a_wider_range_finds_no_less(start in 0_u8..6, end in 0_u8..6, wider in 0_u8..6, version in 0_u8..7) {
        let range = |end: u8| Affected {
            intervals: vec![Interval { start: Start::At(format!("{start}.0")), end: End::Fixed(format!("{end}.0")) }],
            ..affected(&debian(), "openssl", "")
        };
        let is_found = |end: u8| {
            let database = database(vec![advisory("CVE-2024-0001", &[], vec![range(end)])]);
            !found(&database, &format!("{version}.0")).is_empty()
        };
        let (narrow, wide) = (end.min(wider), end.max(wider));
        prop_assert_eq!(is_found(narrow), (start..narrow).contains(&version));
        prop_assert!(!is_found(narrow) || is_found(wide));
    }

    /// A finding is called by a name once, and every record that is about it is in it.
    #[test]
    fn names_of_one_vulnerability_are_one_finding(records in records(), version in 0_u8..6) {
        let database = database(records);
        let (component, distribution) = package(&debian(), "openssl", &format!("{version}.0"));
        let findings = match_component(&database, &component, distribution.as_ref()).unwrap();
        for (at, finding) in findings.iter().enumerate() {
            prop_assert!(!finding.hits.is_empty());
            prop_assert!(at == 0 || findings[at - 1].vulnerability < finding.vulnerability);
            for hit in &finding.hits {
                let about = database.advisory(hit.advisory).unwrap().vulnerabilities;
                prop_assert!(about.contains(&finding.vulnerability));
                for other in about {
                    prop_assert!(findings.iter().any(|found| found.vulnerability == other));
                }
            }
        }
    }

    /// What the publisher denies does not count whoever owns the package; else the distribution's word comes first.
    #[test]
    fn a_denial_comes_before_ownership(is_denied in any::<bool>(), is_owned in any::<bool>(), is_spoken_of in any::<bool>()) {
        let pypi = Ecosystem::new(Family::PyPi);
        let mut said = vec![affected(&pypi, "urllib3", "2.0.0")];
        if is_denied {
            said.push(Affected { verdict: Verdict::NotAffected, intervals: vec![Interval::ALL], ..affected(&pypi, "urllib3", "") });
        }
        let mut records = vec![advisory("GHSA-a", &["CVE-2024-0001"], said)];
        if is_spoken_of {
            records.push(advisory("DSA-1", &["CVE-2024-0001"], vec![affected(&debian(), "python-urllib3", "1.0")]));
        }
        let (mut owner, distribution) = package(&debian(), "python-urllib3", "1.26-1");
        "python3-urllib3".clone_into(&mut owner.name);
        let (owned, _) = package(&pypi, "urllib3", "1.26.0");
        prop_assert_eq!(owned.package_type, PackageType::Python);
        let edge = Edge { from: Node::Component(ComponentIndex(0)), to: ComponentIndex(1), relation: Relation::Owns };
        let inventory = Inventory {
            subject: Subject::Directory { name: "/".to_owned() },
            distribution,
            layers: Vec::new(),
            components: vec![owner, owned],
            edges: if is_owned { vec![edge] } else { Vec::new() },
            unknowns: Vec::new(),
            created: None,
        };
        let all = match_inventory(&database(records), &inventory).unwrap();
        let [(index, findings)] = all.as_slice() else { panic!("one component has findings: {all:?}") };
        prop_assert_eq!((index.0, findings.len()), (1, 1));
        let is_expected = match findings[0].suppression {
            Some(Suppression::NotAffected(_)) => is_denied,
            Some(Suppression::Owned { owner }) => !is_denied && is_owned && is_spoken_of && owner.0 == 0,
            Some(Suppression::NoCode) => false,
            None => !(is_denied || is_owned && is_spoken_of),
        };
        prop_assert!(is_expected, "{:?}", findings[0].suppression);
    }
}
