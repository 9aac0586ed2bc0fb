use std::collections::BTreeSet;
use std::time::Duration;

use oci::image_config::LAYERS_MAX;
use oci::{Digest, Reference, media_type};
use pipeline::{Limits, Options, Query, Readable, State, Tagged};
use serde_json::{Value, json};
use testkit::Database;

use crate::support::{
    COUNT_FACTS, COUNT_INVENTORIES, DEBIAN, Hub, REFUSE_DOCUMENTS, STATUS, WANT_DOCUMENTS, count, dpkg, name, query,
    run, sha256,
};

db::statements! {
    INSERT_LAYER = "INSERT INTO inventory_layers (digest, engine, size_bytes, used_at_us, body) VALUES ($1, 'test', $2, $3, $1)";
    DELETE_LAYERS = "DELETE FROM inventory_layers";
    FIND_LAYER_SIZE = "SELECT size_bytes FROM inventory_layers WHERE digest = $1";
    LIST_LAYERS = "SELECT used_at_us FROM inventory_layers ORDER BY used_at_us";
    REPLACE_INVENTORY = "UPDATE inventories SET body = (SELECT v.body FROM inventories v JOIN inventory_images i ON i.id = v.image_id \
        WHERE i.digest = $2) WHERE image_id = (SELECT id FROM inventory_images WHERE digest = $1)";
    MADE_LATER = "UPDATE inventory_images SET made_at_us = made_at_us + 1 WHERE digest = $1";
    DELETE_INVENTORIES = "DELETE FROM inventories";
    KEPT_BEFORE = "UPDATE inventory_images SET engine = $2, release = NULL, components = 0 WHERE digest = $1";
    FORGET_PLACES = "UPDATE inventories SET places = $1";
    FIND_KEPT_AS = "SELECT engine FROM inventory_images WHERE digest = $1";
    COUNT_LAYERS = "SELECT COUNT(*) FROM inventory_layers";
    SWEEP_NOW = "UPDATE jobs SET not_before_us = 0 WHERE kind = 'inventory.sweep' AND state = 'pending'";
}

/// Layers' records that are kept, in bytes.
const LAYERS_BYTES_MAX: i64 = 2 << 30;

/// Adds a hard link to a layer (POSIX ustar).
fn with_hard_link(mut layer: Vec<u8>, path: &str, target: &str) -> Vec<u8> {
    let mut header = testkit::layer([(path, "")])[..512].to_vec();
    header[156] = b'1';
    header[157..157 + target.len()].copy_from_slice(target.as_bytes());
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let end = layer.len() - 1024;
    layer.splice(end..end, header);
    layer
}

