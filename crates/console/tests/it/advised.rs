//! What the pages tell of what is known to be wrong.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use pipeline::{Advisories, Pipeline};
use serde_json::json;
use vulndb::file::{Builder, Feed};
use vulndb::{Document, Exploited, Probability, Records};

use crate::components::{between, link};
use crate::world::{World, steady};

const SHOP: &str = "name=team/shop&reference=2.1";

db::statements! {
    FIND_NEXT_DUE = "SELECT MIN(CASE WHEN attempts > 0 THEN 0 ELSE not_before_us END) FROM jobs WHERE state IN ('pending', 'running') \
        AND kind LIKE 'findings%'";
}

impl World {
    /// Gives the hub a database of advisories and waits until everything is matched by it.
    pub(crate) async fn advise(&self) {
        self.advise_by(advisories()).await;
    }

    async fn advise_by(&self, advisories: Arc<Advisories>) {
        let sha256 = advisories.sha256.clone();
        self.pipeline.use_advisories(advisories);
        let ordered = self.database.write(move |tx| {
            let job = Pipeline::match_order(&sha256).unwrap();
            Box::pin(async move { ledger::jobs::enqueue(tx, &job).await.map(drop) })
        });
        ordered.await.unwrap();
        let runner = self.pipeline.with_jobs(ledger::jobs::Runner::new(self.database.clone(), "test")).start();
        let done = async {
            while self.has_matching().await {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(Duration::from_mins(2), done).await.expect("it is matched within two minutes");
        runner.drain(Duration::from_mins(1)).await;
    }

    /// Tells whether anything is to be matched, decided or counted now: whatever of it ends last orders the count that shows it.
    async fn has_matching(&self) -> bool {
        let next = self.database.read(|tx| Box::pin(async move { tx.find(&FIND_NEXT_DUE, &[]).await }));
        let next: Result<Option<db::Row>, db::Error> = next.await;
        let next: Option<i64> = next.unwrap().unwrap().get(0).unwrap();
        // The clock is read after the jobs: by a time from before, what a job left behind meanwhile would not be due yet.
        next.is_some_and(|next| next <= registry::Clock::System.now_us())
    }
}

fn advisories() -> Arc<Advisories> {
    let osv = vulndb::readers().iter().find(|reader| reader.name == "osv").unwrap();
    let mut records = Records::default();
    let range = |fixed: &str| json!([{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}]);
    for document in [
        json!({
            "id": "GHSA-35jh-r3h4-6jhm", "aliases": ["CVE-2021-23337"], "modified": "2024-04-17T00:00:00Z",
            "summary": "Command injection in a template", "details": "A template <b>runs</b> what it is given.\nUpgrade.",
            "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:H/UI:N/S:U/C:H/I:H/A:H"}],
            "affected": [{"package": {"ecosystem": "npm", "name": "lodash"}, "ranges": range("4.17.21")}],
        }),
        json!({
            "id": "DSA-0001-1", "upstream": ["CVE-2024-0727"], "modified": "2024-04-17T00:00:00Z",
            "summary": "A certificate file ends the process",
            "affected": [{"package": {"ecosystem": "Debian:12", "name": "openssl"}, "ranges": range("3.0.13-1~deb12u1"),
                "ecosystem_specific": {"urgency": "critical"}}],
        }),
    ] {
        let text = document.to_string();
        osv.read(&Document { path: "record.json", bytes: text.as_bytes() }, &mut records);
    }
    assert_eq!((records.advisories.len(), records.problems.len()), (2, 0), "{:?}", records.problems);
    advisories_of(records)
}

fn advisories_of(mut records: Records) -> Arc<Advisories> {
    records.exploited.push(Exploited {
        id: "CVE-2024-0727".to_owned(),
        added: None,
        due: None,
        is_in_ransomware: true,
    });
    records.probabilities.push(Probability { id: "CVE-2021-23337".to_owned(), probability: 0.021, percentile: 0.88 });
    let feed = Feed {
        name: "test".to_owned(),
        reader: "osv".to_owned(),
        address: String::new(),
        fetched: Some(1_713_312_000),
        advisories: 0,
        problems: Vec::new(),
    };
    let mut builder = Builder::new();
    builder.add(feed, records);
    let bytes = builder.finish().unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &bytes).unwrap();
    let sha256 = blobs::digest(oci::Algorithm::Sha256, &bytes).hex();
    Arc::new(Advisories { database: feeds::Store::open_file(file.path()).unwrap(), sha256 })
}

fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_omit_expression(true);
    settings.set_prepend_module_to_snapshot(false);
    settings.add_filter(r"(just now|\d+ \w+ ago)", "[time]");
    settings.add_filter(r"database [0-9a-f]{12}", "database [digest]");
    settings.add_filter(r"matcher \d+", "matcher [number]");
    settings
}

