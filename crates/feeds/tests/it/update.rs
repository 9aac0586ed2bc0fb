//! Updates: whatever a publisher does, the last good database stays in use.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use feeds::{
    Acceptance, BuildError, Built, Cache, Choice, FeedState, Fewer, Gone, KeptFeed, Mapped, PlannedFeed, Size, Store,
    StoreError, Sums, build, fetch, measure, plan,
};
use outbound::{FeedClient, FeedOptions};
use vulndb::file::Database;

use crate::server::{Fault, Page, Server};

/// A publisher, and who fetches from it.
struct Scene {
    place: tempfile::TempDir,
    server: Server,
    choices: Vec<Choice>,
    silence: Duration,
    private_hosts: Vec<String>,
    /// What the documents are held against, otherwise than a feed of one's own is.
    sums: Option<Sums>,
}

const NOW: i64 = 1_800_000_000;

/// Of a publisher that says nothing more; long enough that on a busy machine nothing that comes is taken for it.
const SHORT_SILENCE: Duration = Duration::from_millis(300);

/// Documents as lines of OSV: so many records, the newest of a day of November 2026.
fn lines(count: usize, day: usize) -> Vec<u8> {
    let line = |number: usize| {
        format!(
            r#"{{"id":"GHSA-{number}","modified":"2026-11-{day:02}T00:00:00Z","affected":[{{"package":{{"ecosystem":"npm","name":"p{number}"}},"versions":["1.0.0"]}}]}}"#
        ) + "\n"
    };
    (0..count).map(line).collect::<String>().into_bytes()
}

fn page(bytes: Vec<u8>, etag: &'static str) -> Page {
    Page { bytes, etag, ..Page::default() }
}

impl Scene {
    /// One feed, `ours`, of one document.
    async fn new() -> Self {
        let server = Server::new().await;
        let choices = vec![format!("ours=osv:{}", server.url("/all.jsonl")).parse().unwrap()];
        let private_hosts = vec![server.address.clone()];
        Self {
            place: tempfile::tempdir().unwrap(),
            server,
            choices,
            silence: Duration::from_mins(1),
            private_hosts,
            sums: None,
        }
    }

    fn put(&self, bytes: Vec<u8>, etag: &'static str) {
        self.server.put("/all.jsonl", page(bytes, etag));
    }

    fn fault(&self, bytes: Vec<u8>, etag: &'static str, fault: Fault) {
        self.server.put("/all.jsonl", Page { fault, ..page(bytes, etag) });
    }

    fn store(&self) -> Store {
        Store::new(self.place.path())
    }

    fn cache(&self) -> Cache {
        self.store().cache()
    }

    fn state(&self) -> FeedState {
        self.cache().state("ours")
    }

    fn client(&self) -> FeedClient {
        FeedClient::new(FeedOptions {
            private_hosts: self.private_hosts.iter().map(|host| host.parse().unwrap()).collect(),
            ca_file: None,
            pause: Duration::ZERO,
            bytes_max: 1 << 20,
            time_max: Duration::from_mins(1),
            silence_max: self.silence,
        })
        .unwrap()
    }

    async fn build(&self, acceptance: Acceptance) -> Result<Built, BuildError> {
        let lock = self.cache().lock().unwrap();
        let feeds = plan(&self.choices, Some(&[]), 2026).unwrap();
        let feeds = feeds.into_iter().filter(|feed| !matches!(feed.name.as_str(), "epss" | "kev"));
        let feeds = feeds.map(|feed| PlannedFeed { sums: self.sums.unwrap_or(feed.sums), ..feed }).collect();
        let fetched = fetch(&lock, &self.client(), feeds, &mut |_| {}).await;
        let current: Option<Database<Mapped>> = self.store().open().ok();
        build(&lock, fetched, &self.choices, current.as_ref(), acceptance, NOW, &mut |_| {})
    }

    /// Updates, and returns what was refused.
    async fn update(&self, acceptance: Acceptance) -> Vec<String> {
        let built = self.build(acceptance).await.unwrap();
        self.store().import(built.file.as_slice(), None, Acceptance::Any, Fewer::Any).unwrap();
        built.refusals().map(|(feed, refusal)| format!("{feed}: {}", refusal.in_words())).collect()
    }

    /// Updates well, and returns what was asked of the server.
    async fn good(&self) -> Vec<String> {
        assert_eq!(self.update(Acceptance::Newer).await, Vec::<String>::new());
        self.server.asked()
    }