testkit::on_both_databases! {
    async fn what_was_read_of_layers_is_kept_up_to_a_size(database: Database) {
        let hub = Hub::open(database).await;
        hub.settle().await;
        for (excess, kept) in [(-1, &[1, 2, 3][..]), (0, &[1, 2, 3]), (1, &[2, 3])] {
            run(&hub.index, &DELETE_LAYERS, vec![]).await;
            for (used_at_us, size_bytes) in [(1_i64, LAYERS_BYTES_MAX / 2), (2, LAYERS_BYTES_MAX / 4), (3, LAYERS_BYTES_MAX / 4 + excess)] {
                let digest = sha256(&used_at_us.to_le_bytes()).to_bytes();
                run(&hub.index, &INSERT_LAYER, vec![digest.into(), size_bytes.into(), used_at_us.into()]).await;
            }
            run(&hub.db, &SWEEP_NOW, vec![]).await;
            hub.settle().await;
            let rows = query(&hub.index, &LIST_LAYERS, vec![]).await;
            let found: Vec<i64> = rows.iter().map(|row| row.get(0).unwrap()).collect();
            assert_eq!(found, kept, "{excess}");
        }
    }

    async fn what_was_read_of_a_layer_is_kept_up_to_a_size(database: Database) {
        let hub = Hub::open(database).await;
        let status = dpkg(&[("openssl", "3.0.11-1"), ("zlib1g", "1:1.2.13")]);
        let shared: &[(&str, &str)] = &[DEBIAN, (STATUS, &status)];
        let layer = sha256(&testkit::layer(shared.iter().copied()));
        // A layer is known by its blob and its diff-ID, which are the same where nothing is compressed.
        let digest = sha256(format!("{layer} {layer}").as_bytes()).to_bytes();
        let kept = async |hub: &Hub, tag: &str| {
            run(&hub.index, &DELETE_LAYERS, vec![]).await;
            let image = hub.image("team/api", tag, &[shared, &[(tag, "")]]).await;
            hub.settle().await;
            assert_eq!(hub.pipeline.find_image(image).await.unwrap().unwrap().state, State::Made);
            query(&hub.index, &FIND_LAYER_SIZE, vec![digest.clone().into()]).await.first().map(|row| row.get::<i64>(0).unwrap())
        };
        let size_bytes = kept(&hub, "first").await.unwrap();
        let size = usize::try_from(size_bytes).unwrap();
        let mut hub = hub;
        for (limit, expected) in [(size + 1, Some(size_bytes)), (size, Some(size_bytes)), (size - 1, None)] {
            let limits = Limits { layer_bytes: limit, ..Limits::default() };
            hub = hub.with_options(Options { limits, ..Options::default() });
            assert_eq!(kept(&hub, &limit.to_string()).await, expected, "{limit}");
        }
    }

    async fn a_layer_is_read_again_where_a_hard_link_needs_it(database: Database) {
        let hub = Hub::open(database).await;
        let layer = with_hard_link(testkit::layer([DEBIAN, ("store", &dpkg(&[("a", "1")]))]), STATUS, "store");
        let image = hub.image_of("team/api", "1", std::slice::from_ref(&layer), std::slice::from_ref(&layer)).await;
        hub.settle().await;
        let found = hub.pipeline.find_image(image).await.unwrap().unwrap();
        assert_eq!((found.state, found.components), (State::Made, 1));
    }

    async fn an_image_that_takes_too_long_is_refused(database: Database) {
        let limits = Limits { image_time: Duration::ZERO, ..Limits::default() };
        let hub = Hub::open_with(database, true, Options { limits, ..Options::default() }).await;
        let image = hub.image("team/api", "1", &[&[DEBIAN]]).await;
        hub.settle().await;
        let refused = hub.pipeline.find_image(image).await.unwrap().unwrap().state;
        assert_eq!(refused, State::Refused("reading it takes longer than 0 minutes".to_owned()));
        // What is in time is read to its end, and what was refused is looked at again.
        let patient = hub.with_options(Options::default());
        assert_eq!(patient.image("team/api", "1", &[&[DEBIAN]]).await, image);
        patient.settle().await;
        assert_eq!(patient.pipeline.find_image(image).await.unwrap().unwrap().state, State::Made);
    }

    async fn an_image_has_a_largest_number_of_layers(database: Database) {
        let hub = Hub::open(database).await;
        let layer = testkit::layer([(STATUS, &*dpkg(&[("a", "1")]))]);
        let image = async |layers: usize| {
            let diff_id = hub.blob("team/api", &layer).await;
            let config = json!({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": vec![diff_id; layers]}});
            let config = config.to_string();
            let config_digest = hub.blob("team/api", config.as_bytes()).await;
            let described = json!({"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": diff_id, "size": layer.len()});
            let document = json!({
                "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "layers": vec![described; layers],
                "config": {"mediaType": media_type::OCI_CONFIG, "digest": config_digest, "size": config.len()},
            });
            hub.manifest("team/api", &layers.to_string(), &document).await
        };
        let (below, at, above) = (image(LAYERS_MAX - 1).await, image(LAYERS_MAX).await, image(LAYERS_MAX + 1).await);
        hub.settle().await;
        for image in [below, at] {
            assert_eq!(hub.pipeline.find_image(image).await.unwrap().unwrap().state, State::Made);
        }
        let refused = hub.pipeline.find_image(above).await.unwrap().unwrap().state;
        let reason = "its configuration is refused: the configuration lists 1025 layers, the limit is 1024";
        assert_eq!(refused, State::Refused(reason.to_owned()));
    }

    async fn a_layer_that_is_known_is_still_checked_against_what_a_configuration_claims(database: Database) {
        let hub = Hub::open(database).await;
        let layer = testkit::layer([(STATUS, &*dpkg(&[("a", "1")]))]);
        let digest = hub.blob("team/api", &layer).await;
        let other = sha256(b"another layer");
        let image = async |tag: &str, diff_id: &Digest| {
            let config = json!({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": [diff_id]}});
            let config = config.to_string();
            let config_digest = hub.blob("team/api", config.as_bytes()).await;
            let described = json!({"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": layer.len()});
            let document = json!({
                "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "layers": [described],
                "config": {"mediaType": media_type::OCI_CONFIG, "digest": config_digest, "size": config.len()},
            });
            let image = hub.manifest("team/api", tag, &document).await;
            hub.settle().await;
            hub.pipeline.find_image(image).await.unwrap().unwrap().state
        };
        let refused = |state: State| matches!(state, State::Refused(reason) if reason.contains("the layer's tar has the digest"));
        assert!(refused(image("wrong", &other).await));
        assert_eq!(image("right", &digest).await, State::Made);
        assert!(refused(image("wrong-again", &sha256(b"a third")).await));
    }

    async fn a_pushed_image_has_an_inventory_and_documents_and_a_fact(database: Database) {
        let hub = Hub::open(database).await;
        let status = dpkg(&[("openssl", "3.0.11-1"), ("zlib1g", "1:1.2.13")]);
        let image = hub.image("team/api", "1", &[&[DEBIAN], &[(STATUS, &status)]]).await;
        assert_eq!(hub.pipeline.find_image(image).await.unwrap(), None);
        hub.settle().await;
        let record = hub.pipeline.find_image(image).await.unwrap().unwrap();
        assert_eq!((record.state, record.components), (State::Made, 2));
        assert_eq!(record.platform.as_deref(), Some("linux/amd64"));
        assert_eq!(record.distribution.as_deref(), Some("Debian 12"));
        let inventory = hub.pipeline.inventory(&name("team/api"), image).await.unwrap().unwrap();
        assert_eq!(inventory.subject.name(), "team/api");
        let purls: Vec<String> =
            inventory.components.iter().map(|component| component.purl.as_ref().unwrap().to_string()).collect();
        assert_eq!(purls, [
            "pkg:deb/debian/openssl@3.0.11-1?arch=amd64&distro=debian-12",
            "pkg:deb/debian/zlib1g@1:1.2.13?arch=amd64&distro=debian-12",
        ]);
        assert_eq!(count(&hub.db, &COUNT_FACTS, Vec::new()).await, 1);

        let referrers = hub.referrers("team/api", &image).await;
        let types: Vec<&str> = referrers.iter().map(|(artifact_type, _)| &**artifact_type).collect();
        assert_eq!(types, ["application/spdx+json", "application/vnd.cyclonedx+json"]);
        for (_, document) in &referrers {
            let refused = hub.registry.delete_manifest(&name("team/api"), document, "user:admin").await;
            assert!(matches!(refused, Err(registry::Error::OwnDocument(_))), "{refused:?}");
        }
        hub.registry.delete_manifest(&name("team/api"), &image, "user:admin").await.unwrap();
    }

    async fn a_rebuilt_image_has_the_inventory_that_a_hub_makes_which_never_saw_the_first(database: Database) {
        let hub = Hub::open(database).await;
        let names: Vec<String> = (0..300).map(|number| format!("p{number:03}")).collect();
        let packages: Vec<(&str, &str)> = names.iter().map(|name| (&**name, "1")).collect();
        let (before, after) = (dpkg(&packages), dpkg(&[&packages[1..], &[("added", "2")]].concat()));
        let base: &[(&str, &str)] = &[DEBIAN, (STATUS, &before)];
        let rebuilt: [&[&[(&str, &str)]]; 4] =
            [&[base], &[base, &[("app", "1")]], &[base, &[(STATUS, &after)]], &[base, &[("var/lib/.wh.dpkg", "")]]];
        for layers in rebuilt {
            let image = hub.image("team/api", "1", layers).await;
            hub.settle().await;
            let fresh = Hub::open(Database::sqlite()).await;
            assert_eq!(fresh.image("team/api", "1", layers).await, image);
            fresh.settle().await;
            let found = hub.pipeline.inventory(&name("team/api"), image).await.unwrap().unwrap();
            assert_eq!(Some(found), fresh.pipeline.inventory(&name("team/api"), image).await.unwrap());
            assert_eq!(hub.referrers("team/api", &image).await, fresh.referrers("team/api", &image).await);
        }
        for (package, images) in [("p000", 2), ("p001", 3), ("added", 1)] {
            let query = Query::parse(package, None).unwrap();
            let found = hub.pipeline.find(&query, (&Readable::All, Tagged::Any), None, 10).await.unwrap().items;
            assert_eq!(found.len(), images, "{package}");
        }
    }

    async fn an_inventory_that_was_made_anew_is_looked_at_at_once(database: Database) {
        let hub = Hub::open(database).await;
        let [first, second] = [dpkg(&[("first", "1")]), dpkg(&[("second", "1")])];
        let image = hub.image("team/api", "1", &[&[(STATUS, &first)]]).await;
        let other = hub.image("team/api", "2", &[&[(STATUS, &second)]]).await;
        hub.settle().await;
        let names = async || {
            let seen = hub.pipeline.look(image, |inventory| {
                inventory.components.iter().map(|component| component.name.clone()).collect::<String>()
            });
            seen.await.unwrap()
        };
        assert_eq!(names().await.as_deref(), Some("first"));
        let both = vec![image.to_bytes().into(), other.to_bytes().into()];
        run(&hub.index, &REPLACE_INVENTORY, both).await;
        assert_eq!(names().await.as_deref(), Some("first"), "it is not unpacked again");
        run(&hub.index, &MADE_LATER, vec![image.to_bytes().into()]).await;
        assert_eq!(names().await.as_deref(), Some("second"));
        run(&hub.index, &DELETE_INVENTORIES, vec![]).await;
        assert_eq!(names().await, None);
    }

    async fn an_image_in_two_repositories_is_read_once_and_documented_in_both(database: Database) {
        let hub = Hub::open(database).await;
        let status = dpkg(&[("openssl", "3")]);
        let files: &[&[(&str, &str)]] = &[&[(STATUS, &status)]];
        let image = hub.image("team/api", "1", files).await;
        hub.settle().await;
        assert_eq!(hub.image("other/copy", "1", files).await, image);
        hub.settle().await;
        assert_eq!(hub.referrers("other/copy", &image).await, hub.referrers("team/api", &image).await);
        assert_eq!(hub.referrers("other/copy", &image).await.len(), 2);
        assert_eq!(count(&hub.db, &COUNT_FACTS, Vec::new()).await, 1);
    }

    async fn what_cannot_be_read_is_refused_with_its_reason_and_others_go_on(database: Database) {
        let hub = Hub::open(database).await;
        let good = testkit::layer([(STATUS, &*dpkg(&[("a", "1")]))]);
        let bad: &[(&str, Vec<u8>, Vec<u8>)] = &[
            ("garbage", b"no archive at all".repeat(100), b"no archive at all".repeat(100)),
            ("cut", good[..700].to_vec(), good[..700].to_vec()),
            ("other-diff-id", good.clone(), b"another".to_vec()),
            ("bomb", [&[0x1f, 0x8b][..], &[0; 100]].concat(), good.clone()),
        ];
        let mut images = Vec::new();
        for (tag, blob, tar) in bad {
            images.push(hub.image_of("team/bad", tag, std::slice::from_ref(blob), std::slice::from_ref(tar)).await);
        }
        let fine = hub.image("team/fine", "1", &[&[DEBIAN]]).await;
        hub.settle().await;
        for image in images {
            let record = hub.pipeline.find_image(image).await.unwrap().unwrap();
            assert!(matches!(&record.state, State::Refused(reason) if reason.contains("layer")), "{record:?}");
            assert!(hub.pipeline.inventory(&name("team/bad"), image).await.unwrap().is_none());
            assert!(hub.referrers("team/bad", &image).await.is_empty());
        }
        // The first sweep may have ordered some of them a second time.
        let errors: BTreeSet<String> = hub.errors().await.into_iter().collect();
        assert_eq!(errors.len(), bad.len());
        assert_eq!(hub.pipeline.find_image(fine).await.unwrap().unwrap().state, State::Made);
    }

    async fn a_layer_that_needs_more_memory_than_there_is_is_refused(database: Database) {
        let options = Options { memory_bytes: 64 << 10, ..Options::default() };
        let hub = Hub::open_with(database, true, options).await;
        let paths: Vec<String> = (0..2000).map(|number| format!("a/{number}/file")).collect();
        let files: Vec<(&str, &str)> = paths.iter().map(|path| (&**path, "")).collect();
        let image = hub.image("team/api", "1", &[&files]).await;
        hub.settle().await;
        let record = hub.pipeline.find_image(image).await.unwrap().unwrap();
        assert!(matches!(&record.state, State::Refused(reason) if reason.contains("inventory_memory")), "{record:?}");
    }

    async fn components_end_where_the_memory_for_them_does(database: Database) {
        let options = Options { memory_bytes: 4 << 20, ..Options::default() };
        let hub = Hub::open_with(database, true, options).await;
        let names: Vec<String> = (0..600).map(|number| format!("p{number}")).collect();
        let packages: Vec<(&str, &str)> = names.iter().map(|name| (&**name, "1")).collect();
        let image = hub.image("team/api", "1", &[&[(STATUS, &dpkg(&packages))]]).await;
        hub.settle().await;
        let seen = hub.pipeline.look(image, |inventory| (inventory.components.len(), inventory.unknowns.clone()));
        let (components, unknowns) = seen.await.unwrap().unwrap();
        // In half of three quarters of the memory, at 3 KiB each.
        assert_eq!(components, 512);
        let told: Vec<String> = unknowns.iter().map(|unknown| format!("{}: {}", unknown.location.path, unknown.reason)).collect();
        assert_eq!(told, ["/var/lib/dpkg/status: more components than the limit allows; the rest is left out"]);
    }

    async fn what_was_refused_is_looked_at_again_once_it_is_pushed_again(database: Database) {
        let hub = Hub::open_with(database, true, Options { memory_bytes: 64 << 10, ..Options::default() }).await;
        let paths: Vec<String> = (0..2000).map(|number| format!("a/{number}/file")).collect();
        let files: Vec<(&str, &str)> = paths.iter().map(|path| (&**path, "")).collect();
        let image = hub.image("team/api", "1", &[&files]).await;
        hub.settle().await;
        let roomy = hub.with_options(Options::default());
        assert_eq!(roomy.image("team/api", "1", &[&files]).await, image);
        roomy.settle().await;
        assert_eq!(roomy.pipeline.find_image(image).await.unwrap().unwrap().state, State::Made);
    }

    async fn a_project_may_want_no_documents(database: Database) {
        let hub = Hub::open(database).await;
        let kept = hub.image("team/api", "0", &[&[DEBIAN]]).await;
        hub.settle().await;
        run(&hub.db, &REFUSE_DOCUMENTS, vec!["team".into()]).await;
        let image = hub.image("team/api", "1", &[&[(STATUS, "")]]).await;
        hub.settle().await;
        assert_eq!(hub.pipeline.find_image(image).await.unwrap().unwrap().state, State::Made);
        assert!(hub.referrers("team/api", &image).await.is_empty());
        // What is there may go like anything else.
        for (_, document) in hub.referrers("team/api", &kept).await {
            hub.registry.delete_manifest(&name("team/api"), &document, "user:admin").await.unwrap();
        }
    }

    async fn documents_come_back_once_their_project_wants_them_again(database: Database) {
        let hub = Hub::open(database).await;
        run(&hub.db, &REFUSE_DOCUMENTS, vec!["team".into()]).await;
        let image = hub.image("team/api", "1", &[&[DEBIAN]]).await;
        let refused = hub.image_of("team/api", "2", &[b"no tar".to_vec()], &[b"no tar".to_vec()]).await;
        hub.settle().await;
        assert!(hub.referrers("team/api", &image).await.is_empty());
        run(&hub.db, &WANT_DOCUMENTS, vec!["team".into()]).await;
        hub.pipeline.order_documents().await.unwrap();
        hub.settle().await;
        assert_eq!(hub.referrers("team/api", &image).await.len(), 2);
        // Of what has no inventory there are none, and it is not tried again for them.
        assert!(hub.referrers("team/api", &refused).await.is_empty());
        let inventories = count(&hub.db, &COUNT_INVENTORIES, Vec::new()).await;
        hub.pipeline.order_documents().await.unwrap();
        hub.settle().await;
        assert_eq!(count(&hub.db, &COUNT_INVENTORIES, Vec::new()).await, inventories);
    }

    /// By a bug, an earlier version, or a restored backup.
    async fn a_document_whose_blob_is_gone_is_written_anew(database: Database) {
        let hub = Hub::open(database).await;
        let image = hub.image("team/api", "1", &[&[DEBIAN]]).await;
        hub.settle().await;
        let documents = hub.referrers("team/api", &image).await;
        let entry = hub.registry.find_manifest(&name("team/api"), &Reference::Digest(documents[0].1)).await.unwrap();
        let manifest = oci::Manifest::parse(Some(&entry.media_type), &entry.body).unwrap();
        let blob = manifest.layers[0].digest;
        run(&hub.db, &REFUSE_DOCUMENTS, vec!["team".into()]).await;
        hub.registry.delete_blob(&name("team/api"), &blob, "user:ann").await.unwrap();
        run(&hub.db, &WANT_DOCUMENTS, vec!["team".into()]).await;
        assert!(hub.registry.find_blob(&name("team/api"), &blob).await.is_err());
        hub.pipeline.order_documents().await.unwrap();
        hub.settle().await;
        assert!(hub.registry.find_blob(&name("team/api"), &blob).await.is_ok());
        assert_eq!(hub.referrers("team/api", &image).await, documents);
        assert!(hub.registry.fsck(false, |_| true).await.unwrap().findings.is_empty());
    }

    async fn a_sweep_orders_what_was_pushed_before(database: Database) {
        let hub = Hub::open_with(database, false, Options::default()).await;
        let image = hub.image("team/api", "1", &[&[DEBIAN]]).await;
        // One that says what kind of artifact it is is an image as any.
        let plain = hub.registry.find_manifest(&name("team/api"), &Reference::Digest(image)).await.unwrap();
        let mut document: Value = serde_json::from_slice(&plain.body).unwrap();
        document["artifactType"] = "application/vnd.example.app".into();
        let named = hub.manifest("team/api", "2", &document).await;
        hub.settle().await;
        // The first sweep runs at the start and makes the job, which the same runner may take or leave.
        hub.settle().await;
        for image in [image, named] {
            assert_eq!(hub.pipeline.find_image(image).await.unwrap().unwrap().state, State::Made);
        }
    }

    async fn what_a_builder_attests_of_an_image_is_no_image(database: Database) {
        let hub = Hub::open(database).await;
        let image = hub.image("team/api", "1", &[&[DEBIAN]]).await;
        let attestation = hub.attestation("team/api", &[("https://slsa.dev/provenance/v1", "{}")]).await;
        let nothing = hub.attestation("team/api", &[]).await;
        hub.index_of("team/api", "1", &[image, attestation, nothing]).await;
        // A sweep at the start orders what no push did.
        hub.settle().await;
        hub.settle().await;
        assert_eq!(hub.errors().await, Vec::<String>::new());
        for digest in [attestation, nothing] {
            assert!(hub.pipeline.find_image(digest).await.unwrap().is_none());
        }
        assert_eq!(hub.pipeline.find_image(image).await.unwrap().unwrap().state, State::Made);
    }

    async fn what_an_earlier_version_kept_is_made_anew_by_itself(database: Database) {
        let hub = Hub::open(database).await;
        let status = dpkg(&[("openssl", "3.0.11-1")]);
        let image = hub.image("team/api", "1", &[&[DEBIAN, (STATUS, &status)]]).await;
        assert_eq!(hub.image("other/copy", "1", &[&[DEBIAN, (STATUS, &status)]]).await, image);
        hub.settle().await;
        hub.settle().await;
        let kept_as = async || -> String {
            query(&hub.index, &FIND_KEPT_AS, vec![image.to_bytes().into()]).await[0].get(0).unwrap()
        };
        let now = kept_as().await;
        let (engine, _form) = now.rsplit_once('-').unwrap();
        let known = async || {
            let releases = hub.pipeline.releases().await.unwrap().into_iter().collect::<Vec<_>>().join(" ");
            let found = hub.pipeline.find(&Query::parse("openssl", None).unwrap(), (&Readable::All, Tagged::Any), None, 10).await.unwrap();
            let places = found.items.iter().map(|found| found.places_total).collect::<Vec<_>>();
            (releases, hub.pipeline.find_image(image).await.unwrap().unwrap().components, places)
        };
        let expected = ("Debian:12".to_owned(), 1, vec![1, 1]);
        assert_eq!(known().await, expected);
        let layers = count(&hub.index, &COUNT_LAYERS, Vec::new()).await;
        // Before what is kept had a number; by other catalogers; by one that kept less.
        for before in [engine, "0.0.1-0123456789abcdef", &format!("{engine}-0")] {
            run(&hub.index, &KEPT_BEFORE, vec![image.to_bytes().into(), before.into()]).await;
            run(&hub.index, &FORGET_PLACES, vec![Vec::<u8>::new().into()]).await;
            assert_eq!(known().await, (String::new(), 0, vec![0, 0]), "{before}");
            hub.pipeline.order_renewal().await.unwrap();
            hub.settle().await;
            assert_eq!((kept_as().await, known().await), (now.clone(), expected.clone()), "{before}");
            // No layer is read again for what is only kept otherwise.
            assert_eq!(count(&hub.index, &COUNT_LAYERS, Vec::new()).await, layers);
        }
        assert_eq!(hub.referrers("team/api", &image).await.len(), 2);
        assert_eq!(count(&hub.db, &COUNT_FACTS, Vec::new()).await, 1);
    }

    async fn a_database_that_fails_at_any_call_leaves_a_job_that_can_be_done(database: Database) {
        let hub = Hub::open(database).await;
        for (facts, call) in (1_i64..).zip((1..60).step_by(6)) {
            let status = dpkg(&[("a", &call.to_string())]);
            let image = hub.image("team/api", "1", &[&[(STATUS, &status)]]).await;
            hub.faults.fail_at(call);
            let runner = hub.start();
            let done = async {
                while hub.pipeline.find_image(image).await.ok().flatten().is_none() {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                    hub.hasten().await;
                }
            };
            tokio::time::timeout(Duration::from_mins(1), done).await.expect("it is done within a minute");
            hub.faults.disarm();
            runner.drain(Duration::from_mins(1)).await;
            hub.hasten().await;
            hub.settle().await;
            assert_eq!(hub.pipeline.find_image(image).await.unwrap().unwrap().state, State::Made);
            assert_eq!(hub.referrers("team/api", &image).await.len(), 2, "call {call}");
            assert_eq!(count(&hub.db, &COUNT_FACTS, Vec::new()).await, facts, "call {call}");
        }
    }
}
