//! A walk of random steps, after which the state is held against one that was made anew.

use std::collections::BTreeSet;

use oci::Digest;
use pipeline::Whose;
use serde_json::json;
use testkit::Database;
use vulndb::Level;

use super::{COUNT_LEFT_OVER, Known, SWEEP_NOW, Says, says};
use crate::support::{self, Hub, name, query, run};

testkit::on_both_databases! {
    /// After any pushes, deletes, updates and interruptions the state is that of matching everything anew.
    async fn what_was_matched_by_differences_equals_a_match_of_everything(database: Database) {
        const NAMES: [&str; 6] = ["openssl", "zlib1g", "curl", "bash", "glibc", "tar"];
        const SAID: [&str; 8] =
            ["openssl", "zlib1g", "curl", "bash", "glibc", "tar", "pypi/requests", "python3-requests"];
        const IDS: [&str; 8] = [
            "CVE-2024-0001", "CVE-2024-0002", "CVE-2024-0003", "CVE-2024-0004", "CVE-2024-0005", "CVE-2024-0006",
            "CVE-2024-0007", "CVE-2024-0008",
        ];
        const VERSIONS: [&str; 5] = ["1", "2", "3", "4", "5"];
        const LEVELS: [Level; 4] = [Level::Low, Level::Medium, Level::High, Level::Critical];
        let number = |variable| std::env::var(variable).ok().and_then(|text| text.parse::<u64>().ok());
        let seed = number("GARRISON_SEED").unwrap_or_else(|| support::now_us().unsigned_abs());
        let steps = number("GARRISON_STEPS").unwrap_or(STEPS);
        let mut random = Random(seed);
        let hub = Hub::open(database).await;
        let mut known = Known::default();
        let mut pushed: Vec<(&str, Digest)> = Vec::new();
        let mut referrers: Vec<(&str, Digest)> = Vec::new();
        for step in 0..steps {
            match random.below(25) {
                0..4 => {
                    let packages: Vec<(&str, &str)> = NAMES
                        .into_iter()
                        .filter(|_| random.below(2) == 0)
                        .collect::<Vec<_>>()
                        .into_iter()
                        .map(|name| (name, random.of(&VERSIONS)))
                        .collect();
                    let repository = random.of(&["team/api", "team/web", "other/job"]);
                    let tag = format!("t{}", random.below(4));
                    let image = if random.below(3) == 0 {
                        hub.push_python(repository, &tag, random.of(&VERSIONS), random.below(2) == 0).await
                    } else {
                        hub.push(repository, &tag, &packages).await
                    };
                    pushed.push((repository, image));
                    if random.below(2) == 0 {
                        hub.settle().await;
                    }
                }
                4..8 => {
                    let id = random.of(&IDS);
                    known.says.retain(|says| says.id != id || random.below(2) == 0);
                    let below = random.of(&VERSIONS);
                    known.says.push(Says {
                        below: (random.below(3) > 0).then_some(below),
                        withdrawn: random.below(6) == 0,
                        denies: random.below(4) == 0,
                        ..says(id, random.of(&SAID), "1", random.of(&LEVELS))
                    });
                    known.probabilities = vec![(random.of(&IDS), [0.1, 0.5, 0.9][random.below(3)])];
                    known.exploited = vec![random.of(&IDS)];
                    hub.order(&known).await;
                    if random.below(2) == 0 {
                        hub.settle().await;
                    }
                }
                9..11 => {
                    let whose = [Whose::Hub, Whose::Project("team".to_owned()), Whose::Project("other".to_owned())];
                    let whose = &whose[random.below(3)];
                    let text = random_exceptions(&mut random, hub.now_us(), &IDS);
                    let replaces = hub.pipeline.exceptions(whose).await.unwrap().map(|document| document.digest);
                    hub.pipeline.set_exceptions(whose, "user:ann", text, replaces).await.unwrap();
                    if random.below(2) == 0 {
                        hub.settle().await;
                    }
                }
                12..14 => {
                    let whose = [Whose::Hub, Whose::Project("team".to_owned()), Whose::Project("other".to_owned())];
                    let whose = &whose[random.below(3)];
                    let given = hub.pipeline.list_vex(whose).await.unwrap();
                    if given.len() > 2 || !given.is_empty() && random.below(3) == 0 {
                        let digest = given[random.below(given.len())].document.digest;
                        hub.pipeline.remove_vex(whose, "user:ann", digest).await.unwrap();
                    } else {
                        let bytes = random_vex(&mut random, &IDS).into_bytes();
                        let digest = support::sha256(&bytes);
                        hub.pipeline.add_vex(whose, "user:ann", bytes, digest).await.unwrap();
                    }
                    if random.below(2) == 0 {
                        hub.settle().await;
                    }
                }
                15..17 if !pushed.is_empty() => {
                    let (repository, image) = pushed[random.below(pushed.len())];
                    let index = random.below(4) == 0 && hub.holds(repository, image).await;
                    let tag = format!("i{}", random.below(2));
                    let subject = if index { hub.index_of(repository, &tag, &[image]).await } else { image };
                    let body = random_vex(&mut random, &IDS);
                    let pusher = random.of(&["robot:vex", "user:ann", "user:mallory"]);
                    let media_type = "application/vnd.openvex+json";
                    referrers.push((repository, hub.refer(pusher, (repository, subject), media_type, body.as_bytes()).await));
                    if index {
                        pushed.push((repository, subject));
                    }
                    if random.below(2) == 0 {
                        hub.settle().await;
                    }
                }
                17..19 if !referrers.is_empty() => {
                    let (repository, referrer) = referrers.swap_remove(random.below(referrers.len()));
                    // Another push of the same may have been deleted already.
                    if random.below(3) == 0 {
                        hub.delete_document(repository, referrer).await;
                    } else {
                        let _gone = hub.registry.delete_manifest(&name(repository), &referrer, "user:ann").await;
                    }
                    if random.below(2) == 0 {
                        hub.settle().await;
                    }
                }
                19 if !pushed.is_empty() => {
                    let (repository, image) = pushed[random.below(pushed.len())];
                    if hub.holds(repository, image).await {
                        hub.tag(repository, image, &format!("t{}", random.below(4))).await;
                    }
                    if random.below(2) == 0 {
                        hub.settle().await;
                    }
                }
                20 => {
                    let tag = random.of(&["t0", "t1", "t2", "t3", "i0", "i1"]);
                    // There may be no such tag.
                    let _gone = hub.untag(random.of(&["team/api", "team/web", "other/job"]), tag).await;
                    if random.below(2) == 0 {
                        hub.settle().await;
                    }
                }
                21 if !pushed.is_empty() => {
                    let (repository, image) = pushed[random.below(pushed.len())];
                    let mut listed = vec![image];
                    listed.extend(pushed.iter().filter(|one| one.0 == repository).map(|one| one.1).take(random.below(3)));
                    let mut held = BTreeSet::new();
                    for one in listed {
                        if hub.holds(repository, one).await {
                            held.insert(one);
                        }
                    }
                    let held: Vec<Digest> = held.into_iter().collect();
                    if !held.is_empty() {
                        let index = hub.index_of(repository, &format!("i{}", random.below(2)), &held).await;
                        pushed.push((repository, index));
                    }
                    if random.below(2) == 0 {
                        hub.settle().await;
                    }
                }
                22 => {
                    // There may be no such repository.
                    let repository = name(random.of(&["team/api", "team/web", "other/job"]));
                    let _gone = hub.registry.delete_repository(&repository, "user:ann").await;
                    if random.below(2) == 0 {
                        hub.settle().await;
                    }
                }
                14 => {
                    let text = random_trust(&mut random);
                    let replaces = hub.pipeline.vex_trust().await.unwrap().map(|set| set.digest);
                    hub.pipeline.set_vex_trust("user:root", text, replaces).await.unwrap();
                    if random.below(2) == 0 {
                        hub.settle().await;
                    }
                }
                11 => {
                    hub.wait(random.number(48 * 3600) * 1_000_000);
                    hub.decide().await;
                    if random.below(2) == 0 {
                        hub.settle().await;
                    }
                }
                8 => {
                    // The disk fails somewhere on the way; the job runs again.
                    hub.settle_through_failure(1 + random.below(40) as u64).await;
                }
                _ if !pushed.is_empty() => {
                    let (repository, image) = pushed.swap_remove(random.below(pushed.len()));
                    // Another push of the same image may have been deleted already.
                    let _gone = hub.registry.delete_manifest(&name(repository), &image, "user:ann").await;
                    if random.below(2) == 0 {
                        hub.settle().await;
                    }
                }
                _ => hub.settle().await,
            }
            if step % 10 == 9 {
                hub.order(&known).await;
                hub.decide().await;
                hub.settle().await;
                let told = format!("seed {seed}, step {step}, {known:?}");
                // What was deleted counts no more, whether or not a sweep took away what else is left of it.
                hub.check_tagged(&told).await;
                hub.check_placed(&told).await;
                hub.check_reports(&told).await;
                hub.check_lists(&told).await;
                hub.check_not_counted(&told).await;
                run(&hub.db, &SWEEP_NOW, Vec::new()).await;
                hub.settle().await;
                let left_over = &query(&hub.index, &COUNT_LEFT_OVER, Vec::new()).await[0];
                let counts: Vec<i64> = (0..7).map(|at| left_over.get(at).unwrap()).collect();
                assert_eq!(counts, [0; 7], "{told}");
                hub.check_reports(&told).await;
                hub.check_lists(&told).await;
                hub.check_not_counted(&told).await;
                hub.check_scans(&told).await;
                let before = hub.dump().await;
                hub.match_anew(&known).await;
                assert_eq!(hub.dump().await, before, "{told}");
            }
        }
    }
}

