use std::collections::BTreeSet;

use pipeline::{Error, Found, Query, Readable, Tagged};
use testkit::Database;

use crate::support::{DEBIAN, Hub, STATUS, dpkg, name, run, sha256};

/// Above this many images of a caller, each component's images are walked.
const IMAGES_FEW_MAX: i64 = 1024;

db::statements! {
    INSERT_IMAGE = "INSERT INTO inventory_images (digest, state, engine, components, made_at_us) VALUES ($1, 1, 'test', 0, 0)";
    DELETE_PLACEMENTS = "DELETE FROM inventory_placements WHERE image_id IN (SELECT id FROM inventory_images WHERE engine = 'test')";
    INSERT_PLACEMENTS = "INSERT INTO inventory_placements (repository_id, image_id) \
        SELECT $1, id FROM inventory_images WHERE engine = 'test'";
}

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
        self.check_in(pattern, range, (readable, Tagged::Any), expected).await;
    }

    async fn check_in(&self, pattern: &str, range: Option<&str>, images: (&Readable, Tagged), expected: &[&str]) {
        let query = Query::parse(pattern, range).unwrap();
        // Whatever the size of a page, all pages together are the same list.
        for limit in [100, 1, 2] {
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let page = self.hub.pipeline.find(&query, images, after.as_deref(), limit).await.unwrap();
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
            assert_eq!(found, expected, "{pattern} {range:?} {limit} a page, {images:?}");
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

    async fn packages_of_python_are_found_however_their_names_are_written(database: Database) {
        let fleet = Fleet::open(database).await;
        let python = "usr/lib/python3/dist-packages/ruamel.yaml-0.17.21.dist-info/METADATA";
        let node = "srv/node_modules/ruamel.yaml/package.json";
        fleet.hub.image("other/job", "2", &[&[
            (python, "Metadata-Version: 2.1\nName: ruamel.yaml\nVersion: 0.17.21\n"),
            (node, r#"{"name": "ruamel.yaml", "version": "1.0.0"}"#),
        ]]).await;
        fleet.hub.settle().await;
        let of_python = "other/job:2 ruamel-yaml 0.17.21 /usr/lib/python3/dist-packages/ruamel.yaml-0.17.21.dist-info/METADATA";
        let of_node = "other/job:2 ruamel.yaml 1.0.0 /srv/node_modules/ruamel.yaml/package.json";
        let all = &Readable::All;
        let readable = &fleet.readable(&["other/job"]).await;
        for (pattern, range, expected) in [
            ("ruamel.yaml", None, &[of_python, of_node][..]),
            ("Ruamel.YAML", Some(">=0.17"), &[of_python, of_node]),
            ("ruamel.yaml", Some("<1"), &[of_python]),
            ("ruamel.*", None, &[of_python, of_node]),
            ("ruamel*", None, &[of_python, of_node]),
            ("ruamel-yaml", None, &[of_python]),
            ("ruamel_yaml", None, &[of_python]),
            ("ruamel__*", None, &[of_python]),
            ("ruamel--*", None, &[]),
            ("pkg:pypi/ruamel.yaml", None, &[of_python]),
            ("pkg:pypi/Ruamel_Yaml@0.17.21", None, &[of_python]),
            ("pkg:pypi/ruamel.*", None, &[of_python]),
            ("pkg:npm/ruamel.yaml", None, &[of_node]),
            ("pkg:npm/ruamel_yaml", None, &[]),
        ] {
            fleet.check(pattern, range, all, expected).await;
            fleet.check(pattern, range, readable, expected).await;
        }
    }

    async fn a_range_that_nothing_of_the_name_has_is_refused(database: Database) {
        let fleet = Fleet::open(database).await;
        let hub = &fleet.hub;
        let metadata = ("usr/lib/python3/dist-packages/opensc-2.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: opensc\nVersion: 2.0\n");
        hub.image("other/job", "2", &[&[metadata]]).await;
        hub.settle().await;
        let all = &Readable::All;
        // Of Python's packages and Debian's, the latter has no such range.
        fleet.check("opensc", Some("~=2.0"), all, &[
            "other/job:2 opensc 2.0 /usr/lib/python3/dist-packages/opensc-2.0.dist-info/METADATA",
        ]).await;
        fleet.check("opensc", Some("~=3.0"), all, &[]).await;
        fleet.check("opensc", Some("vers:deb/<1"), all, &["team/web:1 opensc 0.1 /var/lib/dpkg/status"]).await;
        fleet.check("pkg:deb/debian/opensc", Some("vers:deb/>1"), all, &[]).await;
        let refusal = async |pattern: &str, range: &str, readable: &Readable| {
            let query = Query::parse(pattern, Some(range)).unwrap();
            match hub.pipeline.find(&query, (readable, Tagged::Any), None, 10).await {
                Ok(page) => format!("{} found", page.items.len()),
                Err(error) => error.to_string(),
            }
        };
        let told = "what goes by this name is of `pkg:deb`, which has no such range";
        let team = fleet.readable(&["team/web"]).await;
        for (pattern, range, readable, expected) in [
            ("openssl", "~=2.0", all, told),
            ("open*", "vers:npm/<2.0.0", all, told),
            ("opensc", "~=3.0", &team, told),
            // What a caller may not read tells nothing.
            ("opensc", "~=3.0", &fleet.readable(&[]).await, "0 found"),
            ("nothing", "~=3.0", all, "0 found"),
        ] {
            assert_eq!(refusal(pattern, range, readable).await, expected, "{pattern} {range}");
        }
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
        fleet.check("openssl", Some(">9"), &fleet.readable(&["other/job"]).await, &[]).await;
    }

    async fn who_may_read_many_images_is_told_the_same(database: Database) {
        let fleet = Fleet::open(database).await;
        let readable = fleet.readable(&["team/api", "team/web"]).await;
        let id = fleet.hub.registry.repository_id(&name("team/api")).await.unwrap().number();
        let mut images = 3;
        for most in [IMAGES_FEW_MAX - 1, IMAGES_FEW_MAX, IMAGES_FEW_MAX + 1] {
            while images < most {
                let digest = sha256(&images.to_le_bytes());
                run(&fleet.hub.index, &INSERT_IMAGE, vec![digest.to_bytes().into()]).await;
                images += 1;
            }
            run(&fleet.hub.index, &DELETE_PLACEMENTS, vec![]).await;
            run(&fleet.hub.index, &INSERT_PLACEMENTS, vec![id.into()]).await;
            fleet.check("openssl", Some("<3.0.15"), &readable, &[
                "team/api:1 openssl 3.0.11-1 /var/lib/dpkg/status",
                "team/web:1 openssl 3.0.11-1 /var/lib/dpkg/status",
            ]).await;
            fleet.check("opensc", None, &fleet.readable(&["team/api"]).await, &[]).await;
        }
    }

    /// Few images of a caller are looked at one by one, of more each component's are walked, in the order of all.
    async fn tagged_images_and_the_others_are_found_apart(database: Database) {
        let fleet = Fleet::open(database).await;
        let hub = &fleet.hub;
        for (tag, packages) in [("1", &[("tar", "1")][..]), ("3", &[("openssl", "3.0.11-1")]), ("3", &[("tar", "2")])] {
            hub.image("team/api", tag, &[&[DEBIAN], &[(STATUS, &dpkg(packages))]]).await;
        }
        hub.settle().await;
        let readable = fleet.readable(&["team/api", "team/web"]).await;
        let id = hub.registry.repository_id(&name("team/api")).await.unwrap().number();
        let tagged = [
            "team/api:2 openssl 3.0.15-1 /var/lib/dpkg/status",
            "team/web:1 openssl 3.0.11-1 /var/lib/dpkg/status",
        ];
        let others = ["team/api: openssl 3.0.11-1 /var/lib/dpkg/status"; 2];
        let of_another = "other/job:1 openssl 1.1.1w-1 /var/lib/dpkg/status";
        for many in [false, true] {
            if many {
                for image in 0..=IMAGES_FEW_MAX {
                    let digest = sha256(&image.to_le_bytes());
                    run(&hub.index, &INSERT_IMAGE, vec![digest.to_bytes().into()]).await;
                }
                run(&hub.index, &INSERT_PLACEMENTS, vec![id.into()]).await;
            }
            for (readable, more) in [(&readable, &[][..]), (&Readable::All, &[of_another][..])] {
                let of = |parts: &[&[&'static str]]| parts.concat();
                fleet.check_in("openssl", None, (readable, Tagged::Yes), &of(&[&tagged[..], more])).await;
                fleet.check_in("openssl", None, (readable, Tagged::No), &others).await;
                fleet.check_in("openssl", None, (readable, Tagged::Any), &of(&[&tagged[..], &others[..], more])).await;
            }
            fleet.check_in("zlib1g", None, (&readable, Tagged::Yes), &["team/api:2 zlib1g 1.2 /var/lib/dpkg/status"]).await;
            fleet.check_in("opensc", None, (&readable, Tagged::No), &[]).await;
        }
    }

    async fn a_component_is_told_in_so_many_places(database: Database) {
        let hub = Hub::open(database).await;
        let lock = r#"{"name":"app","lockfileVersion":3,"packages":{"":{"dependencies":{"a":"1"}},"node_modules/a":{"version":"1.0.0"}}}"#;
        let tags = (0..12).map(|number| format!("t{number:02}"));
        let counts = [("15", 15), ("16", 16), ("17", 17)].map(|(tag, count)| (tag.to_owned(), count));
        for (tag, count) in counts.into_iter().chain(tags.map(|tag| (tag, 15))) {
            let tag = tag.as_str();
            let paths: Vec<String> = (0..count).map(|number| format!("app{number:02}/package-lock.json")).collect();
            let files: Vec<(&str, &str)> = paths.iter().map(|path| (&**path, lock)).collect();
            hub.image("team/api", tag, &[&files]).await;
        }
        hub.settle().await;
        let query = Query::parse("pkg:npm/a", None).unwrap();
        let found = hub.pipeline.find(&query, (&Readable::All, Tagged::Any), None, 10).await.unwrap().items;
        let mut places: Vec<(&str, usize, u64)> = found
            .iter()
            .map(|found| (found.tags[0].as_str(), found.places.len(), found.places_total))
            .collect();
        places.sort_unstable();
        assert_eq!(places, [("15", 15, 15), ("16", 16, 16), ("17", 16, 17)]);
        let tags: Vec<(usize, u64)> = found.iter().map(|found| (found.tags.len(), found.tags_total)).collect();
        assert!(tags.contains(&(10, 13)) && tags.contains(&(1, 1)), "{tags:?}");
    }

    /// Holders are counted before they are fetched where they may be many: these are too many, and those are few.
    async fn names_that_many_images_have_and_names_of_one_each_are_found(database: Database) {
        const IMAGES: usize = 20;
        let hub = Hub::open(database).await;
        let shared: Vec<String> = (0..16).map(|number| format!("lib-{number:02}")).collect();
        for image in 0..IMAGES {
            let own = format!("own-{image:02}");
            let packages: Vec<(&str, &str)> = shared.iter().chain([&own]).map(|name| (name.as_str(), "1")).collect();
            hub.image("team/api", &format!("t{image:02}"), &[&[DEBIAN, (STATUS, &dpkg(&packages))]]).await;
        }
        hub.image("other/job", "1", &[&[DEBIAN, (STATUS, &dpkg(&[("lib-00", "1"), ("own-00", "1")]))]]).await;
        hub.settle().await;
        let team = Readable::Repositories(BTreeSet::from([hub.registry.repository_id(&name("team/api")).await.unwrap()]));
        for (query, expected) in [("lib-*", 16 * IMAGES), ("own-*", IMAGES), ("lib-00", IMAGES), ("own-00", 1)] {
            let parsed = Query::parse(query, None).unwrap();
            let found = hub.pipeline.find(&parsed, (&team, Tagged::Any), None, 1_000).await.unwrap().items;
            let told: BTreeSet<(String, oci::Digest)> =
                found.iter().map(|found| (found.name.clone(), found.image)).collect();
            assert_eq!((found.len(), told.len()), (expected, expected), "{query}");
            assert!(found.iter().all(|found| found.places_total == 1 && found.places.len() == 1), "{query}");
        }
    }

    async fn an_image_has_the_tags_of_the_indexes_that_list_it(database: Database) {
        let hub = Hub::open(database).await;
        let status = dpkg(&[("openssl", "3.0.11-1")]);
        let image = hub.image("team/api", "one", &[&[DEBIAN, (STATUS, &status)]]).await;
        let mut above = hub.index_of("team/api", "multi", &[image]).await;
        assert_eq!(hub.index_of("team/api", "same", &[image]).await, above);
        // The first of these lists the image by itself and through an index.
        above = hub.index_of("team/api", "level-2", &[above, image]).await;
        for level in 3..=5 {
            above = hub.index_of("team/api", &format!("level-{level}"), &[above]).await;
        }
        hub.image("team/other", "elsewhere", &[&[DEBIAN, (STATUS, &status)]]).await;
        hub.settle().await;
        let query = Query::parse("openssl", None).unwrap();
        let found = hub.pipeline.find(&query, (&Readable::All, Tagged::Any), None, 10).await.unwrap().items;
        let mut told: Vec<String> = found
            .iter()
            .map(|found| {
                let tags: Vec<&str> = found.tags.iter().map(oci::Tag::as_str).collect();
                format!("{} {} of {}", found.repository, tags.join(" "), found.tags_total)
            })
            .collect();
        told.sort_unstable();
        // The last index is too far up.
        assert_eq!(told, ["team/api level-2 level-3 level-4 multi one same of 6", "team/other elsewhere of 1"]);
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
        let page = fleet.hub.pipeline.find(&query, (&Readable::All, Tagged::Any), None, 1).await.unwrap();
        let cursor = page.next.unwrap();
        let other = Query::parse("zlib1g", None).unwrap();
        let long = "00".repeat(9000);
        for (query, cursor) in [(&query, ""), (&query, "zz"), (&query, "7b7d"), (&other, &*cursor), (&query, &*long)] {
            let refused = fleet.hub.pipeline.find(query, (&Readable::All, Tagged::Any), Some(cursor), 1).await;
            assert!(matches!(refused, Err(Error::Cursor)), "{cursor}: {refused:?}");
        }
    }
}