    fn records(&self) -> u64 {
        self.store().open().unwrap().feeds().unwrap().iter().map(|feed| feed.advisories).sum()
    }
}

#[tokio::test]
async fn what_is_the_same_is_not_fetched_again() {
    let scene = Scene::new().await;
    scene.put(lines(3, 1), "\"1\"");
    assert_eq!(scene.good().await, ["200 GET /all.jsonl 0"]);
    let first = scene.store().open().unwrap().file_bytes().to_vec();
    assert_eq!(scene.good().await, ["304 GET /all.jsonl 0"]);
    assert_eq!(scene.store().open().unwrap().file_bytes(), first, "the same documents give the same bytes");
    scene.put(lines(4, 2), "\"2\"");
    assert_eq!(scene.good().await, ["200 GET /all.jsonl 0"]);
    assert_eq!(scene.records(), 4);
    let state = scene.state();
    assert_eq!((state.good, state.asked, state.error, state.records), (Some(NOW), Some(NOW), None, 4));
}

#[tokio::test]
async fn how_much_it_takes_is_known_before() {
    let scene = Scene::new().await;
    let bytes = lines(3, 1);
    let length = bytes.len() as u64;
    scene.put(bytes, "\"1\"");
    let size = async || {
        let lock = scene.cache().lock().unwrap();
        let feeds = plan(&scene.choices, Some(&[]), 2026).unwrap();
        let ours = feeds.iter().find(|feed| feed.name == "ours").unwrap();
        measure(&lock, &scene.client(), ours).await.unwrap()
    };
    assert_eq!(size().await, Size { bytes: length, unknown: 0, same: 0 });
    scene.good().await;
    assert_eq!(size().await, Size { bytes: 0, unknown: 0, same: 1 });
}

#[tokio::test]
async fn a_transfer_that_breaks_is_taken_up() {
    let scene = Scene::new().await;
    let bytes = lines(3, 1);
    let length = bytes.len();
    scene.fault(bytes.clone(), "\"1\"", Fault::CutAfter(length / 2));
    // Each answer brings a half of what is left, until the rest is shorter than that.
    let asked = scene.good().await;
    assert_eq!(asked[..2], ["200 GET /all.jsonl 0".to_owned(), format!("206 GET /all.jsonl {}", length / 2)]);
    assert_eq!(scene.records(), 3);
}

#[tokio::test]
async fn what_an_interrupted_update_left_is_taken_up_by_the_next() {
    let mut scene = Scene { silence: SHORT_SILENCE, ..Scene::new().await };
    let bytes = lines(3, 1);
    let length = bytes.len();
    scene.fault(bytes.clone(), "\"1\"", Fault::SilentAfter(100));
    let error = scene.build(Acceptance::Newer).await.unwrap_err();
    assert!(matches!(error, BuildError::Nothing { .. }), "{error}");
    scene.silence = Duration::from_mins(1);
    scene.server.asked();
    scene.put(bytes, "\"1\"");
    let asked = scene.good().await;
    assert_eq!(asked.len(), 1);
    let from: usize = asked[0].strip_prefix("206 GET /all.jsonl ").unwrap().parse().unwrap();
    assert!((1..length).contains(&from), "{from}");
    assert_eq!(scene.records(), 3);
}

#[tokio::test]
async fn a_part_of_a_document_that_changed_is_of_no_use() {
    let mut scene = Scene { silence: SHORT_SILENCE, ..Scene::new().await };
    scene.fault(lines(9, 1), "\"1\"", Fault::SilentAfter(100));
    scene.build(Acceptance::Newer).await.unwrap_err();
    scene.silence = Duration::from_mins(1);
    scene.server.asked();
    scene.put(lines(3, 2), "\"2\"");
    assert_eq!(scene.good().await, ["200 GET /all.jsonl 0"]);
    assert_eq!(scene.records(), 3);
}

