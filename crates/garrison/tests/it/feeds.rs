//! Databases from the command line: made of feeds, brought elsewhere, and which takes the place of which.

use serde_json::json;

use crate::Home;
use crate::hub::{Hub, login};
use crate::scan::{ready, write};

pub(crate) fn record(id: &str, aliases: &[&str], package: &str, fixed: &str, severity: &str) -> String {
    json!({
        "id": id, "aliases": aliases, "modified": "2026-01-02T03:04:05Z", "summary": "what is wrong",
        "database_specific": {"severity": severity},
        "affected": [{
            "package": {"ecosystem": "npm", "name": package},
            "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": fixed}]}],
        }],
    })
    .to_string()
}

pub(crate) fn date(home: &Home, path: &str, second: u64) {
    let file = std::fs::File::options().write(true).open(home.path().join(path)).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(second)).unwrap();
}

/// Feeds of three publishers, one of whom says nonsense.
pub(crate) fn feeds(home: &Home) {
    write(home, "github/a.json", &record("GHSA-aaaa-aaaa-aaaa", &["CVE-2024-0001"], "b", "2.0.2", "HIGH"));
    write(home, "github/b.json", &record("GHSA-bbbb-bbbb-bbbb", &[], "b", "2.0.0", "CRITICAL"));
    write(home, "github/c.json", "{");
    let tracker = json!({"openssl": {"CVE-2024-0002": {"description": "what is wrong", "releases": {
        "bookworm": {"status": "resolved", "fixed_version": "3.0.11-1~deb12u2", "urgency": "low"},
    }}}});
    write(home, "tracker.json", &tracker.to_string());
    // It states no date, and has that of its file.
    date(home, "tracker.json", 1_706_745_600);
    let known = json!({"catalogVersion": "1", "vulnerabilities": [{
        "cveID": "CVE-2024-0002", "dateAdded": "2024-02-03", "dueDate": "2024-03-04", "knownRansomwareCampaignUse": "Unknown",
    }]});
    write(home, "kev.json", &known.to_string());
}

pub(crate) const BUILD: [&str; 8] = [
    "db",
    "build",
    "--feed",
    "github=osv:github",
    "--feed",
    "debian=debian-tracker:tracker.json",
    "--feed",
    "kev=kev:kev.json",
];

#[test]
fn a_database_is_made_of_feeds_and_says_what_it_did_not_understand() {
    let home = Home::new();
    feeds(&home);
    insta::assert_snapshot!(home.run(&BUILD));
    insta::assert_snapshot!(home.run(&["db", "status"]));
}

