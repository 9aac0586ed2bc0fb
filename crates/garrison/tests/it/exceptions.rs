//! Exceptions from the command line.

use crate::Home;
use crate::feeds::record;
use crate::hub::{Hub, login};
use crate::scan::write;

/// A date that lies so many days from today.
fn day(days: i64) -> String {
    let today = jiff::Timestamp::now().as_second().div_euclid(86_400);
    policy::write_moment((today + days) * 86_400)
}

fn entry(id: &str, created: i64, expires: i64) -> String {
    format!(
        "- id: {id}\n  vulnerabilities: [CVE-2024-1]\n  purls: ['pkg:npm/a']\n  owner: team-a\n  reason: because\n  created: {}\n  expires: {}\n",
        day(created),
        day(expires)
    )
}

fn check(entries: &[String]) -> String {
    let home = Home::new();
    let text = format!("apiVersion: garrison.dev/v1\nkind: Exceptions\nexceptions:\n{}", entries.concat());
    std::fs::write(home.path().join("e.yaml"), text).unwrap();
    let mut told = home.run(&["exceptions", "check", "e.yaml"]);
    // As wide as a date, so that the table stays one.
    for days in [-1, 10, 100, 200] {
        told = told.replace(&day(days), &format!("<{days:^8}>"));
    }
    told
}

