//! Versions, ranges and databases from the command line.

use crate::Home;

#[track_caller]
fn check(arguments: &[&str], expected: &str) {
    let found = Home::new().run(&[&["db"], arguments].concat());
    assert_eq!(found, expected.replace('|', "\n"), "{arguments:?}");
}

#[test]
fn what_cannot_be_asked_is_refused() {
    check(
        &["in-range", "mavn", "1", "[1,2)"],
        "exit 2|--- stdout|--- stderr|error: there is no version scheme `mavn`|hint:  did you mean `maven`?|",
    );
    check(
        &["in-range", "hex", "1.0.0", "~> 1"],
        "exit 2|--- stdout|--- stderr|error: the range is not written as hex ranges are: ~> is followed by two or three numbers|",
    );
    check(
        &["in-range", "npm", "1.0.0", "vers:deb/1.0"],
        "exit 2|--- stdout|--- stderr|error: the range is of deb, and the version of npm|hint:  write `deb` for SCHEME|",
    );
    check(
        &["in-range", "npm", "1.0.0", "vers:generic/1.0"],
        "exit 2|--- stdout|--- stderr|error: there is no vers type `generic` here|",
    );
    check(
        &["in-range", "npm", "latest", "^1.0.0"],
        "exit 1|--- stdout|--- stderr|error: npm cannot order `latest`: it is three numbers parted by `.`|",
    );
}

#[test]
fn a_version_is_in_a_range_or_not() {
    check(&["in-range", "npm", "1.4.2", "^1.2.0"], "exit 0|--- stdout|yes|--- stderr|");
    check(&["in-range", "nuget", "2.0", "[1.0,2.0)"], "exit 1|--- stdout|no|--- stderr|");
    check(&["in-range", "packagist", "1.0-beta1", "~1.0"], "exit 0|--- stdout|yes|--- stderr|");
    check(&["in-range", "deb", "1.0~rc1", "vers:deb/<1.0"], "exit 0|--- stdout|yes|--- stderr|");
    check(&["in-range", "go", "go1.22rc1", "<1.22.0"], "exit 0|--- stdout|yes|--- stderr|");
    check(&["in-range", "nginx", "1.4.9", "1.5.0+, 1.4.1+"], "exit 0|--- stdout|yes|--- stderr|");
    check(&["in-range", "deb", "1.0", "vers:none/*"], "exit 1|--- stdout|no|--- stderr|");
    check(
        &["-o", "json", "in-range", "dart", "2.0.0-dev", "<2.0.0"],
        "exit 1|--- stdout|{|  \"in_range\": false,|  \"scheme\": \"pub\"|}|--- stderr|",
    );
}

#[test]
fn two_versions_have_an_order() {
    check(&["compare-versions", "arch", "1:1.0-1", "2.0-1"], "exit 0|--- stdout|>|--- stderr|");
    check(&["compare-versions", "hex", "1.0.0-rc.1", "1.0.0"], "exit 0|--- stdout|<|--- stderr|");
    check(&["compare-versions", "openssl", "1.0.2z", "1.0.2za"], "exit 0|--- stdout|<|--- stderr|");
    check(&["compare-versions", "go", "v1.26.8", "go1.26.8"], "exit 0|--- stdout|=|--- stderr|");
    check(&["compare-versions", "go", "go1.22rc1", "go1.22.0"], "exit 0|--- stdout|<|--- stderr|");
    check(&["compare-versions", "gem", "1.13.9-x86_64-linux", "1.13.9"], "exit 0|--- stdout|=|--- stderr|");
    check(
        &["compare-versions", "composer", "dev-a", "dev-b"],
        "exit 1|--- stdout|--- stderr|error: composer cannot order `dev-b`: of two branches none comes first|",
    );
}

