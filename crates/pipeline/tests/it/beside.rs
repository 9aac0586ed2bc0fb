//! VEX beside images: whose counts, for what, and until when.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use evidence::{Claim, Fact, Scope};
use oci::Digest;
use pipeline::{BESIDE_BYTES_MAX, BESIDE_DOCUMENTS_MAX, Readable, VEX_BYTES_MAX, VexTold};
use serde_json::{Value as Json, json};
use testkit::Database;

use crate::exceptions::openvex;
use crate::findings::{SWEEP_NOW, first};
use crate::support::{Hub, name, query, run};

db::statements! {
    LIST_FACTS = "SELECT body FROM facts WHERE claim = 'vex' ORDER BY observed_at_us, id";
    LIST_ORDERED = "SELECT payload FROM jobs WHERE kind = 'findings.beside' AND state = 'pending'";
    FORGET_REFERRERS = "DELETE FROM vex_referrers";
    FORGET_BESIDE = "DELETE FROM finding_beside";
    FORGET_ORDERED = "DELETE FROM jobs WHERE kind = 'findings.beside' AND state = 'pending'";
    COUNT_BODIES = "SELECT COUNT(*) FROM vex_referrers WHERE bytes > 0 AND gone_at_us IS NOT NULL";
}

const OPENVEX: &str = "application/vnd.openvex+json";
const IN_TOTO: &str = "application/vnd.in-toto+json";
const DSSE: &str = "application/vnd.dsse.envelope.v1+json";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// Operations of which one fails each.
const CALLS_MAX: u64 = 60;

/// Who is believed.
const ROBOT: &str = "robot:vex-ci";

fn clears() -> Vec<u8> {
    openvex("CVE-2023-0001", &json!({"status": "not_affected", "justification": "component_not_present"}))
}

fn statement(predicate_type: &str, predicate: &[u8]) -> Json {
    let predicate: Json = serde_json::from_slice(predicate).unwrap();
    json!({"_type": "https://in-toto.io/Statement/v1", "predicateType": predicate_type, "predicate": predicate})
}

fn envelope(statement: &Json) -> Json {
    json!({"payloadType": IN_TOTO, "payload": STANDARD.encode(statement.to_string()), "signatures": []})
}

impl Hub {
    pub(crate) async fn trust(&self, rest: &str) {
        let text = format!("apiVersion: garrison.dev/v1\nkind: VexTrust\n{rest}");
        let replaces = self.pipeline.vex_trust().await.unwrap().map(|set| set.digest);
        self.pipeline.set_vex_trust("user:root", text, replaces).await.unwrap();
    }

    /// Returns what lies beside an image and may be VEX, with why it does not count.
    async fn told(&self, repository: &str, image: Digest) -> Vec<String> {
        let beside = self.pipeline.vex_beside(&name(repository), image).await.unwrap();
        let told = |one: &pipeline::VexBeside| match (&one.why_not, &one.document) {
            (None, Some(said)) => format!("{} of {} by {}: counts", said.name, said.author, one.pusher),
            (Some(why), _) => format!("by {}: {why}", one.pusher),
            other => panic!("{other:?}"),
        };
        let mut told: Vec<String> = beside.iter().map(told).collect();
        told.sort();
        told
    }

    async fn vex_facts(&self) -> (usize, Vec<Fact>) {
        let rows = query(&self.db, &LIST_FACTS, Vec::new()).await;
        let facts: Vec<Fact> = rows.iter().map(|row| Fact::decode(&row.get::<Vec<u8>>(0).unwrap()).unwrap()).collect();
        (facts.len(), evidence::holding(facts, self.now_us() + 10))
    }
}

/// A hub with one image in two repositories, of which one finding is high, and where a robot's VEX is believed.
async fn hub(database: Database) -> (Hub, Digest) {
    let hub = Hub::open(database).await;
    let packages = [("openssl", "3.0.11-1")];
    let image = hub.push("team/api", "1", &packages).await;
    assert_eq!(hub.push("team/web", "1", &packages).await, image);
    hub.trust("pushers: [\"robot:vex-*\"]\n").await;
    hub.settle().await;
    hub.advise(&first()).await;
    assert_eq!(hub.high("team/api", image).await, (1, 0));
    (hub, image)
}