testkit::on_both_databases! {
    async fn what_is_wrong_is_told_of_an_image_and_of_all(database: testkit::Database) {
        let world = World::new(database).await;
        let shop = world.shop("team/shop", &["2.1"]).await;
        let (reader, stranger) = (world.log_in("reader").await, world.log_in("stranger").await);
        let before = world.get("/findings", Some(&reader)).await;
        assert!(before.text.contains("There is no database of advisories here yet"), "{}", before.text);
        assert_eq!(world.get(&format!("/image/findings?{SHOP}"), Some(&reader)).await.status, StatusCode::NOT_FOUND);
        world.advise().await;
        for (name, path) in [
            ("findings", "/findings".to_owned()),
            ("image-findings", format!("/image/findings?{SHOP}")),
            ("vulnerability", "/vulnerability?id=ghsa-35jh-r3h4-6jhm".to_owned()),
            ("explanation-yes", format!("/image/explanation?{SHOP}&vulnerability=CVE-2021-23337")),
            ("explanation-no", format!("/image/explanation?{SHOP}&vulnerability=CVE-2021-23337&component=libssl3")),
        ] {
            let page = world.get(&path, Some(&reader)).await;
            assert_eq!(page.status, StatusCode::OK, "{path}");
            assert!(!page.text.contains("<b>runs</b>"), "{path}");
            settings().bind(|| insta::assert_snapshot!(name, steady(&page.words())));
        }
        for filter in ["severity=critical", "exploited=true&fixable=true&order=epss", "epss=0.9", "project=team&order=age"] {
            let page = world.get(&format!("/findings?{filter}"), Some(&reader)).await;
            assert_eq!(page.status, StatusCode::OK, "{filter}");
            assert_eq!(page.text.contains("CVE-2024-0727</bdi>"), filter != "epss=0.9", "{filter}");
        }
        let apart = world.get("/findings?tagged=no&severity=low", Some(&reader)).await;
        assert!(!apart.text.contains("CVE-2024-0727</bdi>"), "{}", apart.text);
        let told = "None of the images without a tag that you may pull has a finding that counts.";
        let others = "<a href=\"/findings?severity=low\">2 more are in tagged images.</a>";
        assert!(apart.text.contains(told) && apart.text.contains(others), "{}", apart.text);
        assert!(apart.text.contains("garrison findings list --severity low --tagged no"), "{}", apart.text);
        for wrong in [
            "/findings?severity=bad", "/findings?epss=2", "/findings?after=x", "/findings?tagged=true", "/vulnerability?id=",
            "/vulnerability?id=CVE-2024-0727&tagged=1", "/components?query=openssl&tagged=-",
        ] {
            assert_eq!(world.get(wrong, Some(&reader)).await.status, StatusCode::BAD_REQUEST, "{wrong}");
        }
        for (wrong, expected) in [("", StatusCode::BAD_REQUEST), ("CVE-1-1", StatusCode::NOT_FOUND)] {
            let page = world.get(&format!("/image/explanation?{SHOP}&vulnerability={wrong}"), Some(&reader)).await;
            assert_eq!(page.status, expected, "{wrong}");
        }
        assert_eq!(world.get("/vulnerability?id=CVE-1-1", Some(&reader)).await.status, StatusCode::NOT_FOUND);
        // Which feeds fail is for who may know the hub's settings.
        let admin = world.log_in("admin").await;
        for (name, session) in [("feeds", &admin), ("feeds-for-readers", &reader)] {
            let page = world.get("/advisories", Some(session)).await;
            assert!(!page.text.contains("<b>404</b>"));
            settings().bind(|| insta::assert_snapshot!(name, steady(&page.words())));
        }
        // A stranger learns what publishers say, and nothing of what is here.
        let page = world.get("/findings", Some(&stranger)).await;
        assert!(page.text.contains("None of the tagged images that you may pull has a finding"), "{}", page.text);
        let page = world.get("/vulnerability?id=CVE-2021-23337", Some(&stranger)).await;
        assert!(page.text.contains("No image that you may pull has it") && !page.text.contains("team/shop"), "{}", page.text);
        // An index tells what is wrong with each of its images.
        world.index_of("team/shop", "multi", &[(shop, "amd64")]).await;
        let index = world.get("/image?name=team/shop&reference=multi", Some(&reader)).await;
        let platforms = between(&index.words(), "\nPlatforms\n", "\nReferrers\n").to_owned();
        settings().bind(|| insta::assert_snapshot!("platforms", platforms));
        let image = world.get(&format!("/image?{SHOP}"), Some(&reader)).await;
        assert!(image.text.contains("2 findings to act on"), "{}", image.text);
        let overview = world.get("/", Some(&reader)).await;
        assert!(overview.text.contains("2 findings in the tagged images that you may pull"), "{}", overview.text);
        // Of an image that holds the package in a version that has no order, nobody knows.
        let lock = r#"{"lockfileVersion": 3, "packages": {"": {"dependencies": {"lodash": "4"}}, "node_modules/lodash": {"version": "4.17"}}}"#;
        world.software("team/asks", &["1"], &[vec![("app/package-lock.json".to_owned(), lock.to_owned())]]).await;
        let told = "1 image holds lodash 4.17, whose version has no order: not known (team/asks:1).";
        let page = world.get("/vulnerability?id=CVE-2021-23337", Some(&reader)).await;
        assert!(page.words().contains(told) && page.text.contains("1 image in 1 project has it."), "{}", page.words());
        for path in ["/vulnerability?id=CVE-2021-23337&tagged=no", "/vulnerability?id=CVE-2024-0727"] {
            let page = world.get(path, Some(&reader)).await;
            assert!(!page.text.contains("not known"), "{path}: {}", page.words());
        }
        let page = world.get("/vulnerability?id=CVE-2021-23337", Some(&stranger)).await;
        assert!(!page.text.contains("not known") && !page.text.contains("team/"), "{}", page.words());
    }
    async fn a_record_about_two_vulnerabilities_is_told_by_its_own_name(database: testkit::Database) {
        let world = World::new(database).await;
        world.shop("team/shop", &["2.1"]).await;
        let reader = world.log_in("reader").await;
        let osv = vulndb::readers().iter().find(|reader| reader.name == "osv").unwrap();
        let mut records = Records::default();
        let range = json!([{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99"}]}]);
        for document in [
            json!({
                "id": "DSA-0002-1", "upstream": ["CVE-2024-0727", "CVE-2024-0728"], "modified": "2024-04-17T00:00:00Z",
                "affected": [{"package": {"ecosystem": "Debian:12", "name": "openssl"}, "ranges": range}],
            }),
            json!({
                "id": "CVE-2024-0727", "modified": "2024-04-17T00:00:00Z",
                "affected": [{"package": {"ecosystem": "npm", "name": "lodash"}, "ranges": range}],
            }),
        ] {
            osv.read(&Document { path: "record.json", bytes: document.to_string().as_bytes() }, &mut records);
        }
        world.advise_by(advisories_of(records)).await;
        let check = async |asked: &str, expected: &[&str], not: &[&str]| {
            let page = world.get(&format!("/vulnerability?id={asked}"), Some(&reader)).await.words();
            for said in expected {
                assert!(page.contains(said), "{asked}, {said}: {page}");
            }
            for said in not {
                assert!(!page.contains(said), "{asked}, {said}: {page}");
            }
        };
        let both = ["DSA-0002-1", "About CVE-2024-0727 , CVE-2024-0728", "CVE-2024-0727 team/shop", "CVE-2024-0728 team/shop"];
        check("dsa-0002-1", &both, &["lodash", "Also called"]).await;
        check("CVE-2024-0727", &["Also called DSA-0002-1", "openssl", "lodash"], &["About", "CVE-2024-0728"]).await;
        check("CVE-2024-0728", &["Also called DSA-0002-1", "openssl"], &["About", "lodash", "CVE-2024-0727"]).await;
    }

    async fn what_is_decided_is_told_with_who_and_why(database: testkit::Database) {
        let world = World::new(database).await;
        world.shop("team/shop", &["2.1"]).await;
        let (reader, stranger) = (world.log_in("reader").await, world.log_in("stranger").await);
        let now = registry::Clock::System.now_us() / 1_000_000;
        let entry = |id: &str, name: &str, days: i64| json!({
            "id": id, "vulnerabilities": [name], "owner": "team-a", "reason": "<i>not</i> reached",
            "created": policy::write_moment(now - 86_400 * 3), "expires": policy::write_moment(now + 86_400 * days),
        });
        let entries = [entry("lodash", "CVE-2021-23337", 2), entry("idle", "CVE-1-1", 2), entry("over", "CVE-1-2", -1)];
        let document = json!({"apiVersion": "garrison.dev/v1", "kind": "Exceptions", "exceptions": entries});
        let whose = pipeline::Whose::Project("team".to_owned());
        world.pipeline.set_exceptions(&whose, "user:ann", document.to_string(), None).await.unwrap();
        world.advise().await;
        let page = world.get(&format!("/image/findings?{SHOP}"), Some(&reader)).await;
        assert!(!page.text.contains("<i>not</i>"));
        let words = page.words();
        let until = policy::write_moment(now + 86_400 * 2);
        let why = format!("does not count team-a (until {}): &#60;i&#62;not&#60;/i&#62; reached", &until[..10]);
        // From the image's own page, however few its findings are.
        let image = world.get(&format!("/image?{SHOP}"), Some(&reader)).await;
        let listed = link(&image.text, "\">1 that does not count</a>.");
        assert!(image.text.contains(">All findings</a>"));
        let suppressed = world.get(&listed, Some(&reader)).await.words();
        for said in ["Here are those that do not count", &why] {
            assert!(suppressed.contains(said), "{said}: {suppressed}");
        }
        assert!(!suppressed.contains("CVE-2024-0727"), "{suppressed}");
        let wrong = world.get(&format!("/image/findings?{SHOP}&suppressed=1"), Some(&reader)).await;
        assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
        for path in ["/vulnerability?id=CVE-2021-23337", "/vulnerability?id=CVE-2021-23337&tagged=yes"] {
            let page = world.get(path, Some(&reader)).await.words();
            assert!(page.contains("1 image holds it where an exception or VEX has it not count."), "{path}: {page}");
        }
        let page = world.get("/vulnerability?id=CVE-2021-23337", Some(&stranger)).await.words();
        assert!(!page.contains("not count"), "{page}");
        for said in ["1 that does not count", &why, "idle of team-a matches nothing here", "over of team-a has expired"] {
            assert!(words.contains(said), "{said}: {words}");
        }
        let words = world.get("/projects/team", Some(&reader)).await.words();
        for said in ["2 of 3 exceptions count, 1 expired", "user:ann", "garrison exceptions show --project team"] {
            assert!(words.contains(said), "{said}: {words}");
        }
    }
    async fn vex_is_told_with_who_states_it_and_who_gave_it(database: testkit::Database) {
        let world = World::new(database).await;
        let shop = world.shop("team/shop", &["2.1"]).await;
        let reader = world.log_in("reader").await;
        let openvex = |id: &str| json!({
            "@context": "https://openvex.dev/ns/v0.2.0", "@id": id, "author": "Vendor <b>", "version": 1,
            "timestamp": "2026-01-02T03:04:05Z",
            "statements": [{"vulnerability": {"name": "CVE-2021-23337"}, "products": [{"@id": "pkg:npm/lodash"}], "status": "fixed"}],
        }).to_string();
        for part in ["/projects/team", &format!("/image?{SHOP}")] {
            assert!(!world.get(part, Some(&reader)).await.text.contains("id=\"vex\""), "{part}");
        }
        let given = openvex("https://v.example/1").into_bytes();
        let digest = blobs::digest(oci::Algorithm::Sha256, &given);
        let whose = pipeline::Whose::Project("team".to_owned());
        world.pipeline.add_vex(&whose, "user:ann", given, digest).await.unwrap();
        let trust = "apiVersion: garrison.dev/v1\nkind: VexTrust\nauthors: [[\"Vendor*\"]]\npushers: [\"robot:ci-*\"]\n";
        world.pipeline.set_vex_trust("user:root", trust.to_owned(), None).await.unwrap();
        let kind = "application/vnd.openvex+json";
        for text in [openvex("https://v.example/2"), "{".to_owned(), "{\"@context\": \"https://openvex.dev/ns\"}".to_owned()] {
            world.referrer("team/shop", &shop, kind, &text).await;
        }
        let runner = world.pipeline.with_jobs(ledger::jobs::Runner::new(world.database.clone(), "test")).start();
        let name = "team/shop".parse().unwrap();
        let read = async {
            let waits = |one: &pipeline::VexBeside| one.why_not.as_deref() == Some("it is not read yet");
            while world.pipeline.vex_beside(&name, shop).await.unwrap().iter().any(waits) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(Duration::from_mins(2), read).await.expect("it is read within two minutes");
        runner.drain(Duration::from_mins(1)).await;
        let page = world.get("/projects/team", Some(&reader)).await;
        assert!(!page.text.contains("Vendor <b>"));
        let words = page.words();
        for said in [
            "1 statement of 1 document. Of authors count Vendor*, then all others.", "openvex 1 ann",
            "garrison vex list --project team",
        ] {
            assert!(words.contains(said), "{said}: {words}");
        }
        // Who may be believed is told to who may know the hub's settings.
        assert!(!words.contains("robot:ci-"), "{words}");
        let page = world.get(&format!("/image?{SHOP}"), Some(&reader)).await;
        assert!(!page.text.contains("Vendor <b>"));
        let words = page.words();
        for said in ["VEX beside it", "1 of 3 documents count.", "yes", "no: it is in none of the formats"] {
            assert!(words.contains(said), "{said}: {words}");
        }
    }
}