/// A database is as it was, whichever way it went; what is not whole changes nothing.
#[test]
fn a_database_is_carried_packed() {
    let (home, other) = (Home::new(), Home::new());
    let record = r#"{"id": "GHSA-aaaa-aaaa-aaaa", "modified": "2026-01-02T03:04:05Z",
        "affected": [{"package": {"ecosystem": "npm", "name": "a"}, "versions": ["1.0.0"]}]}"#;
    std::fs::write(home.path().join("a.json"), record).unwrap();
    assert!(home.run(&["db", "build", "--feed", "github=osv:a.json"]).starts_with("exit 0\n"));
    let digest = |home: &Home| {
        home.run(&["db", "export", "copy.vulndb"]);
        blobs::digest(oci::Algorithm::Sha256, &std::fs::read(home.path().join("copy.vulndb")).unwrap()).to_string()
    };
    assert!(home.run(&["db", "export", "packed.zst"]).starts_with("exit 0\n"));
    let packed = std::fs::read(home.path().join("packed.zst")).unwrap();
    std::fs::write(other.path().join("packed.zst"), &packed).unwrap();
    std::fs::write(other.path().join("cut.zst"), &packed[..packed.len() - 1]).unwrap();
    home.run(&["db", "export", "copy.vulndb"]);
    insta::assert_snapshot!(other.run(&["db", "import", "cut.zst"]));
    assert!(other.run(&["db", "status"]).starts_with("exit 3\n"));
    // A packed one is as good as the file that comes of it.
    std::fs::copy(home.path().join("copy.vulndb"), other.path().join("plain.vulndb")).unwrap();
    let list = "pkg:npm/a@1.0.0\n";
    std::fs::write(other.path().join("list.txt"), list).unwrap();
    let of = |arguments: &[&str], database| other.run(&[arguments, &["-o", "json", "--database", database]].concat());
    for arguments in [&["scan", "--quiet", "list.txt"][..], &["db", "status"]] {
        assert_eq!(of(arguments, "packed.zst"), of(arguments, "plain.vulndb"), "{arguments:?}");
    }
    assert!(of(&["scan", "--quiet", "list.txt"], "packed.zst").contains("GHSA-aaaa-aaaa-aaaa"));
    let same = other.run(&["db", "diff", "packed.zst", "plain.vulndb"]);
    assert!(same.starts_with("exit 0\n"), "{same}");
    insta::assert_snapshot!("cut_is_not_opened", other.run(&["db", "diff", "cut.zst", "plain.vulndb"]));
    let run = other.run(&["db", "import", "packed.zst", "--digest", &digest(&home)]);
    assert!(run.starts_with("exit 0\n"), "{run}");
    assert_eq!(digest(&other), digest(&home));
}

/// Commands of this machine and a hub that is told where its data lies look in one place.
#[test]
fn the_data_directory_of_the_environment_has_the_database() {
    let home = Home::new();
    let record = r#"{"id": "GHSA-aaaa-aaaa-aaaa", "modified": "2026-01-02T03:04:05Z",
        "affected": [{"package": {"ecosystem": "npm", "name": "a"}, "versions": ["1.0.0"]}]}"#;
    std::fs::write(home.path().join("a.json"), record).unwrap();
    std::fs::write(home.path().join("list.txt"), "pkg:npm/a@1.0.0\n").unwrap();
    let run = |arguments: &[&str], directory: &str| {
        let output = home.garrison(arguments).env("GARRISON_DATA_DIR", directory).output().unwrap();
        home.told(&output)
    };
    let build = ["db", "build", "--feed", "github=osv:a.json"];
    assert!(run(&build, "data").starts_with("exit 0\n"));
    assert!(home.path().join("data/advisories/current").is_file());
    assert!(!home.path().join(".local").exists());
    assert!(run(&["scan", "--quiet", "list.txt"], "data").contains("GHSA-aaaa-aaaa-aaaa"));
    let status = run(&["db", "status"], "data");
    let is_told =
        status.contains("1 record of 1 package from 1 feed, ") && status.contains(" KiB, in data/advisories\n");
    assert!(is_told, "{status}");
    assert!(run(&["db", "status", "-o", "json"], "data").contains(r#""directory": "data/advisories""#));
    for (arguments, directory) in [(&["db", "status"][..], ""), (&["scan", "list.txt"], "elsewhere")] {
        let run = run(arguments, directory);
        assert!(run.starts_with("exit 3\n") && run.contains("there is no vulnerability database in"), "{run}");
    }
}
