//! Exceptions and VEX: where they count, until when, and for whom.

use pipeline::{
    EXCEPTIONS_BYTES_MAX, Filter, Order, Query, Readable, SetError, Tagged, VEX_BYTES_MAX, VEX_DOCUMENTS_MAX, VexError,
    VexTold, Whose,
};
use serde_json::{Value as Json, json};
use testkit::Database;
use vulndb::Level;

use crate::findings::{Known, first, fleet, says};
use crate::support::{Hub, name, query};

db::statements! {
    LIST_STATED = "SELECT scope, subject, fact_key, producer, expires_at_us, body FROM facts WHERE claim = 'exempted' \
        ORDER BY scope, fact_key";
    LIST_VEX = "SELECT body FROM facts WHERE claim = 'vex'";
    LIST_TRUST_STATED = "SELECT body FROM facts WHERE claim = 'vex-trust' ORDER BY observed_at_us, id";
    LIST_TRUST_AUDITED = "SELECT actor, resource FROM audit_records WHERE action = 'vex-trust.set' ORDER BY id";
    LIST_AUDITED = "SELECT actor, action, resource FROM audit_records WHERE action LIKE '%exceptions.set' ORDER BY id";
}

const HOUR_US: i64 = 3_600_000_000;

/// An exception of a vulnerability that counts for a day from now.
fn excepts(hub: &Hub, id: &str, vulnerability: &str) -> Json {
    let now = hub.now_us() / 1_000_000;
    json!({
        "id": id, "vulnerabilities": [vulnerability], "owner": "team-a@example.com", "reason": "not reached",
        "created": policy::write_moment(now), "expires": policy::write_moment(now + 24 * 3600),
    })
}

fn document(entries: &[Json]) -> String {
    json!({"apiVersion": "garrison.dev/v1", "kind": "Exceptions", "exceptions": entries}).to_string()
}

fn team() -> Whose {
    Whose::Project("team".to_owned())
}

impl Hub {
    async fn except(&self, whose: &Whose, text: &str) {
        let replaces = self.pipeline.exceptions(whose).await.unwrap().map(|document| document.digest);
        self.pipeline.set_exceptions(whose, "user:ann", text.to_owned(), replaces).await.unwrap();
        self.settle().await;
    }

    pub(crate) async fn high(&self, repository: &str, image: oci::Digest) -> (u64, u64) {
        let id = self.registry.repository_id(&name(repository)).await.unwrap();
        let totals = self.pipeline.totals_of(id, image).await.unwrap().unwrap();
        (totals.high, totals.suppressed)
    }
}

/// An `OpenVEX` document that says how openssl stands to a vulnerability.
pub(crate) fn openvex(name: &str, status: &Json) -> Vec<u8> {
    let mut statement = json!({"vulnerability": {"name": name}, "products": [{"@id": "pkg:deb/debian/openssl"}]});
    for (key, value) in status.as_object().unwrap() {
        statement[key] = value.clone();
    }
    let document = json!({
        "@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://vendor.example/1", "author": "Vendor",
        "timestamp": "2026-01-02T03:04:05Z", "version": 1, "statements": [statement],
    });
    document.to_string().into_bytes()
}