/// A feed of one's own does not make a publisher's newer.
#[test]
fn advisories_of_an_ecosystem_are_told_to_be_old_whatever_else_is_new() {
    let home = Home::new();
    let dated =
        |date: &str| record("GHSA-aaaa-aaaa-aaaa", &[], "b", "2.0.2", "HIGH").replace("2026-01-02T03:04:05Z", date);
    let python = dated("2024-10-10T17:22:00Z").replace("\"npm\"", "\"PyPI\"").replace("SEMVER", "ECOSYSTEM");
    write(&home, "pypa/a.json", &python);
    write(&home, "our/a.json", &dated(&jiff::Timestamp::now().to_string()));
    let built = home.run(&["db", "build", "--feed", "pypa=osv:pypa", "--feed", "our=osv:our"]);
    assert!(built.starts_with("exit 0\n"), "{built}");
    write(&home, "python/x-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: x\nVersion: 1\n");
    write(&home, "node/node_modules/x/package.json", r#"{"name": "x", "version": "1.0.0"}"#);
    let old = "the advisories of PyPI are older than 30 days (feed `pypa`, 2024-10-10): what was published since is not found";
    for (arguments, is_told) in [
        (&["scan", "dir:python"][..], true),
        (&["scan", "dir:python", "-o", "json"], true),
        (&["scan", "dir:node"], false),
        (&["db", "status"], true),
    ] {
        let told = home.run(arguments);
        assert!(told.starts_with("exit 0\n") && told.contains(old) == is_told, "{arguments:?}: {told}");
        assert!(!told.contains("the advisories are older"), "{arguments:?}: {told}");
    }
    let status = home.run(&["db", "status"]);
    assert!(status.contains("2024-10-10 17:22 (old)") && status.matches("(old)").count() == 1, "{status}");
    let status = home.run(&["db", "status", "-o", "json"]);
    assert!(status.contains(r#""old": false"#), "{status}");
}

#[test]
fn two_databases_are_compared_and_one_is_carried_elsewhere() {
    let home = ready();
    home.run(&["db", "export", "one.vulndb"]);
    write(&home, "github/b.json", &record("GHSA-bbbb-bbbb-bbbb", &[], "c", "2.0.0", "CRITICAL"));
    home.run(&[BUILD.as_slice(), &["--to", "two.vulndb"]].concat());
    insta::assert_snapshot!(home.run(&["db", "diff", "one.vulndb", "two.vulndb"]));
    let other = Home::new();
    write(&other, "cut.vulndb", "no database");
    insta::assert_snapshot!(other.run(&["db", "import", "cut.vulndb"]));
    let from = home.path().join("two.vulndb");
    let run = other.run(&["db", "import", &from.display().to_string()]);
    assert_eq!(run.lines().next(), Some("exit 0"), "{run}");
    insta::assert_snapshot!("carried", other.run(&["db", "status"]));
}

/// Writes databases of one feed: of yesterday, of today, and of today with a record more.
fn databases(home: &Home) {
    let github = ["db", "build", "--feed", "github=osv:github"];
    let build = |to: &str| assert!(home.run(&[&github[..], &["--to", to]].concat()).starts_with("exit 0\n"));
    let record = record("GHSA-aaaa-aaaa-aaaa", &["CVE-2024-0001"], "b", "2.0.2", "HIGH");
    write(home, "github/a.json", &record.replace("2026-01-02", "2026-01-01"));
    build("old.vulndb");
    // What does not pack well is brought as changes.
    let text =
        |number: usize| format!("{:x?}", (0..200).map(|at| at * number * 0x9e37_79b9 + number).collect::<Vec<_>>());
    for number in 1..40 {
        let id = format!("GHSA-cccc-cccc-{number:04}");
        write(
            home,
            &format!("github/{id}.json"),
            &record.replace("GHSA-aaaa-aaaa-aaaa", &id).replace("what is wrong", &text(number)),
        );
    }
    build("new.vulndb");
    write(home, "github/a.json", &record);
    build("newer.vulndb");
}

#[test]
fn an_older_database_is_refused_unless_it_is_meant() {
    let home = Home::new();
    databases(&home);
    let newest = || home.run(&["db", "status"]).lines().nth(2).unwrap_or_default().to_owned();
    assert!(home.run(&["db", "import", "new.vulndb"]).starts_with("exit 0\n"));
    insta::assert_snapshot!("older_is_refused", home.run(&["db", "import", "old.vulndb"]));
    assert!(newest().starts_with("Advisories of 2026-01-02"), "{}", newest());
    assert!(home.run(&["db", "import", "--accept-older", "old.vulndb"]).starts_with("exit 0\n"));
    assert!(newest().starts_with("Advisories of 2026-01-01"), "{}", newest());
    // So is what somebody makes of documents.
    assert!(home.run(&["db", "import", "new.vulndb"]).starts_with("exit 0\n"));
    write(&home, "before/a.json", &record("GHSA-aaaa-aaaa-aaaa", &[], "b", "2", "LOW").replace("2026", "2025"));
    let build = ["db", "build", "--feed", "github=osv:before"];
    insta::assert_snapshot!("older_is_not_built", home.run(&build));
    assert!(newest().starts_with("Advisories of 2026-01-02"), "{}", newest());
    assert!(home.run(&[&build[..], &["--accept-older"]].concat()).starts_with("exit 0\n"));
    assert!(newest().starts_with("Advisories of 2025"), "{}", newest());
    // Another feed is another matter, and none that is there goes unless that is meant.
    let other = ["db", "build", "--feed", "ours=osv:before"];
    insta::assert_snapshot!("fewer_are_not_built", home.run(&other));
    assert!(newest().starts_with("Advisories of 2025"), "{}", newest());
    assert!(home.run(&[&other[..], &["--to", "other.vulndb"]].concat()).starts_with("exit 0\n"));
    insta::assert_snapshot!("fewer_are_refused", home.run(&["db", "import", "--accept-older", "other.vulndb"]));
    assert!(home.run(&["db", "import", "--accept-fewer-feeds", "other.vulndb"]).starts_with("exit 0\n"));
    assert!(home.run(&[&build[..], &["--accept-fewer-feeds"]].concat()).starts_with("exit 0\n"));
    assert!(home.run(&[&build[..], &other[2..]].concat()).starts_with("exit 0\n"));
}

/// With a database that says nothing, nothing seems to be wrong.
#[test]
fn a_feed_without_a_record_takes_the_place_of_nothing() {
    let home = ready();
    let before = home.run(&["db", "status"]);
    write(&home, "down.html", "<html>Down for maintenance</html>");
    write(&home, "empty.json", r#"{"distroversion": "v3.20", "packages": []}"#);
    let build = |feeds: &[&str]| {
        let arguments = feeds.iter().flat_map(|feed| ["--feed", *feed]);
        home.run(&["db", "build", "--accept-fewer-feeds"].into_iter().chain(arguments).collect::<Vec<_>>())
    };
    insta::assert_snapshot!("nothing_is_built_of_another_format", build(&["github=osv:github", "a=osv:down.html"]));
    insta::assert_snapshot!("nothing_is_built_of_no_record", build(&["github=osv:github", "alpine=secdb:empty.json"]));
    insta::assert_snapshot!("nothing_is_built_of_scores_alone", build(&["kev=kev:kev.json"]));
    assert_eq!(home.run(&["db", "status"]), before);
}

/// The same documents of the same date give the same bytes, whenever they were copied here.
#[test]
fn a_feed_that_states_no_date_has_that_of_its_file_or_the_one_that_is_named() {
    let home = ready();
    let build = |arguments: &[&str], epoch: &str| {
        let feed = ["db", "build", "--feed", "debian=debian-tracker:tracker.json", "--to", "one.vulndb"];
        let mut command = home.garrison(&[&feed[..], arguments].concat());
        assert!(command.env("SOURCE_DATE_EPOCH", epoch).status().unwrap().success());
        let status = home.run(&["db", "status", "--database", "one.vulndb"]);
        let newest = status.lines().nth(2).unwrap().split(": ").next().unwrap().to_owned();
        (newest, std::fs::read(home.path().join("one.vulndb")).unwrap())
    };
    let of_file = build(&[], "");
    assert_eq!(of_file.0, "Advisories of 2024-02-01 00:00");
    let named = build(&["--date", "2024-02-03"], "1");
    assert_eq!(named.0, "Advisories of 2024-02-03 00:00");
    date(&home, "tracker.json", 1_800_000_000);
    assert_ne!(build(&[], ""), of_file);
    assert_eq!(build(&["--date", "2024-02-03T00:00:00Z"], ""), named);
    assert_eq!(build(&[], "1706918400"), named);
    let refused = home.run(&["db", "build", "--feed", "a=osv:github", "--date", "soon"]);
    assert!(refused.starts_with("exit 2\n") && refused.contains("it is no date as `2026-11-29`"), "{refused}");
}

#[test]
fn a_client_follows_its_hub_and_neither_goes_back() {
    let (at_hub, user) = (Home::new(), Home::new());
    databases(&user);
    let hub = Hub::start(&at_hub, &[]);
    assert!(login(&user, &hub, "admin", &hub.password()).starts_with("exit 0\n"));
    let run = |arguments: &[&str]| user.run(&[&["db"], arguments].concat()).replace(&hub.address, "HUB");
    let told = |name: &str, arguments: &[&str]| {
        insta::with_settings!({filters => [(r"\d+(\.\d+)? (B|KiB)", "[SIZE]")]}, { insta::assert_snapshot!(name, run(arguments)) });
    };
    told("hub_has_none_to_give", &["update", "-q"]);
    told("hub_is_brought_one", &["import", "--hub", "new.vulndb"]);
    told("client_takes_the_whole", &["update", "-q"]);
    told("client_has_the_newest", &["update", "-q"]);
    assert!(run(&["import", "--hub", "newer.vulndb"]).starts_with("exit 0\n"));
    told("client_takes_what_changed", &["update", "-q"]);
    told("hub_refuses_an_older_one", &["import", "--hub", "old.vulndb"]);
    let other = ["db", "build", "-q", "--feed", "ours=osv:github", "--to", "other.vulndb"];
    assert!(user.run(&other).starts_with("exit 0\n"));
    told("hub_refuses_one_with_fewer_feeds", &["import", "--hub", "--accept-older", "other.vulndb"]);
    told("hub_takes_an_older_one_that_is_meant", &["import", "--hub", "--accept-older", "old.vulndb"]);
    told("client_refuses_an_older_one", &["update", "-q"]);
    assert!(run(&["status"]).contains("Advisories of 2026-01-02 03:04: 40 records"));
    told("client_takes_an_older_one_that_is_meant", &["update", "-q", "--accept-older"]);
    // Without what leads there, or with a damaged one in use, the whole of it comes.
    assert!(run(&["import", "--hub", "newer.vulndb"]).starts_with("exit 0\n"));
    std::fs::write(user.path().join(".local/share/garrison/advisories/current"), "nonsense").unwrap();
    told("client_with_a_damaged_one_takes_the_whole", &["update", "-q"]);
}
