use std::collections::BTreeSet;

use pipeline::{Error, Found, Query, Readable};
use testkit::Database;

use crate::support::{DEBIAN, Hub, STATUS, dpkg, name};

fn told(found: &Found) -> String {
    let tags: Vec<&str> = found.tags.iter().map(oci::Tag::as_str).collect();
    let places: Vec<String> = found.places.iter().map(|place| place.location.to_string()).collect();
    let range = if found.in_range == Some(true) { "" } else { " (not ordered)" };
    format!("{}:{} {} {}{range} {}", found.repository, tags.join(","), found.name, found.version, places.join(","))
}

struct Fleet {
    hub: Hub,
}

impl Fleet {
    async fn open(database: Database) -> Self {
        let hub = Hub::open(database).await;
        for (repository, tag, packages) in [
            ("team/api", "1", &[("openssl", "3.0.11-1"), ("zlib1g", "1.2")][..]),
            ("team/api", "2", &[("openssl", "3.0.15-1"), ("zlib1g", "1.2")]),
            ("team/web", "1", &[("openssl", "3.0.11-1"), ("opensc", "0.1")]),
            ("other/job", "1", &[("openssl", "1.1.1w-1")]),
        ] {
            hub.image(repository, tag, &[&[DEBIAN], &[(STATUS, &dpkg(packages))]]).await;
        }
        hub.settle().await;
        Self { hub }
    }

    async fn readable(&self, repositories: &[&str]) -> Readable {
        let mut ids = BTreeSet::new();
        for repository in repositories {
            ids.insert(self.hub.registry.repository_id(&name(repository)).await.unwrap());
        }
        Readable::Repositories(ids)
    }

    async fn check(&self, pattern: &str, range: Option<&str>, readable: &Readable, expected: &[&str]) {
        let query = Query::parse(pattern, range).unwrap();
        // Whatever the size of a page, all pages together are the same list.
        for limit in [100, 1, 2] {
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let page = self.hub.pipeline.find(&query, readable, after.as_deref(), limit).await.unwrap();
                assert!(page.items.len() <= limit);
                found.extend(page.items.iter().map(told));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            found.sort();
            let mut expected: Vec<String> = expected.iter().map(|text| (*text).to_owned()).collect();
            expected.sort();
            assert_eq!(found, expected, "{pattern} {range:?} {limit} a page");
        }
    }
}

testkit::on_both_databases! {
    async fn components_are_found_by_name_package_and_range(database: Database) {
        let fleet = Fleet::open(database).await;
        let all = &Readable::All;
        fleet.check("nothing", None, all, &[]).await;
        fleet.check("open", None, all, &[]).await;
        fleet.check("OpenSSL", None, all, &[
            "other/job:1 openssl 1.1.1w-1 /var/lib/dpkg/status",
            "team/api:1 openssl 3.0.11-1 /var/lib/dpkg/status",
            "team/web:1 openssl 3.0.11-1 /var/lib/dpkg/status",
            "team/api:2 openssl 3.0.15-1 /var/lib/dpkg/status",
        ]).await;
        fleet.check("openssl", Some("<3.0.15"), all, &[
            "other/job:1 openssl 1.1.1w-1 /var/lib/dpkg/status",
            "team/api:1 openssl 3.0.11-1 /var/lib/dpkg/status",
            "team/web:1 openssl 3.0.11-1 /var/lib/dpkg/status",
        ]).await;
        fleet.check("opens*", Some("<1"), all, &["team/web:1 opensc 0.1 /var/lib/dpkg/status"]).await;
        fleet.check("pkg:deb/debian/zlib1g@1.2", None, all, &[
            "team/api:1 zlib1g 1.2 /var/lib/dpkg/status",
            "team/api:2 zlib1g 1.2 /var/lib/dpkg/status",
        ]).await;
        fleet.check("pkg:deb/debian/opensc?arch=arm64", None, all, &[]).await;
        fleet.check("pkg:deb/debian/openss*", Some(">=3.0.12"), all, &["team/api:2 openssl 3.0.15-1 /var/lib/dpkg/status"]).await;
    }

    async fn only_what_the_caller_may_read_is_told(database: Database) {
        let fleet = Fleet::open(database).await;
        fleet.check("openssl", None, &fleet.readable(&[]).await, &[]).await;
        fleet.check("openssl", None, &fleet.readable(&["other/job"]).await, &["other/job:1 openssl 1.1.1w-1 /var/lib/dpkg/status"]).await;
        fleet.check("openssl", None, &fleet.readable(&["team/web", "other/job"]).await, &[
            "other/job:1 openssl 1.1.1w-1 /var/lib/dpkg/status",
            "team/web:1 openssl 3.0.11-1 /var/lib/dpkg/status",
        ]).await;
        fleet.check("opensc", None, &fleet.readable(&["other/job"]).await, &[]).await;
    }

    async fn what_was_deleted_is_found_no_more(database: Database) {
        let fleet = Fleet::open(database).await;
        let registry = &fleet.hub.registry;
        let entry = registry.find_manifest(&name("team/web"), &"1".parse().unwrap()).await.unwrap();
        registry.delete_manifest(&name("team/web"), &entry.digest, "user:ann").await.unwrap();
        registry.delete_repository(&name("other/job"), "user:ann").await.unwrap();
        fleet.check("openssl", Some("<3.0.15"), &Readable::All, &["team/api:1 openssl 3.0.11-1 /var/lib/dpkg/status"]).await;
    }

    async fn a_cursor_is_one_of_this_list(database: Database) {
        let fleet = Fleet::open(database).await;
        let query = Query::parse("openssl", None).unwrap();
        let page = fleet.hub.pipeline.find(&query, &Readable::All, None, 1).await.unwrap();
        let cursor = page.next.unwrap();
        let other = Query::parse("zlib1g", None).unwrap();
        let long = "00".repeat(9000);
        for (query, cursor) in [(&query, ""), (&query, "zz"), (&query, "7b7d"), (&other, &*cursor), (&query, &*long)] {
            let refused = fleet.hub.pipeline.find(query, &Readable::All, Some(cursor), 1).await;
            assert!(matches!(refused, Err(Error::Cursor)), "{cursor}: {refused:?}");
        }
    }
}