/// Whatever goes wrong, the last good one stays in use, and why is kept.
#[tokio::test]
async fn what_is_not_good_leaves_what_was() {
    let wrong_sum = "x-goog-hash: crc32c=AAAAAA==\r\n".to_owned();
    let many = || lines(40, 2);
    let near = || Fault::Redirect("http://127.0.0.1:1/all.jsonl".to_owned());
    let table: [(&str, Page, &str); 10] = [
        ("refused", Page { fault: Fault::Status("403 Forbidden"), ..page(many(), "\"2\"") }, "status 403"),
        ("gone", Page { fault: Fault::Status("404 Not Found"), ..page(many(), "\"2\"") }, "status 404"),
        ("broken", Page { fault: Fault::Status("500 Oh"), ..page(many(), "\"2\"") }, "status 500"),
        ("never whole", Page { fault: Fault::CutAfter(0), ..page(many(), "\"2\"") }, "failed to reach"),
        (
            "near",
            Page { fault: near(), ..page(many(), "\"2\"") },
            "pointed to http://127.0.0.1:1: 127.0.0.1:1 is in a private",
        ),
        ("wrong sum", Page { headers: wrong_sum, ..page(many(), "\"2\"") }, "other bytes than its publisher states"),
        (
            "no feed",
            page(b"<html>Down for maintenance</html>".to_vec(), "\"2\""),
            "nothing in it is of the format `osv`",
        ),
        (
            "cut and called whole",
            Page { fault: Fault::Short(many().len() - 2000), ..page(many(), "\"2\"") },
            "the last good one has 40",
        ),
        ("shrunk", page(lines(19, 2), "\"2\""), "it has 19 records, the last good one has 40"),
        (
            "rolled back",
            page(lines(40, 1), "\"2\""),
            "its newest record is of 2026-11-01 00:00, that of the last good one is of 2026-11-02",
        ),
    ];
    for (name, wrong, told) in table {
        let scene = Scene::new().await;
        scene.put(many(), "\"1\"");
        scene.good().await;
        let before = scene.store().open().unwrap().file_bytes().to_vec();
        scene.server.put("/all.jsonl", wrong);
        for _ in 0..2 {
            let refused = scene.update(Acceptance::Newer).await;
            assert!(refused.len() == 1 && refused[0].contains(told), "{name}: {refused:?}");
            assert_eq!(scene.store().open().unwrap().file_bytes(), before, "{name}");
            assert!(scene.state().error.unwrap().contains(told), "{name}");
        }
        // Once it is good again, it is taken.
        scene.put(lines(41, 3), "\"3\"");
        scene.good().await;
        assert_eq!((scene.records(), scene.state().error), (41, None), "{name}");
    }
}

/// One slip of a publisher makes nothing new, and does not freeze its feed.
#[tokio::test]
async fn a_record_of_the_future_dates_nothing() {
    let scene = Scene::new().await;
    let dates = || (scene.store().open().unwrap().feeds().unwrap()[0].fetched, scene.state().newest);
    let day = |day: i64| Some(1_793_491_200 + (day - 1) * 86_400);
    let slip = String::from_utf8(lines(4, 1)).unwrap().replacen("2026-11-01", "2099-01-01", 1);
    scene.put(slip.into_bytes(), "\"1\"");
    scene.good().await;
    assert_eq!((scene.records(), dates()), (4, (day(1), day(1))));
    scene.put(lines(5, 2), "\"2\"");
    scene.good().await;
    assert_eq!((scene.records(), dates()), (5, (day(2), day(2))));
    // Nor does what was taken by such a date before.
    let state = scene.place.path().join("feeds/ours/state.json");
    let known = fs::read_to_string(&state).unwrap().replace("1793577600", "4070908800");
    fs::write(&state, known).unwrap();
    assert_eq!(scene.state().newest, Some(4_070_908_800));
    scene.put(lines(6, 3), "\"3\"");
    scene.good().await;
    assert_eq!((scene.records(), dates()), (6, (day(3), day(3))));
}

/// Formats that state no date are as old as their publisher says, and do not go back either.
#[tokio::test]
async fn a_feed_without_a_date_of_its_own_has_that_of_its_document() {
    let mut scene = Scene::new().await;
    scene.choices = vec![format!("ours=secdb:{}", scene.server.url("/all.jsonl")).parse().unwrap()];
    let put = |fixed: &str, etag, date: &str| {
        let document = format!(
            r#"{{"distroversion":"v3.20","packages":[{{"pkg":{{"name":"x","secfixes":{{"{fixed}":["CVE-2026-0001"]}}}}}}]}}"#
        );
        let headers = format!("last-modified: {date}\r\n");
        scene.server.put("/all.jsonl", Page { headers, ..page(document.into_bytes(), etag) });
    };
    let newest = || scene.store().open().unwrap().feeds().unwrap()[0].fetched;
    put("1.0-r1", "\"1\"", "Sun, 02 Nov 2025 10:00:00 GMT");
    scene.good().await;
    assert_eq!((newest(), scene.state().newest), (Some(1_762_077_600), Some(1_762_077_600)));
    let before = scene.store().open().unwrap().file_bytes().to_vec();
    put("1.0-r0", "\"0\"", "Sat, 01 Nov 2025 10:00:00 GMT");
    let refused = scene.update(Acceptance::Newer).await;
    let told = "ours: its newest record is of 2025-11-01 10:00, that of the last good one is of 2025-11-02 10:00";
    assert_eq!(refused, [told]);
    assert_eq!(scene.store().open().unwrap().file_bytes(), before);
    // Who lost what was known of the feed has the database to go by.
    fs::remove_dir_all(scene.place.path().join("feeds")).unwrap();
    assert_eq!(scene.update(Acceptance::Newer).await, [told]);
    put("1.0-r2", "\"2\"", "Mon, 03 Nov 2025 10:00:00 GMT");
    scene.good().await;
    assert_eq!(newest(), Some(1_762_164_000));
}