testkit::on_both_databases! {
    /// What an exception speaks of is looked for where it is for, by any name of it.
    async fn an_exception_that_matches_nothing_any_more_is_known(database: Database) {
        let hub = fleet(database).await;
        let entry = |id: &str, name: &str, more: Json| {
            let mut entry = excepts(&hub, id, name);
            for (key, value) in more.as_object().unwrap() {
                entry[key] = value.clone();
            }
            entry
        };
        let now = hub.now_us() / 1_000_000;
        let over = json!({"created": policy::write_moment(now - 9), "expires": policy::write_moment(now - 1)});
        let table = [
            (entry("alias", "cve-2023-0001", json!({})), Some(true), Some(true)),
            (entry("wildcard", "CVE-2023-*", json!({})), Some(true), Some(true)),
            (entry("package", "CVE-2023-0001", json!({"purls": ["pkg:deb/debian/openssl"]})), Some(true), Some(true)),
            (entry("gone", "CVE-1999-0001", json!({})), Some(false), Some(false)),
            (entry("wildcard-of-nothing", "CVE-1999-*", json!({})), Some(false), Some(false)),
            (entry("other-package", "CVE-2023-0001", json!({"purls": ["pkg:deb/debian/bash"]})), Some(false), Some(false)),
            (entry("other-version", "CVE-2023-0001", json!({"versions": "vers:deb/>99"})), Some(false), Some(false)),
            (entry("mended", "CVE-2023-0001", json!({"condition": "only-without-fix"})), Some(false), Some(false)),
            (entry("elsewhere", "CVE-2023-0001", json!({"scope": ["other/**"]})), Some(true), Some(false)),
            (entry("nowhere", "CVE-2023-0001", json!({"scope": ["gone/**"]})), Some(false), Some(false)),
            (entry("over", "CVE-2023-0001", over), None, None),
            (entry("where-it-is", "CVE-2023-0001", json!({"paths": ["/var/lib/**"]})), Some(true), Some(true)),
            (entry("not-where-it-is", "CVE-2023-0001", json!({"paths": ["/app/**"]})), Some(false), Some(false)),
            (entry("where-it-is-elsewhere", "CVE-2023-0001", json!({"paths": ["/var/**"], "scope": ["other/**"]})), Some(true), Some(false)),
        ];
        let entries: Vec<Json> = table.iter().map(|(entry, ..)| entry.clone()).collect();
        let exceptions = policy::Exceptions::read(document(&entries).as_bytes()).unwrap();
        let reach = |whose: Whose| {
            let (hub, exceptions) = (&hub, &exceptions);
            async move { hub.pipeline.effects(&whose, exceptions.entries()).await.unwrap() }
        };
        assert_eq!(reach(Whose::Hub).await, vec![None; table.len()], "before everything is matched");
        hub.advise(&first()).await;
        for (at, (in_hub, in_team)) in reach(Whose::Hub).await.into_iter().zip(reach(team()).await).enumerate() {
            assert_eq!((in_hub, in_team), (table[at].1, table[at].2), "{}", table[at].0);
        }
    }

    /// Where it does not count how severe a vulnerability is, that orders no list.
    async fn what_is_excepted_somewhere_is_as_severe_as_elsewhere(database: Database) {
        let hub = Hub::open(database).await;
        hub.push("team/api", "1", &[("openssl", "1")]).await;
        hub.push("other/job", "1", &[("zlib1g", "1"), ("curl", "1")]).await;
        hub.settle().await;
        hub.advise(&Known::of(&[
            says("CVE-2024-0001", "openssl", "2", Level::Critical),
            says("CVE-2024-0001", "zlib1g", "2", Level::Low),
            says("CVE-2024-0002", "curl", "2", Level::Medium),
        ]))
        .await;
        let (any, all) = (Filter::default(), Readable::All);
        let medium = "CVE-2024-0002 medium in 1 images: curl 1";
        let before = ["CVE-2024-0001 critical in 2 images: openssl 1, zlib1g 1", medium];
        assert_eq!(hub.listed(any, Order::Worst, &all).await, before);
        hub.except(&team(), &document(&[excepts(&hub, "one", "CVE-2024-0001")])).await;
        assert_eq!(hub.listed(any, Order::Worst, &all).await, [medium, "CVE-2024-0001 low in 1 images: zlib1g 1"]);
    }

    /// Past so many images nobody knows whether a path covers nothing.
    async fn so_many_images_are_looked_into_for_paths(database: Database) {
        const HOLDERS_MAX: usize = 20;
        let hub = fleet(database).await;
        let mut entry = excepts(&hub, "paths", "CVE-2023-0001");
        entry["versions"] = json!("vers:deb/3.0.11-1");
        entry["paths"] = json!(["/app/**"]);
        let exceptions = policy::Exceptions::read(document(&[entry]).as_bytes()).unwrap();
        hub.advise(&first()).await;
        // Two of the fleet have that version.
        for number in 2..=HOLDERS_MAX + 1 {
            let expected = (number <= HOLDERS_MAX).then_some(false);
            if number >= HOLDERS_MAX {
                hub.settle().await;
                assert_eq!(hub.pipeline.effects(&team(), exceptions.entries()).await.unwrap(), [expected], "{number}");
            }
            let other = format!("1.{number}");
            hub.push("team/api", &format!("more{number}"), &[("openssl", "3.0.11-1"), ("other", &other)]).await;
        }
    }

    async fn vex_counts_where_it_was_given_and_behind_exceptions(database: Database) {
        let hub = fleet(database).await;
        let image = hub.push("team/api", "both", &[("openssl", "3.0.11-1")]).await;
        assert_eq!(hub.push("teamwork/api", "both", &[("openssl", "3.0.11-1")]).await, image);
        hub.settle().await;
        hub.advise(&first()).await;
        let clears = openvex("CVE-2023-0001", &json!({"status": "not_affected", "justification": "component_not_present"}));
        let digest = crate::support::sha256(&clears);
        hub.pipeline.add_vex(&team(), "user:ann", clears.clone(), digest).await.unwrap();
        hub.settle().await;
        assert_eq!((hub.high("team/api", image).await, hub.high("teamwork/api", image).await), ((0, 1), (1, 0)));
        let all = &Readable::All;
        assert_eq!(hub.affected("CVE-2023-0001", all).await.len(), 2);
        let report = hub.pipeline.report(&name("team/api"), image, (false, VexTold::All)).await.unwrap().unwrap();
        let why = &report.findings[0].suppressions[0];
        assert_eq!((why.who.as_str(), why.reference.as_deref()), ("Vendor", Some("https://vendor.example/1")));
        assert_eq!(report.vex[0].findings, 1);
        // Who owns the image goes before who made what is in it.
        hub.except(&team(), &document(&[excepts(&hub, "own", "CVE-2023-0001")])).await;
        let report = hub.pipeline.report(&name("team/api"), image, (false, VexTold::All)).await.unwrap().unwrap();
        let order: Vec<&str> = report.findings[0].suppressions.iter().map(|one| one.who.as_str()).collect();
        assert_eq!(order, ["team-a@example.com", "Vendor"]);
        hub.except(&team(), "").await;
        assert_eq!(hub.high("team/api", image).await, (0, 1));
        // A document that is given twice counts once, is told as who gave it first gave it, and is taken back whole.
        hub.wait(HOUR_US);
        let again = hub.pipeline.add_vex(&team(), "user:bob", clears.clone(), digest).await.unwrap();
        assert_eq!((again.actor.as_str(), again.set_at_us), ("user:ann", hub.now_us() - HOUR_US));
        let listed = hub.pipeline.list_vex(&team()).await.unwrap();
        assert_eq!(listed, [pipeline::VexListed { document: again, why_not: None }]);
        assert_eq!(hub.pipeline.vex_document(&team(), digest).await.unwrap(), Some(clears));
        let missing = hub.pipeline.remove_vex(&Whose::Hub, "user:bob", digest).await;
        assert!(matches!(missing, Err(VexError::Unknown(_))));
        hub.pipeline.remove_vex(&team(), "user:bob", digest).await.unwrap();
        hub.settle().await;
        assert_eq!(hub.high("team/api", image).await, (1, 0));
        let mut facts = Vec::new();
        for row in query(&hub.db, &LIST_VEX, Vec::new()).await {
            facts.push(evidence::Fact::decode(&row.get::<Vec<u8>>(0).unwrap()).unwrap());
        }
        assert_eq!((facts.len(), evidence::holding(facts.clone(), hub.now_us())), (2, Vec::new()));
        assert_eq!(facts[0].subject, digest);
    }

    async fn a_document_without_a_name_is_called_by_its_digest(database: Database) {
        let hub = Hub::open(database).await;
        let image = hub.push("team/api", "1", &[("openssl", "3.0.11-1")]).await;
        hub.trust("pushers: [\"robot:vex\"]\n").await;
        hub.settle().await;
        hub.advise(&first()).await;
        let mut unnamed: Json = serde_json::from_slice(&openvex("CVE-2023-0001", &json!({"status": "fixed"}))).unwrap();
        unnamed.as_object_mut().unwrap().remove("@id");
        let unnamed = unnamed.to_string().into_bytes();
        let digest = crate::support::sha256(&unnamed);
        let beside = hub.refer("robot:vex", ("team/api", image), "application/vnd.openvex+json", &unnamed).await;
        hub.settle().await;
        let called = async || {
            let report = hub.pipeline.report(&name("team/api"), image, (false, VexTold::All)).await.unwrap().unwrap();
            let mut called: Vec<String> = report.vex.into_iter().map(|one| one.document).collect();
            called.sort();
            (called, report.findings[0].suppressions[0].reference.clone())
        };
        assert_eq!(called().await, (vec![beside.to_string()], Some(beside.to_string())));
        hub.pipeline.add_vex(&team(), "user:ann", unnamed, digest).await.unwrap();
        hub.settle().await;
        let mut both = vec![beside.to_string(), digest.to_string()];
        both.sort();
        assert_eq!(called().await.0, both);
    }

    async fn a_document_that_was_given_and_does_not_count_is_told_with_why(database: Database) {
        let hub = Hub::open(database).await;
        hub.push("team/api", "1", &[("openssl", "3.0.11-1")]).await;
        let version = |number: u64| {
            let mut document: Json = serde_json::from_slice(&openvex("CVE-2023-0001", &json!({"status": "fixed"}))).unwrap();
            document["version"] = json!(number);
            document.to_string().into_bytes()
        };
        let why_not = async |whose: &Whose| -> Vec<Option<&str>> {
            hub.pipeline.list_vex(whose).await.unwrap().into_iter().map(|one| one.why_not).collect()
        };
        let newer = Some("a newer version of it counts");
        for (whose, number, of_team, of_all) in [
            (team(), 2, &[None][..], &[][..]),
            (team(), 1, &[None, newer], &[]),
            (Whose::Hub, 1, &[None, newer], &[None]),
            (Whose::Hub, 3, &[newer, newer], &[newer, None]),
        ] {
            let document = version(number);
            let digest = crate::support::sha256(&document);
            hub.pipeline.add_vex(&whose, "user:ann", document, digest).await.unwrap();
            assert_eq!((why_not(&team()).await, why_not(&Whose::Hub).await), (of_team.to_vec(), of_all.to_vec()), "{whose:?} {number}");
        }
        hub.trust("authors: [[Nobody]]\nothers: ignore\n").await;
        assert_eq!(why_not(&Whose::Hub).await, [newer, Some("its author is not trusted")]);
    }

    async fn what_vex_affirms_counts_everywhere_though_its_publisher_denies_it(database: Database) {
        let hub = fleet(database).await;
        hub.settle().await;
        let denied = [
            says("CVE-2023-0001", "openssl", "3.0.12-1", Level::High),
            says("CVE-2023-0001", "openssl", "9", Level::High).denied(),
        ];
        hub.advise(&Known::of(&denied)).await;
        let (all, any) = (&Readable::All, Filter::default());
        let (team, job) = (hub.only(&["team/api", "team/web"]).await, hub.only(&["other/job"]).await);
        assert_eq!((hub.listed(any, Order::Worst, all).await.len(), hub.affected("CVE-2023-0001", all).await.len()), (0, 0));
        let affirms = openvex("CVE-2023-0001", &json!({"status": "affected", "action_statement": "upgrade"}));
        let digest = crate::support::sha256(&affirms);
        hub.pipeline.add_vex(&self::team(), "user:ann", affirms, digest).await.unwrap();
        hub.settle().await;
        let found = ["team/api:1 openssl 3.0.11-1 -> 3.0.12-1", "team/web:1 openssl 3.0.11-1 -> 3.0.12-1"];
        for reach in [all, &team] {
            assert_eq!(hub.affected("CVE-2023-0001", reach).await, found);
            let filter = Filter { level: Some(Level::High), mendable: true, ..any };
            for order in [Order::Worst, Order::Probability, Order::Age] {
                assert_eq!(hub.listed(filter, order, reach).await, ["CVE-2023-0001 high in 2 images: openssl 3.0.11-1"]);
            }
            assert_eq!(hub.pipeline.totals(reach, Tagged::Any).await.unwrap().high, 2);
        }
        assert_eq!(hub.listed(any, Order::Worst, &job).await, Vec::<String>::new());
        assert_eq!(hub.affected("CVE-2023-0001", &job).await, Vec::<String>::new());
        hub.pipeline.remove_vex(&self::team(), "user:ann", digest).await.unwrap();
        hub.settle().await;
        assert_eq!((hub.listed(any, Order::Worst, all).await.len(), hub.affected("CVE-2023-0001", all).await.len()), (0, 0));
    }

    async fn a_newer_version_takes_the_place_of_all_that_the_earlier_said(database: Database) {
        let hub = fleet(database).await;
        let image = hub.push("team/api", "both", &[("openssl", "3.0.11-1")]).await;
        hub.settle().await;
        hub.advise(&first()).await;
        let version = |version: u64, name: &str| {
            let mut document: Json = serde_json::from_slice(&openvex(name, &json!({"status": "fixed"}))).unwrap();
            document["version"] = json!(version);
            document.to_string().into_bytes()
        };
        let (first, second) = (version(1, "CVE-2023-0001"), version(2, "CVE-1-1"));
        let digest = crate::support::sha256(&second);
        for whose in [team(), Whose::Hub] {
            hub.pipeline.add_vex(&team(), "user:ann", first.clone(), crate::support::sha256(&first)).await.unwrap();
            hub.settle().await;
            assert_eq!(hub.high("team/api", image).await, (0, 1));
            // What it says of others only, it no longer says of this one.
            hub.pipeline.add_vex(&whose, "user:ann", second.clone(), digest).await.unwrap();
            hub.settle().await;
            assert_eq!(hub.high("team/api", image).await, (1, 0), "{whose:?}");
            hub.pipeline.remove_vex(&whose, "user:ann", digest).await.unwrap();
            hub.settle().await;
            assert_eq!(hub.high("team/api", image).await, (0, 1), "{whose:?}");
        }
        hub.pipeline.remove_vex(&team(), "user:ann", crate::support::sha256(&first)).await.unwrap();
        hub.trust("pushers: [\"**\"]\n").await;
        hub.refer("user:ann", ("team/api", image), "application/vnd.openvex+json", &first).await;
        hub.settle().await;
        assert_eq!(hub.high("team/api", image).await, (0, 1));
        hub.pipeline.add_vex(&team(), "user:ann", second, digest).await.unwrap();
        hub.settle().await;
        assert_eq!(hub.high("team/api", image).await, (1, 0));
    }

    async fn authors_count_as_far_as_they_are_trusted(database: Database) {
        let hub = fleet(database).await;
        let image = hub.push("team/api", "both", &[("openssl", "3.0.11-1")]).await;
        hub.settle().await;
        hub.advise(&first()).await;
        let by = |author: &str, time: &str, status: &Json| {
            let mut document: Json = serde_json::from_slice(&openvex("CVE-2023-0001", status)).unwrap();
            (document["author"], document["@id"], document["timestamp"]) = (json!(author), json!(author), json!(time));
            document.to_string().into_bytes()
        };
        let clears = by("Vendor", "2026-01-02T00:00:00Z", &json!({"status": "fixed"}));
        let newer = by("Somebody", "2026-02-02T00:00:00Z", &json!({"status": "affected", "action_statement": "upgrade"}));
        for document in [clears, newer] {
            let digest = crate::support::sha256(&document);
            hub.pipeline.add_vex(&team(), "user:ann", document, digest).await.unwrap();
        }
        hub.settle().await;
        assert_eq!(hub.pipeline.vex_trust().await.unwrap(), None);
        assert_eq!(hub.high("team/api", image).await, (1, 0));
        let head = "apiVersion: garrison.dev/v1\nkind: VexTrust\n";
        let mut replaces = None;
        for (text, expected) in [
            ("authors: [[vendor]]\n", (0, 1)),
            ("authors: [[Somebody], [Vendor]]\n", (1, 0)),
            ("authors: [[Vendor, Somebody]]\n", (1, 0)),
            ("authors: [[Vendor]]\nothers: ignore\n", (0, 1)),
            ("others: ignore\n", (1, 0)),
            ("authors: [[Nobody]]\n", (1, 0)),
        ] {
            let text = format!("{head}{text}");
            let set = hub.pipeline.set_vex_trust("user:root", text.clone(), replaces).await.unwrap();
            assert_eq!((set.actor.as_str(), &set.text), ("user:root", &text));
            replaces = Some(set.digest);
            hub.settle().await;
            assert_eq!(hub.high("team/api", image).await, expected, "{text}");
            let report = hub.pipeline.report(&name("team/api"), image, (false, VexTold::All)).await.unwrap().unwrap();
            assert_eq!(u64::from(report.findings[0].counts()), expected.0, "{text}");
            // Images of which no VEX speaks are not counted again, and nothing else changes.
            assert_eq!(hub.pipeline.totals(&hub.only(&["other/job"]).await, Tagged::Any).await.unwrap().high, 1);
        }
        // Who set it meanwhile is told, and what is set again is as it was set first.
        let other = hub.pipeline.set_vex_trust("user:bob", head.to_owned(), None).await;
        assert!(matches!(other, Err(SetError::Changed { actor, .. }) if actor == "user:root"));
        let now = hub.pipeline.vex_trust().await.unwrap().unwrap();
        let again = hub.pipeline.set_vex_trust("user:bob", now.text.clone(), None).await.unwrap();
        assert_eq!(again, now);
        let long = format!("{head}{}", " ".repeat(policy::TRUST_BYTES_MAX - head.len() + 1));
        let large = hub.pipeline.set_vex_trust("user:bob", long.clone(), replaces).await;
        assert!(matches!(large, Err(SetError::TooLarge { actual, .. }) if actual == policy::TRUST_BYTES_MAX + 1));
        let misread = hub.pipeline.set_vex_trust("user:bob", "{}".to_owned(), replaces).await;
        assert!(matches!(misread, Err(SetError::Refused(_))));
        hub.pipeline.set_vex_trust("user:bob", long[..long.len() - 1].to_owned(), replaces).await.unwrap();
        let mut audited = Vec::new();
        for row in query(&hub.db, &LIST_TRUST_AUDITED, Vec::new()).await {
            audited.push([0, 1].map(|at| row.get::<String>(at).unwrap()).join(" "));
        }
        assert_eq!((audited.len(), audited[6].as_str()), (7, "user:bob system"));
    }

    async fn whose_vex_counts_is_a_fact_that_the_next_document_takes_back(database: Database) {
        let hub = Hub::open(database).await;
        let stated = async || -> Vec<evidence::Fact> {
            let rows = query(&hub.db, &LIST_TRUST_STATED, Vec::new()).await;
            rows.iter().map(|row| evidence::Fact::decode(&row.get::<Vec<u8>>(0).unwrap()).unwrap()).collect()
        };
        let one = "apiVersion: garrison.dev/v1\nkind: VexTrust\nauthors: [[a, b], [c]]\nothers: ignore\npushers: [\"user:ann\"]\n";
        let two = "apiVersion: garrison.dev/v1\nkind: VexTrust\n";
        let holds = |text: &str, by: &str| Some((crate::support::sha256(text.as_bytes()), by.to_owned()));
        let mut replaces = None;
        // Without time in between, and by others: each counts from when it was set.
        for (text, by, expected, facts) in [
            (one, "user:root", holds(one, "user:root"), 1),
            (two, "user:bob", holds(two, "user:bob"), 3),
            (one, "user:bob", holds(one, "user:bob"), 5),
            ("", "user:root", None, 6),
            (two, "user:root", holds(two, "user:root"), 7),
        ] {
            let set = hub.pipeline.set_vex_trust(by, text.to_owned(), replaces).await.unwrap();
            replaces = Some(set.digest);
            hub.settle().await;
            let all = stated().await;
            assert_eq!(all.len(), facts, "{text}");
            let holding = evidence::holding(all, hub.now_us() + 100);
            let told: Vec<(oci::Digest, String)> = holding
                .iter()
                .map(|fact| match &fact.claim {
                    evidence::Claim::VexTrust(trust) => (fact.subject, trust.set_by.clone()),
                    other => panic!("{other:?}"),
                })
                .collect();
            assert_eq!(told, Vec::from_iter(expected), "{text}");
            if text == one {
                let evidence::Claim::VexTrust(trust) = &holding[0].claim else { unreachable!() };
                assert_eq!((trust.authors, trust.others_count, trust.pushers), (3, false, 1));
                assert_eq!((holding[0].scope, holding[0].observed_at_us), (evidence::Scope::Hub, set.set_at_us));
            }
        }
    }

    async fn what_decides_is_handed_on_as_far_as_it_concerns_the_image(database: Database) {
        let hub = fleet(database).await;
        let image = hub.push("team/api", "last", &[("openssl", "3.0.11-1")]).await;
        let entry = |id: &str, scope: &[&str]| {
            let mut entry = excepts(&hub, id, "CVE-2023-0001");
            if !scope.is_empty() {
                entry["scope"] = json!(scope);
            }
            entry
        };
        hub.pipeline
            .set_exceptions(&Whose::Hub, "user:ann", document(&[entry("here", &["team/**", "secret/**"]), entry("else", &["secret/**"])]), None)
            .await
            .unwrap();
        hub.pipeline.set_exceptions(&team(), "user:ann", document(&[entry("own", &[])]), None).await.unwrap();
        let other = Whose::Project("other".to_owned());
        hub.pipeline.set_exceptions(&other, "user:ann", document(&[entry("secret", &[])]), None).await.unwrap();
        let mut vex: Json = serde_json::from_slice(&openvex("CVE-2023-0001", &json!({"status": "fixed"}))).unwrap();
        let other_image = format!("pkg:oci/secret@sha256:{}", "b".repeat(64));
        vex["statements"][0]["products"] = json!([
            {"@id": "pkg:deb/debian/openssl"}, {"@id": "pkg:deb/debian/secret"}, {"@id": other_image},
            {"@id": other_image, "subcomponents": [{"@id": "pkg:deb/debian/openssl"}]},
        ]);
        let vex = vex.to_string().into_bytes();
        let digest = crate::support::sha256(&vex);
        hub.pipeline.add_vex(&Whose::Hub, "user:ann", vex, digest).await.unwrap();
        hub.pipeline.add_vex(&other, "user:ann", openvex("CVE-secret", &json!({"status": "fixed"})), crate::support::sha256(&openvex("CVE-secret", &json!({"status": "fixed"})))).await.unwrap();
        hub.trust("authors: [[Vendor]]\nothers: ignore\npushers: [\"user:secret\", \"user:ann\"]\n").await;
        hub.refer("user:ann", ("team/api", image), "application/vnd.openvex+json", &openvex("CVE-beside", &json!({"status": "fixed"}))).await;
        hub.refer("user:bob", ("team/api", image), "application/vnd.openvex+json", &openvex("CVE-secret", &json!({"status": "fixed"}))).await;
        // While nobody knows what is in it.
        let early = hub.pipeline.decisions(&name("team/api"), image, VexTold::All).await.unwrap();
        assert_eq!((early.is_inventoried, early.hub_exceptions.entries().len(), early.vex.len()), (false, 1, 1));
        assert!(early.vex[0].statements.is_empty());
        hub.settle().await;
        let decisions = hub.pipeline.decisions(&name("team/api"), image, VexTold::All).await.unwrap();
        let text = serde_json::to_string(&decisions).unwrap();
        assert!(decisions.is_inventoried && !text.contains("secret"), "{text}");
        let ids = |exceptions: &policy::Exceptions| exceptions.entries().iter().map(|entry| entry.id.clone()).collect::<Vec<_>>();
        assert_eq!((ids(&decisions.hub_exceptions), ids(&decisions.project_exceptions)), (vec!["here".to_owned()], vec!["own".to_owned()]));
        assert_eq!((decisions.authors.len(), decisions.others_count), (1, false));
        let targets = |document: &vex::Document| document.statements.iter().map(|statement| statement.targets.len()).sum::<usize>();
        assert_eq!(decisions.vex.iter().map(targets).collect::<Vec<_>>(), [1]);
        assert_eq!(decisions.beside.iter().map(|beside| (beside.origin.pusher.as_str(), targets(&beside.document))).collect::<Vec<_>>(), [("user:ann", 1)]);
        assert_eq!(serde_json::from_str::<findings::Decisions>(&text).unwrap(), decisions);
        assert!(hub.pipeline.decisions(&name("team/none"), image, VexTold::All).await.is_err());
    }

    async fn vex_is_taken_up_to_its_limits(database: Database) {
        let hub = fleet(database).await;
        let add = async |bytes: Vec<u8>| {
            let digest = crate::support::sha256(&bytes);
            hub.pipeline.add_vex(&Whose::Hub, "user:ann", bytes, digest).await
        };
        let fixed = |name: &str| openvex(name, &json!({"status": "fixed"}));
        let padded = |bytes: usize| {
            let mut document = fixed("CVE-1-1");
            document.resize(bytes, b' ');
            document
        };
        assert!(matches!(add(padded(VEX_BYTES_MAX + 1)).await, Err(VexError::TooLarge { .. })));
        add(padded(VEX_BYTES_MAX)).await.unwrap();
        assert!(matches!(add(b"{}".to_vec()).await, Err(VexError::Refused(_))));
        let other = hub.pipeline.add_vex(&Whose::Hub, "user:ann", fixed("CVE-1-2"), crate::support::sha256(b"")).await;
        assert!(matches!(other, Err(VexError::Digest { .. })));
        for number in 1..VEX_DOCUMENTS_MAX {
            add(fixed(&format!("CVE-1-{number}"))).await.unwrap();
        }
        assert!(matches!(add(fixed("CVE-2-1")).await, Err(VexError::TooMany { documents: 101, .. })));
        let other = hub.pipeline.add_vex(&team(), "user:ann", fixed("CVE-2-1"), crate::support::sha256(&fixed("CVE-2-1"))).await;
        other.unwrap();
        // What is large together is too much of it.
        for bytes in 1..=4 {
            let document = padded(VEX_BYTES_MAX - bytes);
            let digest = crate::support::sha256(&document);
            let added = hub.pipeline.add_vex(&team(), "user:ann", document, digest).await;
            assert_eq!(matches!(added, Err(VexError::TooMany { .. })), bytes == 4, "{bytes}");
        }
    }

    async fn an_exception_counts_in_its_project_alone_and_until_its_end(database: Database) {
        let hub = fleet(database).await;
        let packages = [("openssl", "3.0.11-1")];
        let image = hub.push("team/api", "both", &packages).await;
        assert_eq!(hub.push("teamwork/api", "both", &packages).await, image);
        hub.settle().await;
        hub.advise(&first()).await;
        let all = &Readable::All;
        let open = ["other/job:1", "team/api:1", "team/api:both", "team/web:1", "teamwork/api:both"];
        let affected = async |hub: &Hub| -> Vec<String> {
            let found = hub.affected("CVE-2023-0001", all).await;
            found.iter().map(|one| one.split(' ').next().unwrap().to_owned()).collect()
        };
        let not_counted = async |hub: &Hub, readable: &Readable, tagged: Tagged| {
            let query = Query::parse("CVE-2023-0001", None).unwrap();
            let page = hub.pipeline.find(&query, (readable, tagged), None, 1).await.unwrap();
            page.not_counted.map(|counted| (counted.images, counted.more))
        };
        assert_eq!(affected(&hub).await, open);
        // As many as that are counted, each in each repository that holds it.
        let readers = [(Readable::All, 5), (hub.only(&["team/api", "teamwork/api"]).await, 3)];
        for (readable, images) in readers {
            let listed = hub.listed(Filter::default(), Order::Worst, &readable).await;
            let one = listed.iter().find(|one| one.starts_with("CVE-2023-0001")).unwrap();
            assert!(one.starts_with(&format!("CVE-2023-0001 high in {images} images: ")), "{one}");
        }
        assert_eq!(not_counted(&hub, all, Tagged::Any).await, None);
        assert_eq!((hub.high("team/api", image).await, hub.high("teamwork/api", image).await), ((1, 0), (1, 0)));

        // What a project says of other repositories counts for none of them.
        let mut wide = excepts(&hub, "wide", "CVE-2023-*");
        wide["scope"] = json!(["**", "other/**", "teamwork/**"]);
        hub.except(&team(), &document(&[wide])).await;
        assert_eq!(affected(&hub).await, ["other/job:1", "teamwork/api:both"]);
        assert_eq!((hub.high("team/api", image).await, hub.high("teamwork/api", image).await), ((0, 1), (1, 0)));
        let any = Filter::default();
        assert_eq!(hub.listed(any, Order::Worst, all).await, [
            "CVE-2023-0001 high in 2 images: openssl 3.0.11-1, openssl 1.1.1w-1",
        ]);
        let mine = hub.only(&["team/api", "team/web"]).await;
        assert_eq!(hub.listed(any, Order::Worst, &mine).await, Vec::<String>::new());
        assert_eq!(hub.affected("CVE-2023-0001", &mine).await, Vec::<String>::new());
        // How many they are is told beside, of what the reader may know of.
        for (readable, tagged, expected) in [
            (all, Tagged::Any, Some((3, false))),
            (all, Tagged::Yes, Some((3, false))),
            (all, Tagged::No, None),
            (&mine, Tagged::Any, Some((3, false))),
            (&hub.only(&["team/web", "other/job"]).await, Tagged::Any, Some((1, false))),
            (&hub.only(&["teamwork/api", "other/job"]).await, Tagged::Any, None),
            (&hub.only(&[]).await, Tagged::Any, None),
        ] {
            assert_eq!(not_counted(&hub, readable, tagged).await, expected, "{readable:?} {tagged:?}");
        }
        let both = hub.only(&["team/api", "teamwork/api"]).await;
        assert_eq!(hub.listed(any, Order::Worst, &both).await, [
            "CVE-2023-0001 high in 1 images: openssl 3.0.11-1",
        ]);
        assert_eq!(hub.pipeline.totals(&mine, Tagged::Any).await.unwrap().open(), 0);
        let report = hub.pipeline.report(&name("team/api"), image, (false, VexTold::All)).await.unwrap().unwrap();
        let why = &report.findings[0].suppressions[0];
        assert_eq!((why.who.as_str(), why.why.as_str(), why.reference.as_deref()), ("team-a@example.com", "not reached", Some("wide")));
        assert_eq!(report.exceptions[0].findings, 1);
        let elsewhere = hub.pipeline.report(&name("teamwork/api"), image, (false, VexTold::All)).await.unwrap().unwrap();
        assert!(elsewhere.findings[0].counts() && elsewhere.exceptions.is_empty());

        // It ends by the clock, though nobody does anything.
        hub.wait(24 * HOUR_US - 1_000_000);
        hub.decide().await;
        hub.settle().await;
        assert_eq!(hub.high("team/api", image).await, (0, 1));
        hub.wait(1_000_000);
        hub.decide().await;
        hub.settle().await;
        assert_eq!(hub.high("team/api", image).await, (1, 0));
        assert_eq!((affected(&hub).await, not_counted(&hub, all, Tagged::Any).await), (open.map(str::to_owned).to_vec(), None));
        let report = hub.pipeline.report(&name("team/api"), image, (false, VexTold::All)).await.unwrap().unwrap();
        assert_eq!(format!("{:?}", report.exceptions[0].state), "Expired");
    }

    async fn the_hubs_exceptions_count_for_all_and_may_be_taken_back(database: Database) {
        let hub = fleet(database).await;
        hub.settle().await;
        hub.advise(&first()).await;
        let mut apis = excepts(&hub, "apis", "cve-2023-0001");
        apis["scope"] = json!(["*/api"]);
        let job = excepts(&hub, "zlib", "CVE-2023-0002");
        hub.except(&Whose::Hub, &document(&[apis.clone(), job])).await;
        let all = &Readable::All;
        assert_eq!(hub.affected("CVE-2023-0002", all).await, Vec::<String>::new());
        assert_eq!(hub.affected("CVE-2023-0001", all).await.len(), 2);
        hub.except(&Whose::Hub, &document(&[apis])).await;
        assert_eq!(hub.affected("CVE-2023-0002", all).await.len(), 2);
        let web = hub.push("team/web", "2", &[("zlib1g", "1.2"), ("openssl", "3.0.11-1")]).await;
        assert_eq!(hub.push("team/api", "4", &[("zlib1g", "1.2"), ("openssl", "3.0.11-1")]).await, web);
        hub.settle().await;
        assert_eq!((hub.high("team/web", web).await, hub.high("team/api", web).await), ((1, 0), (0, 1)));
        // What is about other repositories is not told of in this one.
        let report = hub.pipeline.report(&name("team/web"), web, (false, VexTold::All)).await.unwrap().unwrap();
        assert_eq!(report.exceptions, []);
        let report = hub.pipeline.report(&name("team/api"), web, (false, VexTold::All)).await.unwrap().unwrap();
        assert_eq!(report.exceptions[0].id, "hub:apis");
        hub.except(&Whose::Hub, " \n").await;
        assert_eq!(hub.high("team/api", web).await, (1, 0));
    }

    async fn a_document_takes_the_place_of_the_one_that_was_read(database: Database) {
        let hub = fleet(database).await;
        let set = async |whose: Whose, text: String, replaces| {
            hub.pipeline.set_exceptions(&whose, "user:bob", text, replaces).await.map(|document| document.digest)
        };
        let one = document(&[excepts(&hub, "one", "CVE-2023-0001")]);
        let two = document(&[excepts(&hub, "two", "CVE-2023-0001")]);
        let first = set(team(), one.clone(), None).await.unwrap();
        // Whoever sets what is there already is not told otherwise.
        assert_eq!(set(team(), one.clone(), None).await.unwrap(), first);
        for replaces in [None, Some(crate::support::sha256(b"x"))] {
            match set(team(), two.clone(), replaces).await {
                Err(SetError::Changed { current, actor }) => assert_eq!((current, &*actor), (first, "user:bob")),
                other => panic!("{other:?}"),
            }
        }
        let second = set(team(), two.clone(), Some(first)).await.unwrap();
        assert!(matches!(set(team(), one.clone(), Some(first)).await, Err(SetError::Changed { .. })));
        let third = set(team(), one, Some(second)).await.unwrap();
        assert_eq!(third, first);
        assert!(matches!(set(Whose::Project("none".to_owned()), two.clone(), None).await, Err(SetError::ProjectUnknown(_))));
        // One byte more than is read.
        let spaces = " ".repeat(EXCEPTIONS_BYTES_MAX - two.len());
        let longest = format!("{two}{spaces}");
        assert!(matches!(set(Whose::Hub, format!("{longest} "), None).await, Err(SetError::TooLarge { actual, .. }) if actual == EXCEPTIONS_BYTES_MAX + 1));
        set(Whose::Hub, longest, None).await.unwrap();
        match set(Whose::Hub, "apiVersion: garrison.dev/v1\nkind: Exception\n".to_owned(), None).await {
            Err(SetError::Refused(error)) => assert!(error.to_string().starts_with("line "), "{error}"),
            other => panic!("{other:?}"),
        }
        hub.settle().await;
        let mut audited = Vec::new();
        for row in query(&hub.db, &LIST_AUDITED, Vec::new()).await {
            audited.push([0, 1, 2].map(|at| row.get::<String>(at).unwrap()).join(" "));
        }
        let team = "user:bob project.exceptions.set project:team";
        assert_eq!(audited, [team, team, team, "user:bob exceptions.set system"]);
        // Each exception of each document is a fact, which is taken back with its document.
        let mut facts = Vec::new();
        for row in query(&hub.db, &LIST_STATED, Vec::new()).await {
            let fact = evidence::Fact::decode(&row.get::<Vec<u8>>(5).unwrap()).unwrap();
            assert_eq!(fact.scope.number(), row.get::<i64>(0).unwrap());
            assert_eq!(fact.expires_at_us, row.get::<Option<i64>>(4).unwrap());
            facts.push(fact);
        }
        let told = |facts: &[evidence::Fact]| {
            let told = |fact: &evidence::Fact| {
                let is_word = if fact.withdraws.is_none() { "says" } else { "takes back" };
                format!("{:?} {is_word} {} {}", fact.scope, fact.claim.key(), fact.subject == first)
            };
            let mut told: Vec<String> = facts.iter().map(told).collect();
            told.sort();
            told
        };
        assert_eq!(told(&facts), [
            "Hub says two false",
            "Project(1) says one true",
            "Project(1) says one true",
            "Project(1) says two false",
            "Project(1) takes back one true",
            "Project(1) takes back two false",
        ]);
        let holding = evidence::holding(facts, hub.now_us() + 10);
        assert_eq!(told(&holding), ["Hub says two false", "Project(1) says one true"]);
    }
}
