//! The hub's own documents beside an image: a newer one takes the place of those of its type that nothing cites.

use std::collections::BTreeMap;

use oci::{Digest, media_type};
use registry::{Error, OwnDocument, PRODUCER_ANNOTATION, RepositoryId};
use serde_json::{Value as Json, json};
use testkit::Database;

use crate::support::{Hub, Image, bytes_of, count, descriptor, index, name, referrer, run, sha256};

db::statements! {
    INSERT_FACT = "INSERT INTO facts (id, scope, subject, claim, fact_key, producer, observed_at_us, expires_at_us, source, body) \
        VALUES ($1, $2, $1, $3, 'garrison', 'hub', 0, NULL, $1, $1)";
    REFUSE_DOCUMENTS = "UPDATE projects SET sbom_documents = 0 WHERE name = 'team'";
    INSERT_TAG = "INSERT INTO tags (repository_id, name, digest, created_at_us, updated_at_us) VALUES ($1, 'kept', $2, 0, 0)";
    DELETE_TAGS = "DELETE FROM tags WHERE repository_id = $1";
    COUNT_REPLACED = "SELECT COUNT(*) FROM audit_records WHERE action = 'manifest.delete' AND actor = 'system'";
}

const REPOSITORY: &str = "team/api";
const CYCLONEDX: &str = "application/vnd.cyclonedx+json";
const SPDX: &str = "application/spdx+json";

/// What cites a document.
#[derive(Debug, Clone, Copy)]
enum Cited {
    Nowhere,
    /// By what the newest inventory states anew.
    ByFactOfContent,
    ByFactOfRepository,
    ByFactOfAnotherKind,
    ByTag,
    ByIndex,
    ByReferrer,
}

/// Returns the manifest of a document about an image, whose blob is this text.
fn manifest(image: &Image, media_type: &str, text: &str) -> Json {
    let mut document = descriptor(&sha256(text.as_bytes()));
    document["mediaType"] = json!(media_type);
    let mut empty = descriptor(&sha256(b"{}"));
    empty["mediaType"] = json!(media_type::OCI_EMPTY);
    let mut subject = descriptor(&image.manifest);
    subject["mediaType"] = json!(media_type::OCI_MANIFEST);
    json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "artifactType": media_type, "config": empty,
        "layers": [document], "subject": subject,
    })
}

impl Hub {
    async fn own(&self, image: &Image, media_type: &'static str, text: &str) -> Digest {
        let body = text.as_bytes().to_vec();
        let document = OwnDocument {
            repository: name(REPOSITORY),
            subject: image.manifest,
            media_type,
            manifest: bytes_of(&manifest(image, media_type, text)),
            digest: sha256(text.as_bytes()),
            body: body.into(),
        };
        self.registry.push_document(document).await.unwrap().unwrap()
    }

    async fn cite(&self, repository: RepositoryId, document: Digest, cited: Cited) {
        let fact = async |scope: i64, claim: &str| {
            run(&self.db, &INSERT_FACT, vec![document.to_bytes().into(), scope.into(), claim.into()]).await;
        };
        match cited {
            Cited::Nowhere => {}
            Cited::ByFactOfContent => fact(0, "sbom").await,
            Cited::ByFactOfRepository => fact(repository.number(), "sbom").await,
            Cited::ByFactOfAnotherKind => fact(0, "scan").await,
            Cited::ByTag => {
                run(&self.db, &INSERT_TAG, vec![repository.number().into(), document.to_bytes().into()]).await;
            }
            Cited::ByIndex => {
                self.manifest(REPOSITORY, &[], &index(&[document])).await;
            }
            Cited::ByReferrer => {
                let config = self.blob(REPOSITORY, b"{}").await;
                self.manifest(REPOSITORY, &[], &referrer(&config, &document, "signature")).await;
            }
        }
    }
}