/// What is known to be exploited finds nothing by itself, which looks as if nothing were wrong.
#[tokio::test]
async fn scores_alone_are_no_database() {
    let mut scene = Scene::new().await;
    scene.choices.push(format!("scores=kev:{}", scene.server.url("/kev")).parse().unwrap());
    scene.server.put("/kev", page(br#"{"vulnerabilities":[{"cveID":"CVE-2026-0001"}]}"#.to_vec(), "\"1\""));
    let BuildError::Nothing { refusals } = scene.build(Acceptance::Newer).await.unwrap_err() else { panic!() };
    assert_eq!(refusals.iter().map(|(feed, _)| feed.as_str()).collect::<Vec<_>>(), ["ours"]);
    scene.put(lines(1, 1), "\"1\"");
    scene.good().await;
}

#[tokio::test]
async fn a_feed_that_never_came_is_missing() {
    let mut scene = Scene::new().await;
    scene.choices.push(format!("theirs=osv:{}", scene.server.url("/absent.jsonl")).parse().unwrap());
    scene.choices.push(format!("empty=secdb:{}", scene.server.url("/empty.json")).parse().unwrap());
    scene.put(lines(3, 1), "\"1\"");
    scene.server.put("/empty.json", page(br#"{"distroversion":"v3.20","packages":[]}"#.to_vec(), "\"1\""));
    let missing = async || {
        let built = scene.build(Acceptance::Newer).await.unwrap();
        built.missing().map(|(feed, refusal)| format!("{}: {}", feed.name, refusal)).collect::<Vec<_>>()
    };
    let told = format!("theirs: failed to fetch {}", scene.server.url("/absent.jsonl"));
    assert_eq!(missing().await, ["empty: there is no record in it".to_owned(), told]);
    scene.server.put("/absent.jsonl", page(lines(1, 1), "\"1\""));
    assert_eq!(missing().await, ["empty: there is no record in it"]);
    // What was good once stays, and is not missing.
    scene.server.put("/absent.jsonl", Page { fault: Fault::Status("404 Not Found"), ..Page::default() });
    assert_eq!(missing().await, ["empty: there is no record in it"]);
}

#[tokio::test]
async fn an_older_one_is_taken_when_that_is_wanted() {
    let scene = Scene::new().await;
    scene.put(lines(40, 2), "\"1\"");
    scene.good().await;
    scene.put(lines(10, 1), "\"2\"");
    assert_eq!(scene.update(Acceptance::Newer).await.len(), 1);
    assert_eq!(scene.update(Acceptance::Any).await, Vec::<String>::new());
    assert_eq!(scene.records(), 10);
    // It is the last good one now.
    assert_eq!(scene.good().await, ["200 GET /all.jsonl 0", "200 GET /all.jsonl 0", "304 GET /all.jsonl 0"]);
}

#[tokio::test]
async fn one_feed_that_fails_costs_no_other() {
    let mut scene = Scene::new().await;
    scene.choices.push(format!("theirs=osv:{}", scene.server.url("/absent.jsonl")).parse().unwrap());
    scene.put(lines(3, 1), "\"1\"");
    let refused = scene.update(Acceptance::Newer).await;
    assert!(refused.len() == 1 && refused[0].starts_with("theirs: failed to fetch"), "{refused:?}");
    assert_eq!(scene.records(), 3);
}

/// A directory has no copy: the database in use has what it said.
#[tokio::test]
async fn a_directory_that_is_gone_leaves_what_it_said() {
    let mut scene = Scene::new().await;
    let own = scene.place.path().join("own");
    fs::create_dir(&own).unwrap();
    fs::write(own.join("one.json"), lines(1, 1)).unwrap();
    scene.choices.push(format!("directory=osv:{}", own.display()).parse().unwrap());
    scene.put(lines(3, 1), "\"1\"");
    scene.good().await;
    fs::remove_dir_all(&own).unwrap();
    let before = scene.store().open().unwrap().file_bytes().to_vec();
    let refused = scene.update(Acceptance::Newer).await;
    assert!(refused.len() == 1 && refused[0].starts_with("directory: failed to read"), "{refused:?}");
    assert_eq!(scene.store().open().unwrap().file_bytes(), before);
}

/// One that was brought, or whose feeds were asked for before, is not what an update asks for.
#[tokio::test]
async fn what_an_update_does_not_ask_for_stays_as_it_is() {
    let mut scene = Scene::new().await;
    scene.put(lines(3, 1), "\"1\"");
    scene.server.put("/theirs.jsonl", page(lines(5, 2), "\"1\""));
    scene.server.put("/kev", page(br#"{"vulnerabilities":[{"cveID":"CVE-2026-0001"}]}"#.to_vec(), "\"1\""));
    let own = |name: &str, reader: &str, path: &str| -> Choice {
        format!("{name}={reader}:{}", scene.server.url(path)).parse().unwrap()
    };
    let ours = scene.choices[0].clone();
    let (theirs, scores, others) =
        (own("theirs", "osv", "/theirs.jsonl"), own("scores", "kev", "/kev"), own("others", "kev", "/kev"));
    scene.choices = vec![ours.clone(), theirs, scores];
    scene.good().await;
    let whole = scene.store().open().unwrap().file_bytes().to_vec();
    // Nothing has to be there of it but the database.
    fs::remove_dir_all(scene.place.path().join("feeds")).unwrap();
    scene.choices = vec![ours.clone()];
    let built = scene.build(Acceptance::Newer).await.unwrap();
    let kept = |name: &str, records, newest| KeptFeed { name: name.to_owned(), records, newest };
    let scores = kept("scores", 1, built.kept[0].newest);
    assert_eq!((built.kept, built.gone), (vec![scores, kept("theirs", 5, Some(1_793_577_600))], Vec::new()));
    assert!(built.file == whole, "what stays is what it was, byte for byte");
    // Also where nothing comes at all, as without a network.
    scene.server.put("/all.jsonl", Page { fault: Fault::Status("404 Not Found"), ..Page::default() });
    let built = scene.build(Acceptance::Newer).await.unwrap();
    assert!(built.is_of_before() && built.file == whole);
    scene.put(lines(4, 2), "\"2\"");
    let off = |name: &str| -> Choice { format!("-{name}").parse().unwrap() };
    for (choices, kept, gone) in [
        (vec![ours.clone()], &["scores", "theirs"][..], None),
        (vec![ours.clone(), off("theirs")], &["scores"], Some(("theirs", Gone::LeftOut))),
        (vec![ours.clone(), off("absent")], &["scores", "theirs"], None),
        // Of scores there is one feed of a kind.
        (vec![ours, others], &["theirs"], Some(("scores", Gone::Replaced))),
    ] {
        scene.choices = choices;
        let built = scene.build(Acceptance::Newer).await.unwrap();
        assert!(!built.is_of_before());
        let names: Vec<_> = built.kept.iter().map(|feed| feed.name.as_str()).collect();
        let told: Vec<_> = built.gone.iter().map(|(name, why)| (name.as_str(), *why)).collect();
        assert_eq!((names.as_slice(), told), (kept, Vec::from_iter(gone)), "{:?}", scene.choices);
    }
}

/// Documents that came long before are not what is good where the database that was brought since is newer.
#[tokio::test]
async fn what_was_brought_is_the_last_good_one_if_it_is_newer() {
    let scene = Scene::new().await;
    scene.put(lines(3, 1), "\"1\"");
    scene.good().await;
    let elsewhere = Scene::new().await;
    elsewhere.put(lines(9, 5), "\"1\"");
    elsewhere.good().await;
    let brought = elsewhere.store().open().unwrap().file_bytes().to_vec();
    scene.store().import(brought.as_slice(), None, Acceptance::Newer, Fewer::Any).unwrap();
    // A publisher that is behind what was brought is not followed, and neither is one that is not there.
    for (bytes, fault) in [(lines(9, 4), Fault::None), (Vec::new(), Fault::Status("404 Not Found"))] {
        scene.fault(bytes, "\"2\"", fault);
        assert_eq!(scene.update(Acceptance::Newer).await.len(), 1);
        let feeds = scene.store().open().unwrap().feeds().unwrap();
        assert_eq!((feeds[0].fetched, feeds[0].advisories), (Some(1_793_836_800), 9));
    }
    scene.put(lines(9, 6), "\"3\"");
    scene.good().await;
}

#[tokio::test]
async fn a_near_host_must_be_named() {
    let scene = Scene { private_hosts: Vec::new(), ..Scene::new().await };
    scene.put(lines(3, 1), "\"1\"");
    let BuildError::Nothing { refusals } = scene.build(Acceptance::Newer).await.unwrap_err() else { panic!() };
    assert!(refusals[0].1.hint().unwrap().starts_with("`--private-host 127.0.0.1:"));
    assert!(scene.server.asked().is_empty());
}

#[tokio::test]
async fn two_updates_at_once_are_one() {
    let scene = Scene::new().await;
    let _first = scene.cache().lock().unwrap();
    assert!(matches!(scene.cache().lock(), Err(StoreError::Busy { .. })));
}

/// A stop between any two steps leaves each document old or new, and the next update goes on.
#[tokio::test]
async fn whatever_an_update_left_half_done_the_next_one_succeeds() {
    let write = |path: &Path, bytes: &[u8]| {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    let new = lines(4, 2);
    // What has its place under the directory of the document when the power goes.
    let cuts: [(&str, &[u8]); 6] = [
        ("partial", &new[..10]),
        ("partial.json", b"{\"etag\":\"\\\"2\\\"\"}"),
        ("partial.json", b"{\"etag\""),
        ("next/all.jsonl", &new[..50]),
        ("next/all.jsonl", &new),
        ("all.jsonl", &new),
    ];
    for (name, bytes) in cuts {
        let scene = Scene::new().await;
        scene.put(lines(3, 1), "\"1\"");
        scene.good().await;
        let feed = scene.place.path().join("feeds/ours");
        let document = fs::read_dir(&feed).unwrap().map(|entry| entry.unwrap().path()).find(|path| path.is_dir());
        write(&document.unwrap().join(name), bytes);
        write(&feed.join("state.json.next"), b"{");
        assert_eq!(scene.records(), 3, "{name}");
        scene.put(new.clone(), "\"2\"");
        scene.good().await;
        assert_eq!(scene.records(), 4, "{name}");
    }
}

/// As NVD has it: the sum of what is packed stands in a document beside it, which has at most 64 KiB.
#[tokio::test]
async fn a_document_is_held_against_what_is_stated_beside_it() {
    const META_BYTES_MAX: usize = 64 << 10;
    let mut scene = Scene::new().await;
    scene.choices = vec![format!("ours=osv:{}", scene.server.url("/all.json.gz")).parse().unwrap()];
    scene.sums = Some(Sums::Meta);
    let packed = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let stated = |bytes: &[u8]| {
        let sum = hex::encode_upper(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes));
        format!("lastModifiedDate:2026-11-01T00:00:00-05:00\r\nsize:{}\r\nsha256:{sum}\r\n", bytes.len())
    };
    let padded = |text: String, bytes: usize| format!("{}{text}", "x".repeat(bytes - text.len() - 1) + "\n");
    let (one, two) = (lines(1, 1), lines(1, 2));
    let put = |bytes: &[u8], etag, meta: Option<String>| {
        scene.server.put("/all.json.gz", page(packed(bytes), etag));
        let fault = if meta.is_some() { Fault::None } else { Fault::Status("404 Not Found") };
        scene.server.put("/all.meta", Page { fault, ..page(meta.unwrap_or_default().into_bytes(), "") });
    };
    put(&one, "one", Some(stated(&one)));
    assert_eq!(scene.update(Acceptance::Newer).await, Vec::<String>::new());
    for (etag, meta) in [
        ("wrong", Some(stated(&one))),
        ("absent", None),
        ("empty", Some(String::new())),
        ("short", Some("sha256:00\r\n".to_owned())),
        ("long", Some(padded(stated(&two), META_BYTES_MAX + 1))),
    ] {
        put(&two, etag, meta);
        let refused = scene.update(Acceptance::Newer).await;
        assert_eq!(refused.len(), 1, "{etag}: {refused:?}");
        assert_eq!(scene.state().newest, Some(1_793_491_200), "{etag}");
    }
    put(&two, "two", Some(padded(stated(&two), META_BYTES_MAX)));
    assert_eq!(scene.update(Acceptance::Newer).await, Vec::<String>::new());
    assert_eq!(scene.state().newest, Some(1_793_577_600));
}
