//! What a question costs its asker.

use std::collections::BTreeSet;

use pipeline::{Query, Tagged};
use testkit::Database;
use vulndb::Level;

use super::{Known, says};
use crate::support::{Hub, name, run, sha256};

/// As in the pipeline: with more, what is looked for is not looked for in each image.
const IMAGES_FEW_MAX: i64 = 1024;

db::statements! {
    INSERT_EMPTY_IMAGE = "INSERT INTO inventory_images (digest, state, engine, components, made_at_us) VALUES ($1, 1, 'test', 0, 0)";
    PLACE_EMPTY_IMAGES = "INSERT INTO inventory_placements (repository_id, image_id) SELECT $1, id FROM inventory_images WHERE engine = 'test'";
}

testkit::on_both_databases! {
    /// However much others push under a name, a caller pays for what its own images hold.
    async fn what_others_hold_under_a_name_costs_a_caller_nothing(database: Database) {
        let hub = Hub::open(database).await;
        let manifest = |version: usize| format!(r#"{{"name": "lodash", "version": "4.{version}.0"}}"#);
        let path = |folder: usize| format!("srv/{folder}/node_modules/lodash/package.json");
        for (tag, versions, other) in [("1", 1..=1, "1"), ("2", 2..=4, "2"), ("3", 600..=600, "3")] {
            let files: Vec<(String, String)> = versions.map(|version| (path(version), manifest(version))).collect();
            let mut files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (&**path, &**text)).collect();
            let other = format!(r#"{{"name": "left-pad", "version": "{other}.0.0"}}"#);
            files.push(("srv/node_modules/left-pad/package.json", &other));
            hub.image("team/api", tag, &[&files]).await;
        }
        hub.settle().await;
        hub.advise(&Known::of(&[
            says("CVE-2024-0001", "npm/lodash", "4.3.0", Level::High),
            says("CVE-2024-0002", "npm/lodash", "5.0.0", Level::High),
        ]))
        .await;
        let readable = &hub.only(&["team/api"]).await;
        let asked = [
            ("lodash", None),
            ("lodash", Some("<4.4")),
            ("lodash", Some(">=4.600")),
            ("lod*", Some(">4.1")),
            ("pkg:npm/lodash", None),
            ("pkg:npm/lodash@4.3.0", None),
            ("pkg:npm/lod*", Some("<4.600")),
            ("CVE-2024-0001", None),
            ("CVE-2024-0002", None),
            ("left-pad", None),
        ];
        let told = async |limit: usize| {
            let mut told = Vec::new();
            for (pattern, range) in asked {
                let (query, mut after) = (Query::parse(pattern, range).unwrap(), None);
                hub.faults.count();
                let mut operations = None;
                loop {
                    let images = (readable, Tagged::Any);
                    let page = hub.pipeline.find(&query, images, after.as_deref(), limit).await.unwrap();
                    operations.get_or_insert(hub.faults.operations());
                    for one in page.items {
                        told.push(format!("{pattern}: {} {} in {}", one.name, one.version, one.tags[0]));
                    }
                    after = page.next;
                    if after.is_none() {
                        break;
                    }
                }
                told.push(format!("{pattern}: {}", if operations.unwrap() < 44 { "cheap" } else { "dear" }));
            }
            told
        };
        let before = told(100).await;
        assert_eq!(before.iter().filter(|told| told.starts_with("lodash: lodash")).count(), 5 + 3 + 1);
        assert_eq!(before.iter().filter(|told| told.starts_with("CVE-2024-0002: lodash")).count(), 5);
        let files: Vec<(String, String)> = (1..=2000).map(|version| (path(version), manifest(version))).collect();
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (&**path, &**text)).collect();
        hub.image("other/job", "1", &[&files]).await;
        hub.settle().await;
        for limit in [100, 1, 2] {
            assert_eq!(told(limit).await, before, "{limit}");
        }
        // With so many images they are not looked at one by one.
        let id = hub.registry.repository_id(&name("team/api")).await.unwrap().number();
        for image in 0..=IMAGES_FEW_MAX {
            let digest = sha256(&image.to_le_bytes());
            run(&hub.index, &INSERT_EMPTY_IMAGE, vec![digest.to_bytes().into()]).await;
        }
        run(&hub.index, &PLACE_EMPTY_IMAGES, vec![id.into()]).await;
        for limit in [100, 1, 2] {
            assert_eq!(told(limit).await, before, "{limit}");
        }
    }

    /// What a caller's own images hold is walked in parts, where it is more than is held in memory.
    async fn what_a_caller_holds_much_of_is_found_whole(database: Database) {
        const VERSIONS: usize = 3_200;
        let hub = Hub::open(database).await;
        let files: Vec<(String, String)> = (0..VERSIONS)
            .map(|version| {
                let manifest = format!(r#"{{"name": "lodash", "version": "4.{version}.0"}}"#);
                (format!("srv/{version}/node_modules/lodash/package.json"), manifest)
            })
            .collect();
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (&**path, &**text)).collect();
        hub.image("team/api", "1", &[&files]).await;
        hub.image("other/job", "1", &[&files]).await;
        hub.settle().await;
        hub.advise(&Known::of(&[says("CVE-2024-0001", "npm/lodash", "5.0.0", Level::High)])).await;
        let readable = &hub.only(&["team/api"]).await;
        for (pattern, range, expected) in
            [("lodash", None, VERSIONS), ("lodash", Some(">=4.3199"), 1), ("lodash", Some(">5"), 0), ("CVE-2024-0001", None, VERSIONS)]
        {
            for limit in [1_000, 2 * VERSIONS] {
                let (query, mut after) = (Query::parse(pattern, range).unwrap(), None);
                let mut found = BTreeSet::new();
                let mut items = 0;
                loop {
                    let page = hub.pipeline.find(&query, (readable, Tagged::Any), after.as_deref(), limit).await.unwrap();
                    items += page.items.len();
                    found.extend(page.items.into_iter().map(|one| (one.version, one.repository.to_string())));
                    after = page.next;
                    if after.is_none() {
                        break;
                    }
                }
                assert_eq!((items, found.len()), (expected, expected), "{pattern} {range:?} {limit}");
            }
        }
    }
}
