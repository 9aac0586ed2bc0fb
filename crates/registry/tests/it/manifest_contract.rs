//! Manifests, tags, lists.

use std::collections::BTreeSet;

use oci::{Algorithm, Digest, Reference, media_type};
use registry::{Error, ManifestPush, REFERRERS_PAGE_BYTES_MAX, TAGS_PER_PUSH_MAX, TagRule};
use serde_json::json;
use testkit::Database;

use crate::support::{
    ACTOR, HOUR_US, Hub, bytes_of, descriptor, image, index, name, push, reference_of, referrer, sha256, tag,
};

testkit::on_both_databases! {
    async fn a_manifest_is_served_as_it_was_pushed(database: Database) {
        let hub = Hub::open(database).await;
        let config = hub.blob("team/web", b"config").await;
        let document = image(&config, &[]);
        // Bytes that no serialiser would write.
        let body = bytes::Bytes::from(format!("\n {document}  \n"));
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let digest = blobs::digest(algorithm, &body);
            let push = ManifestPush { body: body.clone(), digest: Some(digest), ..push("team/web", &["v1"], &document) };
            assert_eq!(hub.registry.push_manifest(push).await.unwrap().digest, digest);
            for registry in [hub.registry.clone(), hub.restarted()] {
                for reference in [Reference::Tag(tag("v1")), Reference::Digest(digest)] {
                    let found = registry.find_manifest(&name("team/web"), &reference).await.unwrap();
                    assert_eq!((found.digest, &found.body), (digest, &body));
                    assert_eq!(found.media_type, oci::media_type::OCI_MANIFEST);
                }
            }
        }
    }

    async fn a_refused_manifest_changes_nothing(database: Database) {
        let hub = Hub::open(database).await;
        let kept = hub.image("team/web", &["v1"], "kept").await;
        let (absent, wrong) = (sha256(b"absent"), sha256(b"wrong"));
        let good = || push("team/web", &["v2"], &kept.document);
        let tags = |count: usize| (0..count).map(|number| tag(&format!("t{number}"))).collect::<Vec<_>>();
        let refused: [(&str, ManifestPush, &str); 6] = [
            ("layer absent", push("team/web", &["v2"], &image(&kept.config, &[kept.layer, absent])), "BlobsMissing"),
            ("config absent", push("team/web", &["v2"], &image(&absent, &[kept.layer])), "BlobsMissing"),
            ("other digest", ManifestPush { digest: Some(wrong), ..good() }, "DigestMismatch"),
            ("no JSON", ManifestPush { body: "{".into(), ..good() }, "ManifestInvalid"),
            ("too many tags", ManifestPush { tags: tags(TAGS_PER_PUSH_MAX + 1), ..good() }, "TooManyTags"),
            ("no project", push("nowhere/web", &["v2"], &index(&[])), "ProjectUnknown"),
        ];
        for (what, push, expected) in refused {
            let error = hub.registry.push_manifest(push).await.unwrap_err();
            assert!(format!("{error:?}").starts_with(expected), "{what}: {error:?}");
        }
        let found = hub.registry.list_tags(&name("team/web"), "", None).await.unwrap();
        assert_eq!(found.items, ["v1"]);
        hub.registry.push_manifest(ManifestPush { tags: tags(TAGS_PER_PUSH_MAX), ..good() }).await.unwrap();
        assert_eq!(hub.registry.list_tags(&name("team/web"), "", None).await.unwrap().items.len(), TAGS_PER_PUSH_MAX + 1);
    }

    /// Clients compare the two and refuse to pull what does not agree.
    async fn a_manifest_says_the_sizes_of_what_it_names(database: Database) {
        let hub = Hub::open(database).await;
        let image = hub.image("team/web", &[], "layer").await;
        let layer = hub.blob("team/web", b"cached layer").await;
        let plain = index(&[image.manifest, layer]);
        let places =
            [(&image.document, "/config"), (&image.document, "/layers/0"), (&plain, "/manifests/0"), (&plain, "/manifests/1")];
        for (document, place) in places {
            let size = document.pointer(place).unwrap()["size"].as_u64().unwrap();
            for stated in [0, size - 1, size + 1, size, u64::try_from(i64::MAX).unwrap()] {
                let mut document = document.clone();
                document.pointer_mut(place).unwrap()["size"] = json!(stated);
                let outcome = hub.try_manifest("team/web", &["v1"], &document).await;
                match outcome {
                    Ok(_) => assert_eq!(stated, size, "{place}"),
                    Err(Error::DescriptorSize { stated: told, actual, .. }) => {
                        assert_eq!((told, actual), (stated, size), "{place}");
                        assert_ne!(stated, size, "{place}");
                    }
                    Err(error) => panic!("{place}: {error:?}"),
                }
            }
        }
        // One that is named twice must be named alike.
        let mut twice = image.document.clone();
        let mut again = twice["layers"][0].clone();
        again["size"] = json!(1);
        twice["layers"].as_array_mut().unwrap().push(again);
        let refused = hub.try_manifest("team/web", &[], &twice).await;
        assert!(matches!(refused, Err(Error::DescriptorSize { stated: 1, .. })), "{refused:?}");
        // What is not here, and what lives elsewhere, may have any size.
        let mut elsewhere = image.document.clone();
        elsewhere["layers"] = json!([{ "mediaType": "a/b", "digest": image.layer.to_string(), "size": 1, "urls": ["https://example.com"] }]);
        hub.manifest("team/web", &[], &elsewhere).await;
        hub.assert_sound("sizes").await;
    }

    /// What a manifest is to those who pull its tags, no later push of the same bytes changes.
    async fn a_manifest_keeps_its_media_type(database: Database) {
        let hub = Hub::open(database).await;
        let config = hub.blob("team/web", b"config").await;
        let mut untyped = image(&config, &[]);
        untyped.as_object_mut().unwrap().remove("mediaType");
        let (first, second) = (media_type::OCI_MANIFEST, media_type::DOCKER_MANIFEST);
        let push_as = |repository: &str, content_type: &str, tags: &[&str]| ManifestPush {
            content_type: Some(content_type.to_owned()),
            ..push(repository, tags, &untyped)
        };
        let digest = hub.registry.push_manifest(push_as("team/web", first, &["v1"])).await.unwrap().digest;
        for tags in [&[][..], &["v1"], &["v2"]] {
            let refused = hub.registry.push_manifest(push_as("team/web", second, tags)).await;
            let Err(Error::MediaTypeDiffers { stored, pushed, .. }) = &refused else { panic!("{refused:?}") };
            assert_eq!((stored.as_str(), pushed.as_str()), (first, second));
        }
        for registry in [hub.registry.clone(), hub.restarted()] {
            let found = registry.find_manifest(&name("team/web"), &reference_of("v1")).await.unwrap();
            assert_eq!(found.media_type, first);
            assert!(registry.find_manifest(&name("team/web"), &reference_of("v2")).await.is_err());
        }
        hub.registry.push_manifest(push_as("team/web", first, &["v2"])).await.unwrap();
        // Another repository has its own, and so has one from which it was deleted.
        hub.blob("team/api", b"config").await;
        hub.registry.push_manifest(push_as("team/api", second, &["v1"])).await.unwrap();
        hub.registry.delete_manifest(&name("team/web"), &digest, ACTOR).await.unwrap();
        hub.registry.push_manifest(push_as("team/web", second, &["v1"])).await.unwrap();
        hub.assert_sound("media types").await;
    }

    /// A blob of another repository does not count, even where it is stored.
    async fn a_manifest_needs_its_blobs_in_its_own_repository(database: Database) {
        let hub = Hub::open(database).await;
        let elsewhere = hub.image("other/web", &["v1"], "layer").await;
        let refused = hub.try_manifest("team/web", &["v1"], &elsewhere.document).await;
        let mut expected = vec![elsewhere.config, elsewhere.layer];
        expected.sort_unstable();
        assert!(matches!(refused, Err(Error::BlobsMissing(missing)) if missing == expected));
    }

    async fn sparse_indexes_and_foreign_layers_are_taken(database: Database) {
        let hub = Hub::open(database).await;
        let absent = sha256(b"absent");
        hub.manifest("team/web", &["sparse"], &index(&[absent])).await;
        let config = hub.blob("team/web", b"config").await;
        let mut document = image(&config, &[absent]);
        document["layers"][0]["urls"] = json!(["https://example.com/layer"]);
        hub.manifest("team/web", &["foreign"], &document).await;
        let mut document = image(&config, &[absent]);
        document["layers"][0]["mediaType"] = json!("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip");
        hub.manifest("team/web", &["old"], &document).await;
        let artifact = json!({
            "mediaType": "application/vnd.oci.artifact.manifest.v1+json", "artifactType": "a/b",
            "blobs": [descriptor(&config)],
        });
        hub.manifest("team/web", &["artifact"], &artifact).await;
        hub.assert_sound("sparse").await;
    }

    async fn clients_need_not_push_what_everybody_knows(database: Database) {
        let hub = Hub::open(database).await;
        let (object, empty) = (sha256(b"{}"), sha256(b""));
        hub.manifest("team/artifact", &["v1"], &image(&object, &[object, empty])).await;
        assert_eq!(hub.read("team/artifact", &object).await.unwrap(), b"{}");
        assert_eq!(hub.read("team/artifact", &empty).await.unwrap(), b"");
        hub.assert_sound("seeded").await;
    }

    async fn one_push_sets_many_tags_or_none(database: Database) {
        let hub = Hub::open(database).await;
        let (one, two) = (hub.image("team/web", &["a", "b", "c"], "one").await, hub.image("team/web", &[], "two").await);
        let make_only =
            ManifestPush { tag_rule: TagRule::MakeOnly, ..push("team/web", &["new", "b", "newer"], &two.document) };
        let refused = hub.registry.push_manifest(make_only).await;
        assert!(matches!(refused, Err(Error::TagExists { tag: held }) if held == tag("b")));
        assert_eq!(hub.registry.list_tags(&name("team/web"), "", None).await.unwrap().items, ["a", "b", "c"]);
        // The same manifest may be pushed to its own tag again.
        let again = ManifestPush { tag_rule: TagRule::MakeOnly, ..push("team/web", &["a", "a", "d"], &one.document) };
        hub.registry.push_manifest(again).await.unwrap();
        hub.manifest("team/web", &["a", "d"], &two.document).await;
        for (text, expected) in [("a", two.manifest), ("b", one.manifest), ("c", one.manifest), ("d", two.manifest)] {
            let found = hub.registry.find_manifest(&name("team/web"), &reference_of(text)).await.unwrap();
            assert_eq!(found.digest, expected, "{text}");
        }
    }

    /// CVE-2026-31801: who may make tags moves none, however many try at once.
    async fn of_racing_makers_of_one_tag_one_wins(database: Database) {
        let hub = Hub::open(database).await;
        let mut images = Vec::new();
        for number in 0..4 {
            images.push(hub.image("team/web", &[], &format!("image {number}")).await);
        }
        for round in 0..5 {
            let label = format!("v{round}");
            let makers: Vec<_> = images
                .iter()
                .map(|image| {
                    let push = ManifestPush {
                        tag_rule: TagRule::MakeOnly,
                        ..push("team/web", &[label.as_str()], &image.document)
                    };
                    let registry = hub.registry.clone();
                    tokio::spawn(async move { registry.push_manifest(push).await })
                })
                .collect();
            let mut made = Vec::new();
            for maker in makers {
                match maker.await.unwrap() {
                    Ok(pushed) => made.push(pushed.digest),
                    Err(Error::TagExists { .. }) => (),
                    Err(error) => panic!("{error:?}"),
                }
            }
            let found = hub.registry.find_manifest(&name("team/web"), &reference_of(&label)).await.unwrap();
            assert_eq!(made, [found.digest], "round {round}");
        }
    }

    async fn a_deleted_tag_leaves_the_manifest_and_a_deleted_manifest_takes_its_tags(database: Database) {
        let hub = Hub::open(database).await;
        let image = hub.image("team/web", &["a", "b"], "layer").await;
        let other = hub.image("team/web", &["c"], "other").await;
        let repository = name("team/web");
        hub.registry.delete_tag(&repository, &tag("a"), ACTOR).await.unwrap();
        assert!(!hub.has_manifest("team/web", "a").await && hub.has_manifest("team/web", "b").await);
        let again = hub.registry.delete_tag(&repository, &tag("a"), ACTOR).await;
        assert!(matches!(again, Err(Error::ManifestUnknown { .. })));
        hub.registry.delete_manifest(&repository, &image.manifest, ACTOR).await.unwrap();
        let again = hub.registry.delete_manifest(&repository, &image.manifest, ACTOR).await;
        assert!(matches!(again, Err(Error::ManifestUnknown { .. })));
        assert!(!hub.has_manifest("team/web", "b").await);
        assert!(!hub.has_manifest("team/web", &image.manifest.to_string()).await);
        assert!(hub.has_manifest("team/web", &other.manifest.to_string()).await && hub.has_manifest("team/web", "c").await);
        let nowhere = hub.registry.delete_manifest(&name("team/none"), &image.manifest, ACTOR).await;
        assert!(matches!(nowhere, Err(Error::NameUnknown(_))));
    }

    async fn tags_are_listed_in_ascii_order_in_pages(database: Database) {
        let hub = Hub::open(database).await;
        hub.image("team/web", &["b", "B", "a-1", "a.1", "a_1", "a", "10", "9", "_x"], "layer").await;
        let all = ["10", "9", "B", "_x", "a", "a-1", "a.1", "a_1", "b"];
        for (after, limit, expected, more) in [
            ("", None, &all[..], false),
            ("", Some(0), &[], false),
            ("", Some(1), &all[..1], true),
            ("", Some(8), &all[..8], true),
            ("", Some(9), &all[..], false),
            ("", Some(u64::MAX), &all[..], false),
            ("9", Some(2), &all[2..4], true),
            ("aa", Some(9), &all[8..], false),
            ("a-1", None, &all[6..], false),
            ("zzz", None, &[], false),
        ] {
            let page = hub.registry.list_tags(&name("team/web"), after, limit).await.unwrap();
            assert_eq!((page.items.iter().map(String::as_str).collect::<Vec<_>>(), page.more), (expected.to_vec(), more));
        }
        let summaries = hub.registry.list_tag_summaries(&name("team/web"), "_x", 2).await.unwrap();
        assert_eq!(summaries.items.iter().map(|tag| tag.tag.as_str()).collect::<Vec<_>>(), ["a", "a-1"]);
        assert!(summaries.more);
        let nowhere = hub.registry.list_tags(&name("team/none"), "", None).await;
        assert!(matches!(nowhere, Err(Error::NameUnknown(_))));
        hub.blob("team/empty", b"layer").await;
        assert!(hub.registry.list_tags(&name("team/empty"), "", None).await.unwrap().items.is_empty());
    }

    async fn manifests_are_listed_newest_first_in_pages(database: Database) {
        let hub = Hub::open(database).await;
        let mut pushed = Vec::new();
        for number in 0..7 {
            // Two have the same time.
            if number != 3 {
                hub.advance(1);
            }
            pushed.push(hub.image("team/web", &[&format!("v{number}")], &format!("layer {number}")).await.manifest);
        }
        for limit in [1, 2, 3, 7, 8] {
            let (mut seen, mut before) = (Vec::new(), None);
            loop {
                let page = hub.registry.list_manifests(&name("team/web"), before, limit).await.unwrap();
                seen.extend(page.items.iter().map(|manifest| manifest.digest));
                before = page.items.last().map(|last| (last.pushed_at_us, last.digest));
                if !page.more {
                    break;
                }
            }
            let mut sorted = seen.clone();
            sorted.sort_unstable();
            let mut expected = pushed.clone();
            expected.sort_unstable();
            assert_eq!(sorted, expected, "limit {limit}");
            assert_eq!((seen[0], seen[6]), (pushed[6], pushed[0]));
        }
    }

    async fn repositories_are_listed_in_pages_of_all_or_of_some_projects(database: Database) {
        let hub = Hub::open(database).await;
        for repository in ["team/b", "team/a", "other/z", "team/a/deep", "other/a"] {
            hub.blob(repository, b"layer").await;
        }
        let all = ["other/a", "other/z", "team/a", "team/a/deep", "team/b"];
        let both: &[&str] = &["team", "other", "none", "team"];
        for (after, limit, expected, more) in [
            ("", 10, &all[..], false),
            ("", 0, &[], false),
            ("", 1, &all[..1], true),
            ("", 2, &all[..2], true),
            ("", 4, &all[..4], true),
            ("", 5, &all[..], false),
            ("other/a", 2, &all[1..3], true),
            ("other/zz", 9, &all[2..], false),
            ("team/a", 1, &all[3..4], true),
            ("team/b", 9, &[], false),
        ] {
            let names = |page: registry::Page<registry::RepositorySummary>| {
                (page.items.iter().map(|item| item.name.to_string()).collect::<Vec<_>>(), page.more)
            };
            let expected = (expected.iter().map(ToString::to_string).collect::<Vec<_>>(), more);
            let listed = hub.registry.list_repositories(None, after, limit).await.unwrap();
            assert_eq!(names(listed), expected, "after {after}, {limit}");
            let of_both = hub.registry.list_repositories_of(both, after, limit).await.unwrap();
            assert_eq!(names(of_both), expected, "of both, after {after}, {limit}");
            let is_of_team = |name: &&String| name.starts_with("team/");
            let of_team = names(hub.registry.list_repositories_of(&["team"], after, 9).await.unwrap()).0;
            let listed = names(hub.registry.list_repositories(Some("team"), after, 9).await.unwrap()).0;
            let expected: Vec<_> = names(hub.registry.list_repositories(None, after, 9).await.unwrap()).0;
            let expected: Vec<_> = expected.iter().filter(is_of_team).cloned().collect();
            assert_eq!((of_team, listed), (expected.clone(), expected), "after {after}");
        }
        assert!(hub.registry.list_repositories_of(&[], "", 9).await.unwrap().items.is_empty());
    }

    async fn referrers_are_listed_by_type_and_in_pages(database: Database) {
        let hub = Hub::open(database).await;
        let (config, subject) = (hub.blob("team/web", b"{}").await, sha256(b"a subject that never came"));
        let list = async |artifact_type: Option<&str>, after: Option<&Digest>, limit| {
            hub.registry.list_referrers(&name("team/web"), &subject, artifact_type, after, limit).await.unwrap()
        };
        assert!(list(None, None, None).await.descriptors.is_empty());
        let mut expected = BTreeSet::new();
        for number in 0..70 {
            let mut document = referrer(&config, &subject, if number % 7 == 0 { "rare" } else { "common" });
            document["annotations"]["number"] = json!(number.to_string());
            let pushed = hub.try_manifest("team/web", &[], &document).await.unwrap();
            assert_eq!(pushed.subject, Some(subject));
            expected.insert(pushed.digest);
        }
        for (limit, artifact_type, count) in
            [(None, None, 70), (Some(1), None, 70), (Some(32), None, 70), (Some(35), None, 70), (Some(3), Some("rare"), 10)]
        {
            let artifact_type = artifact_type.map(|what| format!("application/vnd.test.{what}"));
            let (mut seen, mut after): (Vec<Digest>, Option<Digest>) = (Vec::new(), None);
            loop {
                let page = list(artifact_type.as_deref(), after.as_ref(), limit).await;
                assert!(limit.is_none_or(|limit| page.descriptors.len() as u64 <= limit));
                for descriptor in &page.descriptors {
                    assert!(artifact_type.is_none() || descriptor.artifact_type == artifact_type);
                    assert!(descriptor.annotations.contains_key("what") && descriptor.size > 0);
                }
                seen.extend(page.descriptors.iter().map(|descriptor| descriptor.digest));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert!(seen.is_sorted() && seen.len() == count, "limit {limit:?}: {} seen", seen.len());
            assert!(seen.iter().all(|digest| expected.contains(digest)));
        }
        let nowhere = hub.registry.list_referrers(&name("team/none"), &subject, None, None, None).await.unwrap();
        assert!(nowhere.descriptors.is_empty());
    }

    async fn a_page_of_referrers_ends_before_it_is_too_large_for_clients(database: Database) {
        let hub = Hub::open(database).await;
        let (config, subject) = (hub.blob("team/web", b"{}").await, sha256(b"subject"));
        for number in 0..14 {
            let mut document = referrer(&config, &subject, "large");
            document["annotations"] = json!({ "text": "x".repeat(250_000), "number": number.to_string() });
            hub.manifest("team/web", &[], &document).await;
        }
        let mut seen = 0;
        let mut after = None;
        loop {
            let page = hub.registry.list_referrers(&name("team/web"), &subject, None, after.as_ref(), None).await.unwrap();
            let bytes = serde_json::to_vec(&page.descriptors).unwrap().len();
            assert!(bytes <= REFERRERS_PAGE_BYTES_MAX, "{bytes} bytes");
            seen += page.descriptors.len();
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, 14);
    }

    async fn a_deleted_repository_is_gone_at_once_with_everything_in_it(database: Database) {
        let hub = Hub::open(database).await;
        let image = hub.image("team/web", &["v1"], "layer").await;
        hub.registry.mount(&name("team/web/copy"), &name("team/web"), &image.layer, ACTOR).await.unwrap();
        hub.manifest("team/web", &["sig"], &referrer(&image.config, &image.manifest, "signature")).await;
        hub.registry.delete_repository(&name("team/web"), ACTOR).await.unwrap();
        assert!(matches!(hub.read("team/web", &image.layer).await, Err(Error::NameUnknown(_))));
        let found = hub.registry.find_manifest(&name("team/web"), &reference_of("v1")).await;
        assert!(matches!(found, Err(Error::NameUnknown(_))));
        let again = hub.registry.delete_repository(&name("team/web"), ACTOR).await;
        assert!(matches!(again, Err(Error::NameUnknown(_))));
        assert!(hub.registry.mount(&name("other/web"), &name("team/web"), &image.layer, ACTOR).await.unwrap().is_none());
        hub.run_jobs().await;
        hub.advance(HOUR_US / 4 * 3 - 1);
        assert_eq!(hub.read("team/web/copy", &image.layer).await.unwrap(), b"layer");
        hub.advance(1);
        hub.collect().await;
        assert_eq!(hub.files(), Vec::<String>::new());
        assert_eq!(crate::support::count(&hub.db, &crate::support::COUNT_ORPHAN_ROWS, vec![]).await, 0);
    }

    async fn usage_counts_each_blob_once(database: Database) {
        let hub = Hub::open(database).await;
        let image = hub.image("team/web", &["v1"], "layer").await;
        let document = image_with_annotation(&image.document);
        hub.manifest("team/web", &["v2"], &document).await;
        let bytes = u64::try_from("{\"config\":\"layer\"}".len() + "layer".len()).unwrap();
        assert_eq!(hub.registry.repository_usage(&name("team/web")).await.unwrap(), (2, bytes));
        assert_ne!(bytes_of(&document), bytes_of(&image.document));
    }
}

fn image_with_annotation(document: &serde_json::Value) -> serde_json::Value {
    let mut document = document.clone();
    document["annotations"] = json!({ "a": "b" });
    document
}