/// Returns a document that says whose VEX counts.
fn random_trust(random: &mut Random) -> String {
    let authors = random.of(&["[]", "[[Vendor]]", "[[Team], [Vendor]]", "[[\"*\"]]", "[[Nobody]]"]);
    let others = random.of(&["count", "count", "ignore"]);
    let pushers = random.of(&["[]", "[\"robot:*\"]", "[\"robot:*\"]", "[\"user:ann\", \"robot:vex\"]", "[\"**\"]"]);
    format!("apiVersion: garrison.dev/v1\nkind: VexTrust\nauthors: {authors}\nothers: {others}\npushers: {pushers}\n")
}

/// Returns an `OpenVEX` document of one statement.
fn random_vex(random: &mut Random, ids: &[&'static str]) -> String {
    let status = random.of(&["not_affected", "not_affected", "fixed", "affected", "under_investigation"]);
    let purl =
        random.of(&["pkg:deb/debian/openssl", "pkg:deb/debian/zlib1g@2", "pkg:pypi/requests", "pkg:deb/debian/tar"]);
    let mut statement = json!({
        "vulnerability": {"name": random.of(ids)}, "products": [{"@id": purl}], "status": status,
    });
    match status {
        "not_affected" => statement["justification"] = json!("vulnerable_code_not_in_execute_path"),
        "affected" => statement["action_statement"] = json!("upgrade"),
        _ => {}
    }
    json!({
        "@context": "https://openvex.dev/ns/v0.2.0", "@id": format!("https://v.example/{}", random.below(3)),
        "author": random.of(&["Vendor", "Team"]), "timestamp": format!("2026-01-0{}T00:00:00Z", 1 + random.below(9)),
        "version": 1 + random.below(3), "statements": [statement],
    })
    .to_string()
}

/// Returns a document of some exceptions, that begin and end around now.
fn random_exceptions(random: &mut Random, now_us: i64, ids: &[&'static str]) -> String {
    const HOUR: i64 = 3600;
    let mut entries = Vec::new();
    for number in 0..random.below(4) {
        let name = match random.below(4) {
            0 => "CVE-2024-*".to_owned(),
            1 => ids[random.below(ids.len())].to_lowercase(),
            _ => ids[random.below(ids.len())].to_owned(),
        };
        let created = now_us / 1_000_000 + (random.number(72) - 60) * HOUR;
        let expires = created + (1 + random.number(120)) * HOUR;
        let time = |seconds: i64| policy::write_moment(seconds);
        let mut entry = json!({
            "id": format!("e{number}"), "vulnerabilities": [name], "owner": "ann", "reason": "so",
            "created": time(created), "expires": time(expires),
        });
        if random.below(2) == 0 {
            let purl = random.of(&["pkg:deb/debian/openssl", "pkg:deb/**", "pkg:pypi/requests", "pkg:deb/debian/z*"]);
            entry["purls"] = json!([purl]);
        }
        if random.below(3) == 0 {
            entry["scope"] = json!([random.of(&["team/api", "team/*", "**", "other/job"])]);
        }
        if random.below(4) == 0 {
            entry["paths"] = json!([random.of(&["usr/**", "**", "/usr/**", "var/lib/dpkg/status"])]);
        }
        if random.below(4) == 0 {
            entry["condition"] = json!("only-without-fix");
        }
        entries.push(entry);
    }
    if entries.is_empty() {
        return String::new();
    }
    json!({"apiVersion": "garrison.dev/v1", "kind": "Exceptions", "exceptions": entries}).to_string()
}

/// Steps of the walk; `GARRISON_STEPS` asks for more.
const STEPS: u64 = 60;

/// Numbers that look random: `SplitMix64`.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % end as u64).unwrap()
    }

    fn number(&mut self, end: usize) -> i64 {
        i64::try_from(self.below(end)).unwrap()
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}