testkit::on_both_databases! {
    async fn what_is_beside_an_image_counts_in_any_form_and_there_alone(database: Database) {
        let (hub, image) = hub(database).await;
        let other = hub.push("team/api", "2", &[("openssl", "3.0.11-1"), ("zlib1g", "9")]).await;
        let vex = statement("https://openvex.dev/ns/v0.2.0", &clears());
        let bundle = json!({"mediaType": BUNDLE, "dsseEnvelope": envelope(&vex)});
        for (media_type, body) in [
            (OPENVEX, clears()),
            (IN_TOTO, vex.to_string().into_bytes()),
            (DSSE, envelope(&vex).to_string().into_bytes()),
            (BUNDLE, bundle.to_string().into_bytes()),
        ] {
            let referrer = hub.refer(ROBOT, ("team/api", image), media_type, &body).await;
            hub.settle().await;
            assert_eq!(hub.high("team/api", image).await, (0, 1), "{media_type}");
            assert_eq!((hub.high("team/web", image).await, hub.high("team/api", other).await), ((1, 0), (1, 0)));
            assert_eq!(hub.told("team/api", image).await, ["https://vendor.example/1 of Vendor by robot:vex-ci: counts"]);
            assert_eq!(hub.told("team/web", image).await, Vec::<String>::new());
            let found = hub.affected("CVE-2023-0001", &Readable::All).await;
            assert_eq!(found.iter().map(|one| one.split(' ').next().unwrap()).collect::<Vec<_>>(), ["team/api:2", "team/web:1"]);
            let report = hub.pipeline.report(&name("team/api"), image, (false, VexTold::All)).await.unwrap().unwrap();
            let origin = findings::Origin { referrer: referrer.to_string(), pusher: ROBOT.to_owned() };
            assert_eq!((report.vex[0].findings, &report.vex[0].beside), (1, &Some(origin.clone())));
            assert_eq!(report.findings[0].suppressions[0].who, "Vendor");
            let asked = pipeline::Asked { vulnerability: "CVE-2023-0001".to_owned(), component: None };
            let explanation = hub.pipeline.explanation(&name("team/api"), image, (asked, VexTold::All)).await.unwrap().unwrap();
            assert_eq!(explanation.decided[0].vex[0].beside, Some(origin));
            let words = findings::explanation_table(&explanation);
            assert!(words.contains(&format!("beside the image as {referrer}, pushed by robot:vex-ci")), "{words}");
            let (_, holding) = hub.vex_facts().await;
            let api = hub.registry.repository_id(&name("team/api")).await.unwrap().number();
            assert!(matches!(&*holding, [Fact { scope: Scope::Repository(number), subject, claim: Claim::Vex(_), producer, source: Some(source), .. }]
                if (*number, *subject, *source) == (api, image, referrer) && producer == ROBOT), "{holding:?}");
            // It is taken back with what said it, and nothing of it stays.
            hub.registry.delete_manifest(&name("team/api"), &referrer, "user:ann").await.unwrap();
            hub.settle().await;
            assert_eq!(hub.high("team/api", image).await, (1, 0), "{media_type}");
            assert_eq!(hub.told("team/api", image).await, Vec::<String>::new());
            assert_eq!(hub.vex_facts().await.1, Vec::new());
            assert_eq!(crate::support::count(&hub.db, &COUNT_BODIES, Vec::new()).await, 0);
            hub.wait(10);
        }
        assert_eq!(hub.vex_facts().await.0, 8);
    }

    async fn what_can_be_read_no_more_counts_no_more(database: Database) {
        let (hub, image) = hub(database).await;
        let document = crate::support::sha256(&clears());
        hub.refer(ROBOT, ("team/api", image), OPENVEX, &clears()).await;
        hub.refer(ROBOT, ("team/web", image), OPENVEX, &clears()).await;
        hub.settle().await;
        assert_eq!((hub.high("team/api", image).await, hub.high("team/web", image).await), ((0, 1), (0, 1)));
        for is_by_sweep in [false, true] {
            hub.registry.delete_blob(&name("team/api"), &document, "user:ann").await.unwrap();
            if is_by_sweep {
                // As before a deletion ordered it.
                run(&hub.db, &FORGET_ORDERED, Vec::new()).await;
                run(&hub.db, &SWEEP_NOW, Vec::new()).await;
            }
            hub.settle().await;
            assert_eq!((hub.high("team/api", image).await, hub.high("team/web", image).await), ((1, 0), (0, 1)));
            assert_eq!(hub.told("team/api", image).await, ["by robot:vex-ci: its document is not in the repository"]);
            assert_eq!(hub.vex_facts().await.1.len(), 1);
            // Another look notes nothing, and it counts again once it is back.
            run(&hub.db, &SWEEP_NOW, Vec::new()).await;
            hub.settle().await;
            assert_eq!(hub.told("team/api", image).await.len(), 1);
            hub.wait(10);
            hub.blob("team/api", &clears()).await;
            run(&hub.db, &SWEEP_NOW, Vec::new()).await;
            hub.settle().await;
            assert_eq!(hub.high("team/api", image).await, (0, 1), "by the sweep");
            hub.registry.delete_blob(&name("team/api"), &document, "user:ann").await.unwrap();
            hub.settle().await;
            assert_eq!(hub.high("team/api", image).await, (1, 0));
            hub.wait(10);
            hub.refer(ROBOT, ("team/api", image), OPENVEX, &clears()).await;
            hub.settle().await;
            assert_eq!(hub.high("team/api", image).await, (0, 1), "pushed again");
            assert_eq!(hub.vex_facts().await.1.len(), 2);
        }
    }

    async fn a_blob_of_many_has_their_whole_repository_looked_at(database: Database) {
        /// What is referred to and ordered one by one.
        const ORDERED_WITHOUT_BLOB_MAX: usize = 20;
        let (hub, image) = hub(database).await;
        let document = crate::support::sha256(&clears());
        let ordered = async || -> BTreeSet<Option<Digest>> {
            let rows = query(&hub.db, &LIST_ORDERED, Vec::new()).await;
            rows.iter().map(|row| serde_json::from_str::<registry::BesideOrder>(&row.get::<String>(0).unwrap()).unwrap().subject).collect()
        };
        let mut subjects = BTreeSet::from([Some(image)]);
        hub.refer(ROBOT, ("team/api", image), OPENVEX, &clears()).await;
        // What is no VEX says nothing.
        hub.refer(ROBOT, ("team/api", crate::support::sha256(b"signed")), "application/vnd.other+json", &clears()).await;
        while subjects.len() < ORDERED_WITHOUT_BLOB_MAX - 1 {
            let subject = crate::support::sha256(&[u8::try_from(subjects.len()).unwrap()]);
            hub.refer(ROBOT, ("team/api", subject), OPENVEX, &clears()).await;
            subjects.insert(Some(subject));
        }
        hub.settle().await;
        hub.registry.delete_blob(&name("team/api"), &document, "user:ann").await.unwrap();
        assert_eq!(ordered().await, subjects);
        hub.settle().await;
        for one in [b"x", b"y"] {
            hub.refer(ROBOT, ("team/api", crate::support::sha256(one)), OPENVEX, &clears()).await;
        }
        hub.settle().await;
        hub.registry.delete_blob(&name("team/api"), &document, "user:ann").await.unwrap();
        assert_eq!(ordered().await, BTreeSet::from([None]));
        hub.settle().await;
        assert_eq!(hub.high("team/api", image).await, (1, 0));
    }

    async fn documents_of_one_name_are_facts_of_their_own(database: Database) {
        let (hub, image) = hub(database).await;
        let other = openvex("CVE-1-1", &json!({"status": "fixed"}));
        let first = hub.refer(ROBOT, ("team/api", image), OPENVEX, &clears()).await;
        hub.settle().await;
        hub.wait(10);
        let second = hub.refer(ROBOT, ("team/api", image), OPENVEX, &other).await;
        hub.settle().await;
        let stated = async || {
            let (_, facts) = hub.vex_facts().await;
            facts.iter().map(|fact| fact.source.unwrap()).collect::<BTreeSet<Digest>>()
        };
        assert_eq!(stated().await, BTreeSet::from([first, second]));
        hub.wait(10);
        hub.registry.delete_manifest(&name("team/api"), &second, "user:ann").await.unwrap();
        hub.settle().await;
        assert_eq!(stated().await, BTreeSet::from([first]));
        assert_eq!(hub.high("team/api", image).await, (0, 1));
    }

    async fn who_may_push_says_nothing_by_that(database: Database) {
        let (hub, image) = hub(database).await;
        hub.refer("user:mallory", ("team/api", image), OPENVEX, &clears()).await;
        hub.refer(ROBOT, ("team/web", image), OPENVEX, &clears()).await;
        hub.settle().await;
        assert_eq!((hub.high("team/api", image).await, hub.high("team/web", image).await), ((1, 0), (0, 1)));
        assert_eq!(hub.told("team/api", image).await, ["by user:mallory: who pushed it is not believed"]);
        // Who is believed may say the same, and it stays said whoever says it after.
        hub.refer(ROBOT, ("team/api", image), OPENVEX, &clears()).await;
        hub.settle().await;
        hub.refer("user:mallory", ("team/api", image), OPENVEX, &clears()).await;
        hub.settle().await;
        assert_eq!(hub.high("team/api", image).await, (0, 1));
        // Others are believed, and who was is no more.
        hub.trust("pushers: [\"user:mallory\"]\n").await;
        hub.settle().await;
        assert_eq!((hub.high("team/api", image).await, hub.high("team/web", image).await), ((0, 1), (1, 0)));
        hub.trust("authors: [[Nobody]]\nothers: ignore\npushers: [\"**\"]\n").await;
        hub.settle().await;
        assert_eq!((hub.high("team/api", image).await, hub.high("team/web", image).await), ((1, 0), (1, 0)));
        assert_eq!(hub.told("team/web", image).await, ["by robot:vex-ci: its author is not trusted"]);
        hub.trust("authors: [[Vendor]]\nothers: ignore\npushers: [\"**\"]\n").await;
        hub.settle().await;
        assert_eq!((hub.high("team/api", image).await, hub.high("team/web", image).await), ((0, 1), (0, 1)));
        hub.trust("").await;
        hub.settle().await;
        assert_eq!((hub.high("team/api", image).await, hub.high("team/web", image).await), ((1, 0), (1, 0)));
        assert_eq!(hub.vex_facts().await.1, Vec::new());
    }

    async fn what_is_not_understood_keeps_no_other_from_counting(database: Database) {
        let (hub, image) = hub(database).await;
        let deep = format!("{{\"@context\": \"https://openvex.dev/ns/v0.2.0\", \"statements\": {}{}}}", "[".repeat(9_000), "]".repeat(9_000));
        let large = |bytes: usize| {
            let mut document = clears();
            document.resize(bytes, b' ');
            document
        };
        let sbom = json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": []});
        for (media_type, body) in [
            (OPENVEX, b"{".to_vec()),
            (OPENVEX, b"\xff\xfe".to_vec()),
            (OPENVEX, br#"{"@context": "https://openvex.dev/ns/v0.2.0"}"#.to_vec()),
            (OPENVEX, deep.into_bytes()),
            (OPENVEX, large(VEX_BYTES_MAX + 1)),
            (OPENVEX, large(2 * VEX_BYTES_MAX + 1)),
            // No VEX, of types that others have too.
            ("application/vnd.cyclonedx+json", sbom.to_string().into_bytes()),
            (IN_TOTO, statement("https://slsa.dev/provenance/v1", b"{}").to_string().into_bytes()),
            (BUNDLE, b"{}".to_vec()),
        ] {
            hub.refer(ROBOT, ("team/api", image), media_type, &body).await;
        }
        hub.refer(ROBOT, ("team/api", image), OPENVEX, &clears()).await;
        hub.settle().await;
        assert_eq!(hub.high("team/api", image).await, (0, 1));
        insta::assert_snapshot!("vex_beside", hub.told("team/api", image).await.join("\n"));
    }

    async fn a_document_beside_an_index_counts_for_what_it_lists(database: Database) {
        let (hub, image) = hub(database).await;
        let other = hub.push("team/api", "2", &[("openssl", "3.0.11-1"), ("zlib1g", "9")]).await;
        // What is said comes before what it is said of.
        let later = hub.push("team/web", "later", &[("openssl", "3.0.11-1"), ("curl", "8")]).await;
        let index = hub.index_of("team/api", "all", &[image, other]).await;
        let outer = hub.index_of("team/api", "outer", &[index]).await;
        let referrer = hub.refer(ROBOT, ("team/api", outer), OPENVEX, &clears()).await;
        hub.refer(ROBOT, ("team/api", later), OPENVEX, &clears()).await;
        hub.settle().await;
        assert_eq!((hub.high("team/api", image).await, hub.high("team/api", other).await), ((0, 1), (0, 1)));
        assert_eq!(hub.high("team/web", later).await, (1, 0));
        assert_eq!(hub.push("team/api", "later", &[("openssl", "3.0.11-1"), ("curl", "8")]).await, later);
        hub.settle().await;
        assert_eq!((hub.high("team/web", later).await, hub.high("team/api", later).await), ((1, 0), (0, 1)));
        // An index in between goes, and comes back.
        hub.registry.delete_manifest(&name("team/api"), &index, "user:ann").await.unwrap();
        hub.settle().await;
        assert_eq!((hub.high("team/api", image).await, hub.high("team/api", other).await), ((1, 0), (1, 0)));
        hub.index_of("team/api", "all", &[image, other]).await;
        hub.settle().await;
        assert_eq!((hub.high("team/api", image).await, hub.high("team/api", other).await), ((0, 1), (0, 1)));
        assert_eq!(hub.told("team/api", image).await, ["https://vendor.example/1 of Vendor by robot:vex-ci: counts"]);
        hub.registry.delete_manifest(&name("team/api"), &referrer, "user:ann").await.unwrap();
        hub.settle().await;
        assert_eq!((hub.high("team/api", image).await, hub.high("team/api", other).await), ((1, 0), (1, 0)));
    }

    async fn an_index_that_goes_has_those_looked_at_whom_it_concerns(database: Database) {
        /// Indexes above it that are ordered one by one.
        const ORDERED_ABOVE_MAX: usize = 20;
        let (hub, image) = hub(database).await;
        let other = hub.push("team/api", "2", &[("openssl", "3.0.11-1"), ("zlib1g", "9")]).await;
        hub.refer(ROBOT, ("team/api", other), OPENVEX, &clears()).await;
        let index = hub.index_of("team/api", "all", &[image]).await;
        let mut above = BTreeSet::from([Some(index)]);
        above.insert(Some(hub.index_of("team/api", "outer", &[index]).await));
        while above.len() <= ORDERED_ABOVE_MAX {
            // Each lists the one before it too, so that it is above by two ways.
            let listed: Vec<Digest> = above.iter().copied().flatten().collect();
            above.insert(Some(hub.index_of("team/api", "outer", &listed).await));
        }
        let ordered = async || -> BTreeSet<Option<Digest>> {
            let rows = query(&hub.db, &LIST_ORDERED, Vec::new()).await;
            rows.iter().map(|row| serde_json::from_str::<registry::BesideOrder>(&row.get::<String>(0).unwrap()).unwrap().subject).collect()
        };
        hub.settle().await;
        hub.registry.delete_manifest(&name("team/api"), &index, "user:ann").await.unwrap();
        assert_eq!(ordered().await, above);
        hub.index_of("team/api", "all", &[image]).await;
        hub.index_of("team/api", "more", &[index, image]).await;
        hub.settle().await;
        hub.registry.delete_manifest(&name("team/api"), &index, "user:ann").await.unwrap();
        assert_eq!(ordered().await, BTreeSet::from([None, Some(index)]));
    }

    async fn what_goes_takes_back_what_is_said_of_it(database: Database) {
        let (hub, image) = hub(database).await;
        hub.refer(ROBOT, ("team/api", image), OPENVEX, &clears()).await;
        hub.refer(ROBOT, ("team/web", image), OPENVEX, &clears()).await;
        hub.settle().await;
        assert_eq!(hub.vex_facts().await.1.len(), 2);
        hub.registry.delete_manifest(&name("team/api"), &image, "user:ann").await.unwrap();
        hub.settle().await;
        assert_eq!(hub.vex_facts().await.1.len(), 1);
        // Until it is collected it refers to what comes again.
        hub.wait(10);
        assert_eq!(hub.push("team/api", "1", &[("openssl", "3.0.11-1")]).await, image);
        hub.settle().await;
        assert_eq!(hub.high("team/api", image).await, (0, 1));
        assert_eq!(hub.vex_facts().await.1.len(), 2);
        for repository in ["team/api", "team/web"] {
            hub.registry.delete_repository(&name(repository), "user:ann").await.unwrap();
        }
        hub.settle().await;
        assert_eq!(hub.vex_facts().await.1, Vec::new());
    }

    async fn what_was_there_before_is_looked_at(database: Database) {
        let (hub, image) = hub(database).await;
        hub.refer(ROBOT, ("team/api", image), OPENVEX, &clears()).await;
        hub.settle().await;
        let forgets: [&[_]; 3] = [
            &[(&hub.db, &FORGET_REFERRERS), (&hub.index, &FORGET_BESIDE)],
            &[(&hub.index, &FORGET_BESIDE)],
            &[(&hub.db, &FORGET_REFERRERS)],
        ];
        for forget in forgets {
            for (db, statement) in forget {
                run(db, statement, Vec::new()).await;
            }
            run(&hub.db, &SWEEP_NOW, Vec::new()).await;
            hub.settle().await;
            assert_eq!(hub.told("team/api", image).await.len(), 1);
            assert_eq!(hub.high("team/api", image).await, (0, 1));
        }
    }

    async fn so_much_counts_beside_an_image_and_no_more(database: Database) {
        let (hub, image) = hub(database).await;
        let numbered = |number: usize| openvex(&format!("CVE-1-{number}"), &json!({"status": "fixed"}));
        let mut last = None;
        for number in 0..=BESIDE_DOCUMENTS_MAX {
            last = Some(hub.refer(ROBOT, ("team/api", image), OPENVEX, &numbered(number)).await);
            hub.settle().await;
        }
        let told = hub.told("team/api", image).await;
        assert_eq!(told.iter().filter(|one| one.ends_with(": counts")).count(), BESIDE_DOCUMENTS_MAX);
        let left_out = format!("by {ROBOT}: beside one image or index count {BESIDE_DOCUMENTS_MAX} documents of {BESIDE_BYTES_MAX} bytes");
        assert_eq!(told.iter().filter(|one| **one == left_out).count(), 1);
        // What was left out counts once there is room for it.
        let beside = hub.pipeline.vex_beside(&name("team/api"), image).await.unwrap();
        let counting = beside.iter().find(|one| one.why_not.is_none()).unwrap().manifest;
        assert!(beside.iter().any(|one| Some(one.manifest) == last && one.why_not.is_some()));
        hub.registry.delete_manifest(&name("team/api"), &counting, "user:ann").await.unwrap();
        hub.settle().await;
        let told = hub.told("team/api", image).await;
        assert_eq!(told.iter().filter(|one| one.ends_with(": counts")).count(), BESIDE_DOCUMENTS_MAX);
        // Their bytes are limited together too.
        for (number, expected) in [(1, 1), (2, 2), (3, 2)] {
            let mut document = numbered(number);
            document.resize(VEX_BYTES_MAX, b' ');
            hub.refer(ROBOT, ("team/web", image), OPENVEX, &document).await;
            hub.settle().await;
            let told = hub.told("team/web", image).await;
            assert_eq!(told.iter().filter(|one| one.ends_with(": counts")).count(), expected, "{told:?}");
        }
    }

    async fn a_look_that_is_cut_off_anywhere_goes_on(database: Database) {
        let (hub, image) = hub(database).await;
        hub.faults.count();
        let referrer = hub.refer(ROBOT, ("team/api", image), OPENVEX, &clears()).await;
        hub.settle().await;
        let operations = hub.faults.operations();
        assert_eq!(hub.high("team/api", image).await, (0, 1));
        let mut is_there = true;
        // Most operations are those of the wait for the jobs, of which there are the more the slower the machine is.
        let step = usize::try_from(operations / CALLS_MAX).unwrap().max(1);
        for call in (1..operations).step_by(step) {
            if is_there {
                hub.registry.delete_manifest(&name("team/api"), &referrer, "user:ann").await.unwrap();
            } else {
                hub.refer(ROBOT, ("team/api", image), OPENVEX, &clears()).await;
            }
            is_there = !is_there;
            hub.wait(10);
            hub.settle_through_failure(call).await;
            hub.settle().await;
            assert_eq!(hub.high("team/api", image).await, if is_there { (0, 1) } else { (1, 0) }, "call {call}");
            assert_eq!(hub.vex_facts().await.1.len(), usize::from(is_there), "call {call}");
        }
    }
}
