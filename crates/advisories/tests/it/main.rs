//! The hub's database of advisories, on both databases.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use advisories::{Advisories, Artifact, Error, Options, REPOSITORY, TAG};
use bytes::Bytes;
use db::{Config, Db};
use feeds::{Acceptance, Fewer, Store};
use identity::{MasterKey, Secret};
use registry::Registry;
use tempfile::TempDir;
use tenancy::Tenancy;
use testkit::Database;
use vulndb::file::{Builder, Feed};
use vulndb::{Advisory, Records};

/// Replicas on one database and one directory of blobs, each with a store of its own.
struct Hub {
    registry: Registry,
    tenancy: Tenancy,
    directory: TempDir,
    /// Who was given which database.
    given: Arc<Mutex<Vec<String>>>,
    _database: Database,
}

impl Hub {
    async fn new(database: Database) -> Self {
        let config = match &database {
            Database::Sqlite(file) => Config::Sqlite { path: file.path().to_owned() },
            Database::Postgres(database) => Config::Postgres { url: database.url().to_owned() },
        };
        let directory = tempfile::tempdir().unwrap();
        let db = Db::open(&config).await.unwrap();
        let tenancy =
            Tenancy::new(db.clone(), MasterKey::from_bytes(b"a master key for tests, 32 bytes").unwrap()).unwrap();
        tenancy.bootstrap(Some(Secret::new("a password of the admin".to_owned()))).await.unwrap();
        let registry = Registry::new(db, blobs::Blobs::open(directory.path()).unwrap(), registry::Options::default());
        Self { registry, tenancy, directory, given: Arc::default(), _database: database }
    }

    fn replica(&self, name: &'static str) -> Advisories {
        self.replica_that(name, |_| Ok(()))
    }

    fn replica_that(&self, name: &'static str, takes: fn(usize) -> Result<(), &'static str>) -> Advisories {
        let given = Arc::clone(&self.given);
        let options = Options {
            store: Store::new(self.directory.path().join(name)),
            daily: false,
            choices: Vec::new(),
            fetching: outbound::FeedOptions {
                private_hosts: Vec::new(),
                ca_file: None,
                pause: Duration::ZERO,
                bytes_max: 1 << 20,
                time_max: Duration::from_mins(1),
                silence_max: Duration::from_mins(1),
            },
            on_database: Arc::new(move |digest, database| {
                let mut given = given.lock().unwrap();
                assert_eq!(digest, digest_of(database.file_bytes()));
                given.push(format!("{name} {}", database.advisory_count().unwrap()));
                let answer = takes(given.len()).map_err(Into::into);
                Box::pin(async move { answer })
            }),
        };
        Advisories::new(self.registry.clone(), self.tenancy.clone(), options)
    }

    fn given(&self) -> Vec<String> {
        std::mem::take(&mut self.given.lock().unwrap())
    }

    async fn artifact(&self) -> Artifact {
        let reference = oci::Reference::Tag(TAG.parse().unwrap());
        let entry = self.registry.find_manifest(&REPOSITORY.parse().unwrap(), &reference).await.unwrap();
        Artifact::parse(&entry.body).unwrap()
    }
}

fn digest_of(bytes: &[u8]) -> String {
    hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes))
}

/// A database of so many records, whose texts do not pack well.
fn database(count: usize) -> Vec<u8> {
    database_of(count, NEWEST)
}

const NEWEST: i64 = 1_700_000_000;

fn database_of(count: usize, newest: i64) -> Vec<u8> {
    database_of_feed("ours", count, newest)
}

fn database_of_feed(name: &str, count: usize, newest: i64) -> Vec<u8> {
    let feed = Feed {
        name: name.to_owned(),
        reader: "osv".to_owned(),
        address: String::new(),
        fetched: Some(newest),
        advisories: 0,
        problems: Vec::new(),
    };
    let advisory = |number: usize| Advisory {
        id: format!("GHSA-{number}"),
        details: digest_of(&number.to_le_bytes()),
        ..Advisory::default()
    };
    let mut builder = Builder::new();
    builder.add(feed, Records { advisories: (0..count).map(advisory).collect(), ..Records::default() });
    builder.finish().unwrap()
}