#[test]
fn a_document_that_is_not_understood_is_refused_with_the_place() {
    insta::assert_snapshot!(check(&[entry("a", -2, 10).replace("owner", "onwer")]), @"
    exit 2
    --- stdout
    --- stderr
    error: e.yaml:7:3: there is no field `onwer` here
    hint:  did you mean `owner`?
    ");
    insta::assert_snapshot!(Home::new().run(&["exceptions", "check", "none.yaml"]), @"
    exit 3
    --- stdout
    --- stderr
    error: failed to read `none.yaml`
    cause: No such file or directory (os error 2)
    ");
}

#[test]
fn what_counts_is_told_and_what_has_expired_is_a_no() {
    insta::assert_snapshot!(check(&[entry("a", -2, 100), entry("b", -2, 10)]), @"
    exit 0
    --- stdout
    2 of 2 exceptions count
    ID  STATE      EXPIRES     OWNER   COVERS
    a   counts     <  100   >  team-a  CVE-2024-1 pkg:npm/a
    b   ends soon  <   10   >  team-a  CVE-2024-1 pkg:npm/a
    --- stderr
    ");
    insta::assert_snapshot!(check(&[entry("a", -2, 100), entry("b", 1, 200), entry("c", -5, -1)]), @"
    exit 1
    --- stdout
    1 of 3 exceptions count, 1 not yet, 1 no more: renew or remove what has expired
    ID  STATE      EXPIRES     OWNER   COVERS
    a   counts     <  100   >  team-a  CVE-2024-1 pkg:npm/a
    b   not begun  <  200   >  team-a  CVE-2024-1 pkg:npm/a
    c   expired    <   -1   >  team-a  CVE-2024-1 pkg:npm/a
    --- stderr
    ");
}

#[test]
fn rules_of_others_are_imported() {
    let home = Home::new();
    std::fs::write(home.path().join(".trivyignore"), "# until the vendor moves\nCVE-2024-1\nAVD-DS-0002\n").unwrap();
    let arguments = ["exceptions", "import", ".trivyignore", "--owner", "team-a"];
    let told = home.run(&[&arguments[..], &["--expires", &day(100)]].concat());
    insta::assert_snapshot!(told.replace(&day(100), "<end>").replace(&day(0), "<today>"), @"
    exit 0
    --- stdout
    apiVersion: garrison.dev/v1
    kind: Exceptions
    exceptions:
      - id: cve-2024-1
        vulnerabilities: [CVE-2024-1]
        owner: team-a
        reason: until the vendor moves
        created: <today>
        expires: <end>
    --- stderr
    Imported 1 of 2 rules of .trivyignore
    line 3, AVD-DS-0002: left out: it is no name of a vulnerability; exceptions are for those alone
    ");
    insta::assert_snapshot!(home.run(&[&arguments[..], &["--expires", "soon"]].concat()), @"
    exit 2
    --- stdout
    --- stderr
    error: `soon` is no date
    hint:  write it as 2027-01-31
    ");
    let told = home.run(&[&arguments[..], &["--expires", &day(400)]].concat());
    insta::assert_snapshot!(told.replace(&day(400), "<end>"), @"
    exit 2
    --- stdout
    --- stderr
    error: `--expires <end>` lies 400 days from today
    hint:  an exception lasts 1 to 366 days
    ");
}

#[test]
fn exceptions_of_a_hub_are_shown_to_the_last() {
    let (at_hub, user) = (Home::new(), Home::new());
    let hub = Hub::start(&at_hub, &[]);
    assert!(login(&user, &hub, "admin", &hub.password()).starts_with("exit 0\n"));
    let done = |arguments: &[&str]| {
        let told = user.run(arguments);
        assert!(told.starts_with("exit 0\n"), "{arguments:?}: {told}");
    };
    write(&user, "github/a.json", &record("GHSA-aaaa-aaaa-aaaa", &["CVE-2024-1"], "a", "2.0.0", "HIGH"));
    done(&["db", "build", "--feed", "github=osv:github", "--to", "one.vulndb"]);
    done(&["db", "import", "--hub", "one.vulndb"]);
    // More than a hub tells at once.
    let over = (0..1000).map(|number| entry(&format!("over-{number}"), -5, -1));
    let last = entry("last", -5, 100).replace("  owner", "  paths: ['/app/**']\n  owner");
    let entries: String = over.chain([last]).collect();
    write(&user, "e.yaml", &format!("apiVersion: garrison.dev/v1\nkind: Exceptions\nexceptions:\n{entries}"));
    done(&["exceptions", "push", "e.yaml"]);
    let is_matched = |told: &String| told.contains("matches nothing");
    let told = (0..1000).map(|_| user.run(&["exceptions", "show"])).find(is_matched).unwrap();
    assert!(told.contains("1 of 1001 exceptions count, 1000 no more"), "{told}");
    let row = told.lines().find(|line| line.starts_with("last ")).unwrap();
    assert!(row.ends_with("CVE-2024-1 pkg:npm/a /app/**"), "{row}");
    let idle: Vec<&str> = told.lines().filter(|line| line.contains("matches nothing")).collect();
    assert_eq!(
        idle,
        [
            "The exception `last` of team-a matches nothing in this hub: nothing there has what it speaks of, where it speaks of it."
        ]
    );
}

#[test]
fn what_was_replaced_comes_back_as_the_command_says() {
    let (at_hub, user) = (Home::new(), Home::new());
    let hub = Hub::start(&at_hub, &[]);
    assert!(login(&user, &hub, "admin", &hub.password()).starts_with("exit 0\n"));
    let done = |arguments: &[&str]| {
        let told = user.run(arguments);
        assert!(told.starts_with("exit 0\n"), "{arguments:?}: {told}");
        told
    };
    let undo = |told: &str| {
        let (_, command) = told.split_once("Undo: garrison ").unwrap();
        done(&command.lines().next().unwrap().split(' ').collect::<Vec<_>>())
    };
    done(&["project", "create", "team"]);
    let document =
        |id: &str| format!("apiVersion: garrison.dev/v1\nkind: Exceptions\nexceptions:\n{}", entry(id, -2, 10));
    let trust = |author: &str| format!("apiVersion: garrison.dev/v1\nkind: VexTrust\nauthors: [[{author}]]\n");
    for (kind, first, second, flags) in [
        (&["exceptions"][..], document("a"), document("b"), &["--project", "team"][..]),
        (&["vex", "trust"], trust("one"), trust("two"), &[]),
    ] {
        write(&user, "first.yaml", &first);
        write(&user, "second.yaml", &second);
        let push = |file: &str| done(&[kind, &["push", file, "--overwrite"], flags].concat());
        let shown = || done(&[kind, &["show", "--document"], flags].concat());
        let first = push("first.yaml");
        assert!(first.contains("Undo:") && first.contains(" push /dev/null --overwrite"), "{first}");
        let before = shown();
        assert!(push("first.yaml").contains("It counted already; nothing was changed."));
        let second = push("second.yaml");
        assert_ne!(shown(), before);
        undo(&second);
        assert_eq!(shown(), before);
        undo(&push("/dev/null"));
        assert_eq!(shown(), before);
        let none = format!("sha256:{}", "0".repeat(64));
        let refused = user.run(&[kind, &["push", &none, "--overwrite"], flags].concat());
        assert!(refused.starts_with("exit 1\n") && refused.contains("was set here"), "{refused}");
    }
}

#[test]
fn a_vex_document_is_removed_by_the_digest_that_the_list_prints() {
    let (at_hub, user) = (Home::new(), Home::new());
    let hub = Hub::start(&at_hub, &[]);
    assert!(login(&user, &hub, "admin", &hub.password()).starts_with("exit 0\n"));
    let document = r#"{"@context":"https://openvex.dev/ns/v0.2.0","@id":"https://v.example/1","author":"V","timestamp":"2026-01-02T03:04:05Z","version":1,
        "statements":[{"vulnerability":{"name":"CVE-2024-1"},"products":[{"@id":"pkg:deb/debian/openssl"}],"status":"fixed"}]}"#;
    write(&user, "v.json", document);
    assert!(user.run(&["vex", "push", "v.json"]).starts_with("exit 0\n"));
    let listed = user.run(&["vex", "list"]);
    let row = listed.lines().find(|line| line.contains("v.example")).unwrap();
    let printed = row.split_whitespace().next().unwrap();
    assert!(printed.len() < 20, "{listed}");
    let removed = user.run(&["vex", "remove", printed]);
    assert!(removed.starts_with("exit 0\n") && removed.contains("counts no more for all projects"), "{removed}");
    let again = user.run(&["vex", "remove", printed]);
    assert!(again.starts_with("exit 1\n") && again.contains("`garrison vex list` lists those"), "{again}");
}
