//! Feeds served on loopback: fetched, matched, refused.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::Home;
use crate::hub::{Hub, login};

/// A publisher that has documents by their paths.
struct Publisher {
    address: String,
    documents: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Publisher {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let documents: Arc<Mutex<BTreeMap<String, String>>> = Arc::default();
        let shared = Arc::clone(&documents);
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                let mut socket = socket.unwrap();
                let mut request = vec![0; 4096];
                let length = socket.read(&mut request).unwrap();
                let request = String::from_utf8_lossy(&request[..length]).into_owned();
                let path = request.split(' ').nth(1).unwrap_or_default();
                let document = shared.lock().unwrap().get(path).cloned();
                let (status, body) = document.map_or(("404 Not Found", String::new()), |body| ("200 OK", body));
                let head = format!(
                    "HTTP/1.1 {status}\r\nlast-modified: Sat, 01 Nov 2025 00:00:00 GMT\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                let body = if request.starts_with("HEAD") { "" } else { &body };
                // The client may have hung up.
                let _sent = socket.write_all(format!("{head}{body}").as_bytes());
            }
        });
        Self { address, documents }
    }

    fn put(&self, path: &str, body: &str) {
        self.documents.lock().unwrap().insert(path.to_owned(), body.to_owned());
    }
}

fn record(day: u32, fixed: &str) -> String {
    format!(
        r#"{{"id":"GHSA-1","aliases":["CVE-2026-0001"],"modified":"2026-11-{day:02}T00:00:00Z","summary":"bad","affected":[{{"package":{{"ecosystem":"npm","name":"left-pad"}},"ranges":[{{"type":"SEMVER","events":[{{"introduced":"0"}},{{"fixed":"{fixed}"}}]}}]}}]}}"#
    )
}

/// What differs from run to run is left out.
fn stable(text: &str, publisher: &Publisher) -> String {
    text.replace(&publisher.address, "publisher")
}

#[test]
fn a_new_user_updates_and_scans() {
    let (home, publisher) = (Home::new(), Publisher::new());
    let update = |more: &[&str]| {
        let feed = format!("npm=osv:http://{}/npm.json", publisher.address);
        let fixed = ["db", "update", "--ecosystem", "npm", "--feed", "-epss", "--feed", "-kev", "--feed", "-osv-npm"];
        stable(&home.run(&[&fixed[..], &["--feed", &feed], more].concat()), &publisher)
    };
    let named = ["--private-host", &publisher.address];
    insta::assert_snapshot!(update(&[]));
    insta::assert_snapshot!(update(&named));
    publisher.put("/npm.json", &record(2, "1.3.0"));
    insta::assert_snapshot!(update(&named));
    let lock = home.path().join("package-lock.json");
    fs::write(
        &lock,
        r#"{"name":"a","lockfileVersion":3,"packages":{"":{"dependencies":{"left-pad":"1"}},"node_modules/left-pad":{"version":"1.2.0"}}}"#,
    )
    .unwrap();
    let scanned = home.run(&["scan", home.path().to_str().unwrap(), "--fail-on", "negligible", "-o", "json"]);
    assert!(scanned.contains("CVE-2026-0001"), "{scanned}");
    // A publisher that goes back in time is not followed.
    publisher.put("/npm.json", &record(1, "1.1.0"));
    insta::assert_snapshot!(update(&named));
    let status = home.run(&["db", "status"]);
    assert!(status.contains("warning: npm: its newest record is of 2026-11-01 00:00"), "{status}");
    // The scan has taught which ecosystems are in use.
    let taught = home.run(&["db", "update", "--feed", "-epss", "--feed", "-kev", "--feed", "osv-npm=/absent"]);
    assert!(taught.contains("osv-npm: failed to read `/absent`"), "{taught}");
}