testkit::on_both_databases! {
    async fn what_a_document_of_the_hub_needs_is_not_deleted(database: Database) {
        let hub = Hub::open(database).await;
        let image = hub.image(REPOSITORY, &["1"], "content").await;
        hub.own(&image, CYCLONEDX, "1").await;
        let delete = async |digest: Digest| hub.registry.delete_blob(&name(REPOSITORY), &digest, "user:ann").await;
        for blob in [sha256(b"1"), sha256(b"{}")] {
            let refused = delete(blob).await;
            assert!(matches!(refused, Err(Error::OwnBlob(digest)) if digest == blob), "{refused:?}");
            assert!(hub.has_blob(REPOSITORY, &blob).await);
        }
        // What others need may go, as ever.
        delete(image.layer).await.unwrap();
        // So may those of a project that does without.
        run(&hub.db, &REFUSE_DOCUMENTS, Vec::new()).await;
        delete(sha256(b"1")).await.unwrap();
        assert!(!hub.has_blob(REPOSITORY, &sha256(b"1")).await);
    }

    async fn nobody_else_s_referrers_have_the_mark_of_the_hub(database: Database) {
        let hub = Hub::open(database).await;
        let image = hub.image(REPOSITORY, &["1"], "content").await;
        let marked = |text: &str| {
            let mut manifest = manifest(&image, CYCLONEDX, text);
            manifest["annotations"] = json!({PRODUCER_ANNOTATION: "hub", "by": text});
            manifest
        };
        let own = async |text: &str| {
            let document = OwnDocument {
                repository: name(REPOSITORY),
                subject: image.manifest,
                media_type: CYCLONEDX,
                manifest: bytes_of(&marked(text)),
                digest: sha256(text.as_bytes()),
                body: text.as_bytes().to_vec().into(),
            };
            hub.registry.push_document(document).await.unwrap().unwrap();
        };
        let listed = async || {
            let mut told = BTreeMap::new();
            for artifact_type in [None, Some(CYCLONEDX)] {
                let page = hub.registry.list_referrers(&name(REPOSITORY), &image.manifest, artifact_type, None, None).await;
                for one in page.unwrap().descriptors {
                    told.insert(one.annotations["by"].clone(), one.annotations.contains_key(PRODUCER_ANNOTATION));
                }
            }
            told
        };
        own("hub").await;
        for text in ["ann", "both"] {
            hub.blob(REPOSITORY, text.as_bytes()).await;
            hub.manifest(REPOSITORY, &[], &marked(text)).await;
        }
        let told = |all: &[(&str, bool)]| all.iter().map(|(text, is_marked)| ((*text).to_owned(), *is_marked)).collect();
        assert_eq!(listed().await, told(&[("ann", false), ("both", false), ("hub", true)]));
        // The hub says the same as somebody else; then it is its word, whoever pushes it once more.
        own("both").await;
        hub.manifest(REPOSITORY, &[], &marked("both")).await;
        assert_eq!(listed().await, told(&[("ann", false), ("both", true)]));
    }

    async fn a_newer_document_takes_the_place_of_what_nothing_cites(database: Database) {
        let hub = Hub::open(database).await;
        let mut replaced = 0;
        for (cited, stays) in [
            (Cited::Nowhere, false),
            (Cited::ByFactOfContent, false),
            (Cited::ByFactOfRepository, true),
            (Cited::ByFactOfAnotherKind, true),
            (Cited::ByTag, true),
            (Cited::ByIndex, true),
            (Cited::ByReferrer, true),
        ] {
            let content = format!("{cited:?}");
            let image = hub.image(REPOSITORY, &[], &content).await;
            let elsewhere = hub.image(REPOSITORY, &[], &format!("other than {content}")).await;
            let repository = hub.registry.repository_id(&name(REPOSITORY)).await.unwrap();
            let first = hub.own(&image, CYCLONEDX, "1").await;
            hub.cite(repository, first, cited).await;
            // Of another type, of another image, of somebody else: none of them is its predecessor.
            let others = [hub.own(&image, SPDX, "1").await, hub.own(&elsewhere, CYCLONEDX, "1").await, {
                hub.blob(REPOSITORY, b"by ann").await;
                hub.manifest(REPOSITORY, &[], &manifest(&image, CYCLONEDX, "by ann")).await
            }];
            let second = hub.own(&image, CYCLONEDX, "2").await;
            replaced += i64::from(!stays);
            assert_eq!(hub.has_manifest(REPOSITORY, &first.to_string()).await, stays, "{cited:?}");
            assert_eq!(count(&hub.db, &COUNT_REPLACED, Vec::new()).await, replaced, "{cited:?}");
            for kept in others.iter().chain([&second]) {
                assert!(hub.has_manifest(REPOSITORY, &kept.to_string()).await, "{cited:?} {kept}");
            }
            // The same again takes nobody's place, and the first made again takes that of the second.
            assert_eq!(hub.own(&image, CYCLONEDX, "2").await, second);
            assert!(hub.has_manifest(REPOSITORY, &second.to_string()).await);
            assert_eq!(hub.own(&image, CYCLONEDX, "1").await, first);
            replaced += 1;
            for (document, is_there) in [(first, true), (second, false)] {
                assert_eq!(hub.has_manifest(REPOSITORY, &document.to_string()).await, is_there, "{cited:?}");
            }
            assert_eq!(count(&hub.db, &COUNT_REPLACED, Vec::new()).await, replaced, "{cited:?}");
            if let Cited::ByTag = cited {
                // Once nothing cites it any more, the next one takes its place.
                run(&hub.db, &DELETE_TAGS, vec![repository.number().into()]).await;
                let third = hub.own(&image, CYCLONEDX, "3").await;
                replaced += 1;
                assert!(!hub.has_manifest(REPOSITORY, &first.to_string()).await);
                assert!(hub.has_manifest(REPOSITORY, &third.to_string()).await);
            }
        }
        // A document without its image is none.
        let gone = hub.image(REPOSITORY, &[], "gone").await;
        hub.registry.delete_manifest(&name(REPOSITORY), &gone.manifest, "user:ann").await.unwrap();
        let body = b"1".to_vec();
        let document = OwnDocument {
            repository: name(REPOSITORY),
            subject: gone.manifest,
            media_type: CYCLONEDX,
            manifest: bytes_of(&manifest(&gone, CYCLONEDX, "1")),
            digest: sha256(b"1"),
            body: body.into(),
        };
        assert_eq!(hub.registry.push_document(document).await.unwrap(), None);
    }
}