async fn take(advisories: &Advisories, bytes: Vec<u8>) -> Result<String, Error> {
    take_even(advisories, bytes, Acceptance::Newer, Fewer::NONE).await
}

async fn take_even(
    advisories: &Advisories,
    bytes: Vec<u8>,
    acceptance: Acceptance,
    fewer: Fewer<'_>,
) -> Result<String, Error> {
    advisories.take(futures_util::stream::iter([Ok::<_, Infallible>(Bytes::from(bytes))]), acceptance, fewer).await
}

testkit::on_both_databases! {
    /// What one replica publishes, all use; each step leads on from the one before it.
    async fn what_is_brought_is_published_and_followed(database: Database) {
        let hub = Hub::new(database).await;
        let (first, second) = (hub.replica("first"), hub.replica("second"));
        first.follow().await.unwrap();
        assert_eq!(hub.given(), Vec::<String>::new());
        let one = self::database(100);
        assert_eq!(take(&first, one.clone()).await.unwrap(), digest_of(&one));
        assert_eq!(hub.given(), ["first 100"]);
        assert_eq!(hub.artifact().await.deltas, []);
        second.follow().await.unwrap();
        second.follow().await.unwrap();
        assert_eq!(hub.given(), ["second 100"]);
        // Packed this time, and by the other.
        let two = self::database(101);
        take(&second, zstd::bulk::compress(&two, 1).unwrap()).await.unwrap();
        first.follow().await.unwrap();
        assert_eq!(hub.given(), ["second 101", "first 101"]);
        take(&first, self::database(102)).await.unwrap();
        let artifact = hub.artifact().await;
        assert_eq!(artifact.way_from(&digest_of(&one)).map(|way| way.len()), Some(2));
        assert_eq!(first.status().unwrap().digest.unwrap(), artifact.database.digest);
        // The same once more changes nothing.
        take(&first, self::database(102)).await.unwrap();
        assert_eq!((hub.artifact().await, hub.given()), (artifact, vec!["first 102".to_owned()]));
    }

    async fn what_is_no_database_changes_nothing(database: Database) {
        let hub = Hub::new(database).await;
        let first = hub.replica("first");
        let good = self::database(3);
        take(&first, good.clone()).await.unwrap();
        let before = hub.artifact().await;
        let mut damaged = good.clone();
        damaged[4400] ^= 1;
        for bad in [Vec::new(), b"no database".to_vec(), good[..good.len() - 1].to_vec(), damaged, vec![0x28, 0xb5, 0x2f, 0xfd, 1]] {
            assert!(matches!(take(&first, bad).await, Err(Error::Refused(_))));
        }
        assert_eq!(hub.artifact().await, before);
        assert_eq!(first.status().unwrap().digest.unwrap(), digest_of(&good));
    }

    /// What is older than what any replica published is refused by each of them, and followed where it was meant.
    async fn an_older_database_is_taken_only_if_that_is_meant(database: Database) {
        let hub = Hub::new(database).await;
        let (first, second) = (hub.replica("first"), hub.replica("second"));
        let (old, new) = (database_of(2, NEWEST - 1), database_of(3, NEWEST));
        take(&first, old.clone()).await.unwrap();
        take(&first, new.clone()).await.unwrap();
        let before = hub.artifact().await;
        for replica in [&first, &second] {
            let error = take(replica, old.clone()).await.unwrap_err();
            assert!(matches!(error, Error::Older(_)), "{error}");
            assert_eq!(replica.status().unwrap().digest.unwrap(), digest_of(&new));
        }
        assert_eq!(hub.artifact().await, before);
        take_even(&second, old.clone(), Acceptance::Any, Fewer::NONE).await.unwrap();
        first.follow().await.unwrap();
        assert_eq!(first.status().unwrap().digest.unwrap(), digest_of(&old));
    }

    /// What is dated after all that can be stands in nobody's way, and makes nothing new.
    async fn a_database_of_the_future_is_no_newer(database: Database) {
        let hub = Hub::new(database).await;
        let first = hub.replica("first");
        take(&first, database_of(2, 4_070_908_800)).await.unwrap();
        assert_eq!(first.status().unwrap().newest(), None);
        take(&first, self::database(3)).await.unwrap();
        assert_eq!((hub.given(), first.status().unwrap().newest()), (vec!["first 2".to_owned(), "first 3".to_owned()], Some(NEWEST)));
    }

    /// What would lose feeds that any replica published is refused by each of them, however old they are, and followed where it was meant.
    async fn a_database_with_fewer_feeds_is_taken_only_if_that_is_meant(database: Database) {
        let hub = Hub::new(database).await;
        let (first, second) = (hub.replica("first"), hub.replica("second"));
        let (ours, theirs) = (self::database(2), database_of_feed("theirs", 3, NEWEST));
        take(&first, ours.clone()).await.unwrap();
        let before = hub.artifact().await;
        for replica in [&first, &second] {
            for acceptance in [Acceptance::Newer, Acceptance::Any] {
                let error = take_even(replica, theirs.clone(), acceptance, Fewer::NONE).await.unwrap_err();
                assert!(matches!(&error, Error::Lacking(lacking) if lacking.feeds == ["ours"]), "{error}");
                assert_eq!(replica.status().unwrap().digest.unwrap(), digest_of(&ours));
            }
        }
        assert_eq!(hub.artifact().await, before);
        take_even(&second, theirs.clone(), Acceptance::Newer, Fewer::Any).await.unwrap();
        first.follow().await.unwrap();
        assert_eq!(first.status().unwrap().digest.unwrap(), digest_of(&theirs));
    }

    /// Whoever matches is given a database until it takes it, and at each start.
    async fn whoever_matches_is_given_it_until_it_takes_it(database: Database) {
        let hub = Hub::new(database).await;
        let first = hub.replica_that("first", |times| if times < 4 { Err("not yet") } else { Ok(()) });
        // Before it is published, and after.
        assert!(matches!(take(&first, self::database(3)).await, Err(Error::Match(_))));
        assert_eq!(hub.artifact().await.database.digest, digest_of(&self::database(3)));
        assert!(matches!(first.follow().await, Err(Error::Match(_))));
        first.follow().await.unwrap();
        first.follow().await.unwrap();
        assert_eq!(hub.given(), ["first 3"; 4]);
        let restarted = hub.replica("first");
        assert_eq!(restarted.current().unwrap().advisory_count().unwrap(), 3);
        restarted.follow().await.unwrap();
        assert_eq!(hub.given(), ["first 3"]);
    }

    /// What is new is in use before it is published. Where that fails, what is published comes back.
    async fn what_cannot_be_published_does_not_stay(database: Database) {
        let hub = Hub::new(database).await;
        let first = hub.replica("first");
        take(&first, self::database(3)).await.unwrap();
        let (blobs, away) = (hub.directory.path().join("blobs/sha256"), hub.directory.path().join("away"));
        std::fs::rename(&blobs, &away).unwrap();
        std::fs::write(&blobs, "no directory").unwrap();
        take(&first, self::database(4)).await.unwrap_err();
        assert_eq!(hub.given(), ["first 3", "first 4"]);
        std::fs::remove_file(&blobs).unwrap();
        std::fs::rename(&away, &blobs).unwrap();
        first.follow().await.unwrap();
        assert_eq!(hub.given(), ["first 3"]);
        assert_eq!(first.status().unwrap().digest.unwrap(), digest_of(&self::database(3)));
    }

    /// What a stop between import and use left behind is used at the next start.
    async fn a_damaged_store_is_filled_again(database: Database) {
        let hub = Hub::new(database).await;
        take(&hub.replica("first"), self::database(3)).await.unwrap();
        std::fs::write(hub.directory.path().join("first/current"), "nonsense").unwrap();
        let restarted = hub.replica("first");
        assert!(restarted.current().is_none());
        restarted.follow().await.unwrap();
        assert_eq!(restarted.current().unwrap().advisory_count().unwrap(), 3);
    }
}