/// Without the feed that speaks of what one has, a scan would find nothing.
#[test]
fn a_feed_that_never_came_is_an_error() {
    let (home, publisher) = (Home::new(), Publisher::new());
    let at = |name: &str| format!("http://{}/{name}", publisher.address);
    let (npm, debian, kev) = (at("npm.json"), at("debian.json"), at("kev.json"));
    let (npm, debian, kev) = (format!("npm=osv:{npm}"), format!("debian={debian}"), format!("kev={kev}"));
    let update = |feeds: &[&str]| {
        let own = ["--feed", "-epss", "--feed", "-osv-debian"];
        let fixed = ["db", "update", "--ecosystem", "Debian:12", "--private-host", &publisher.address];
        let feeds = feeds.iter().flat_map(|feed| ["--feed", *feed]).collect::<Vec<_>>();
        stable(&home.run(&[&fixed[..], &feeds, &own].concat()), &publisher)
    };
    publisher.put("/kev.json", r#"{"vulnerabilities":[{"cveID":"CVE-2026-0001","dateAdded":"2026-11-01"}]}"#);
    insta::assert_snapshot!("scores_alone_came", update(&[&debian, &kev]));
    publisher.put("/npm.json", &record(2, "1.3.0"));
    insta::assert_snapshot!("the_distribution_did_not_come", update(&[&npm, &debian, &kev]));
    assert!(home.run(&["db", "status"]).contains("there is no vulnerability database"));
    insta::assert_snapshot!("it_is_left_out", update(&[&npm, "-debian", &kev]));
    publisher.put("/debian.json", r#"{"x":{"CVE-2026-0002":{"releases":{"bookworm":{"status":"open"}}}}}"#);
    assert!(update(&[&npm, &debian, &kev]).starts_with("exit 0\n"));
    // What was good once stays in use.
    publisher.put("/debian.json", "{}");
    insta::assert_snapshot!("its_last_good_state_stays", update(&[&npm, &debian, &kev]));
}

/// What one update brought, the next one adds to; what is not to be there any more is named.
#[test]
fn an_update_of_one_ecosystem_keeps_the_others() {
    let (home, publisher) = (Home::new(), Publisher::new());
    publisher.put("/npm.json", &record(2, "1.3.0"));
    let pypi = record(3, "1.3.0").replace("\"npm\"", "\"PyPI\"").replace("GHSA-1", "GHSA-2");
    publisher.put("/pypi.json", &pypi);
    let update = |ecosystem: &str, feeds: &[&str]| {
        let places = ["npm", "pypi"].map(|name| format!("osv-{name}=http://{}/{name}.json", publisher.address));
        let fixed = ["db", "update", "--from-feeds", "--ecosystem", ecosystem, "--private-host", &publisher.address];
        let feeds = places.iter().map(String::as_str).chain(["-epss", "-kev"]).chain(feeds.iter().copied());
        stable(
            &home.run(&[&fixed[..], &feeds.flat_map(|feed| ["--feed", feed]).collect::<Vec<_>>()].concat()),
            &publisher,
        )
    };
    insta::assert_snapshot!("one_ecosystem", update("npm", &[]));
    insta::assert_snapshot!("another_adds_up", update("PyPI", &[]));
    insta::assert_snapshot!("the_same_once_more", update("PyPI", &[]));
    assert!(home.run(&["db", "status"]).contains("2 records of 2 packages from 2 feeds"));
    publisher.documents.lock().unwrap().clear();
    insta::assert_snapshot!("nothing_comes", update("PyPI", &[]));
    assert!(home.run(&["db", "status"]).contains("2 records of 2 packages from 2 feeds"));
    publisher.put("/pypi.json", &pypi);
    insta::assert_snapshot!("what_is_not_there_cannot_be_left_out", update("PyPI", &["-ours"]));
    insta::assert_snapshot!("one_is_left_out", update("PyPI", &["-osv-npm"]));
    assert!(home.run(&["db", "status"]).contains("1 record of 1 package from 1 feed"));
}

/// A hub that was brought a database and reaches no publisher has what it was brought.
#[test]
fn a_hub_keeps_what_it_was_brought() {
    let (at_hub, user, publisher) = (Home::new(), Home::new(), Publisher::new());
    let settings = format!(
        "advisories_feeds = \"{} npm=osv:http://{1}/npm.json\"\nadvisories_private_hosts = \"{1}\"\n",
        all_off(&at_hub),
        publisher.address
    );
    fs::write(at_hub.path().join("hub.toml"), settings).unwrap();
    let hub = Hub::start(&at_hub, &["--config", "hub.toml"]);
    assert!(login(&user, &hub, "admin", &hub.password()).starts_with("exit 0\n"));
    crate::feeds::feeds(&user);
    assert!(user.run(&[&crate::feeds::BUILD[..], &["--to", "a.vulndb"]].concat()).starts_with("exit 0\n"));
    assert!(user.run(&["db", "import", "--hub", "a.vulndb"]).starts_with("exit 0\n"));
    let had = || {
        let status = user.run(&["db", "status", "--hub", "-o", "json"]);
        let status = status.split("--- stdout\n").nth(1).unwrap().split("--- stderr").next().unwrap();
        let status: Value = serde_json::from_str(status).unwrap();
        let feeds = status["feeds"].as_array().unwrap().iter().filter(|feed| feed["advisories"] != 0);
        let feeds: Vec<_> = feeds.map(|feed| feed["name"].as_str().unwrap().to_owned()).collect();
        (feeds, status["digest"].clone())
    };
    let before = had();
    assert_eq!(before.0, ["debian", "github", "kev"]);
    let told = |name: &str, arguments: &[&str]| {
        let told = stable(&user.run(&[&["db", "update"], arguments].concat()), &publisher);
        let filters = [(r"\d+(\.\d+)? (B|KiB)", "[SIZE]"), (r"(?m)^advisories  .*\n", "")];
        insta::with_settings!({filters => filters}, { insta::assert_snapshot!(name, told) });
    };
    told("hub_reaches_nobody", &["--hub"]);
    assert_eq!(had(), before);
    publisher.put("/npm.json", &record(2, "1.3.0"));
    told("hub_reaches_one", &["--hub"]);
    assert_eq!(had().0, ["github", "npm"]);
}

/// What a distribution publishes is the truth of its packages; how severe it is, others say.
#[test]
fn a_distribution_that_states_no_severities_fails_by_those_of_others() {
    let (home, publisher) = (Home::new(), Publisher::new());
    let write = |path: &str, contents: &str| {
        let path = home.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    };
    write("debian/etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n");
    write(
        "debian/var/lib/dpkg/status",
        "Package: libssl3\nStatus: install ok installed\nVersion: 3.0.11-1\nArchitecture: amd64\nSource: openssl\n\n",
    );
    write("alpine/etc/os-release", "ID=alpine\nVERSION_ID=3.20.1\n");
    write("alpine/lib/libssl.so.3", "");
    write("alpine/lib/apk/db/installed", "P:libssl3\nV:3.3.0-r0\nA:x86_64\no:openssl\nF:lib\nR:libssl.so.3\n\n");
    publisher.put(
        "/debian.json",
        r#"{"openssl":{"CVE-2026-0001":{"releases":{"bookworm":{"status":"resolved","fixed_version":"3.0.11-2","urgency":"not yet assigned"}}}}}"#,
    );
    let secdb = r#"{"distroversion":"v3.20","packages":[{"pkg":{"name":"openssl","secfixes":{"3.3.1-r0":["CVE-2026-0001"]}}}]}"#;
    publisher.put("/secdb.json", secdb);
    let record = |distribution: &str, ecosystem: &str| {
        format!(
            r#"{{"id":"{distribution}-CVE-2026-0001","upstream":["CVE-2026-0001"],"modified":"2026-11-01T00:00:00Z","details":"Bad.","severity":[{{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"}}],"affected":[{{"package":{{"ecosystem":"{ecosystem}","name":"other"}},"ranges":[{{"type":"ECOSYSTEM","events":[{{"introduced":"0"}}]}}]}}]}}"#
        )
    };
    publisher.put("/osv-debian.json", &record("DEBIAN", "Debian:12"));
    publisher.put("/osv-alpine.json", &record("ALPINE", "Alpine:v3.20"));
    let at = |name: &str, path: &str| format!("{name}=http://{}/{path}", publisher.address);
    let update = |more: &[&str]| {
        let places = [at("debian", "debian.json"), at("alpine", "secdb.json")];
        let fixed = ["db", "update", "--quiet", "--ecosystem", "Debian:12", "--ecosystem", "Alpine:3.20"];
        let named = ["--private-host", &publisher.address, "--feed", "-epss", "--feed", "-kev"];
        let feeds = places.iter().map(String::as_str).chain(more.iter().copied()).flat_map(|feed| ["--feed", feed]);
        let updated = home.run(&[&fixed[..], &named, &feeds.collect::<Vec<_>>()].concat());
        assert!(updated.starts_with("exit 0\n"), "{updated}");
    };
    let told = |name: &str, place: &str| {
        let filters =
            [(r"\d+ ms", "N ms"), (r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}", "[DAY]"), (r"\(\d+ [a-z]+ old\)", "([AGE])")];
        let scanned = home.run(&["scan", place, "--fail-on", "high"]);
        insta::with_settings!({filters => filters}, { insta::assert_snapshot!(name, scanned) });
    };
    let warned = || {
        let told = home.run(&["db", "status"]);
        ["warning: Debian states", "warning: Alpine states"].map(|warning| told.contains(warning))
    };
    update(&["-osv-debian", "-osv-alpine"]);
    assert_eq!(warned(), [true, true]);
    told("debian_without_severities", "debian");
    told("alpine_without_severities", "alpine");
    // What Alpine has says nothing of Debian.
    update(&["-osv-debian", &at("osv-alpine", "osv-alpine.json")]);
    assert_eq!(warned(), [true, false]);
    update(&[&at("osv-debian", "osv-debian.json"), "-osv-alpine"]);
    assert_eq!(warned(), [false, true]);
    update(&[&at("osv-debian", "osv-debian.json"), &at("osv-alpine", "osv-alpine.json")]);
    assert_eq!(warned(), [false, false]);
    told("debian_with_severities", "debian");
    told("alpine_with_severities", "alpine");
}

/// Leaves out what publishers have.
fn all_off(home: &Home) -> String {
    let listed = home.run(&["db", "feeds", "-o", "json"]);
    let listed = listed.split("--- stdout\n").nth(1).unwrap().split("--- stderr").next().unwrap();
    let feeds: Vec<Value> = serde_json::from_str(listed).unwrap();
    feeds.iter().map(|feed| format!("-{}", feed["name"].as_str().unwrap())).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_hub_fetches_for_its_clients() {
    let (at_hub, user, publisher) = (Home::new(), Home::new(), Publisher::new());
    let settings = format!(
        "advisories_feeds = \"{} npm=osv:http://{1}/npm.json\"\nadvisories_private_hosts = \"{1}\"\n",
        all_off(&at_hub),
        publisher.address
    );
    fs::write(at_hub.path().join("hub.toml"), settings).unwrap();
    publisher.put("/npm.json", &record(2, "1.3.0"));
    let hub = Hub::start(&at_hub, &["--config", "hub.toml"]);
    assert!(login(&user, &hub, "admin", &hub.password()).starts_with("exit 0\n"));
    let told = |name: &str, arguments: &[&str]| {
        let told = stable(&user.run(&[&["db", "update"], arguments].concat()), &publisher);
        // How far the hub's job is when it is asked is chance.
        let filters = [(r"\d+(\.\d+)? (B|KiB)", "[SIZE]"), (r"(?m)^advisories  .*\n", "")];
        insta::with_settings!({filters => filters}, { insta::assert_snapshot!(name, told) });
    };
    told("hub_has_fetched", &["--hub"]);
    told("client_has_it_too", &["--quiet"]);
    told("what_is_about_publishers_is_refused", &["--private-host", "mirror.example"]);
    // Neither follows a publisher that goes back, unless that is meant.
    publisher.put("/npm.json", &record(1, "1.1.0"));
    told("hub_keeps_what_it_has", &["--hub"]);
    told("client_keeps_it_too", &["--quiet"]);
    told("hub_goes_back_if_that_is_meant", &["--hub", "--accept-older"]);
    told("client_does_not_follow", &["--quiet"]);
    told("client_follows_if_that_is_meant", &["--quiet", "--accept-older"]);
}
