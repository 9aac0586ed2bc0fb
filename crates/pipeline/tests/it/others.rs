use oci::{Digest, media_type};
use pipeline::CompareError;
use serde_json::{Value, json};
use testkit::Database;

use crate::support::{DEBIAN, Hub, STATUS, dpkg, name};

const CYCLONEDX: &str = "application/vnd.cyclonedx+json";
const SPDX: &str = "application/spdx+json";
const IN_TOTO: &str = "application/vnd.in-toto+json";

/// Returns a document of these Debian packages, as another tool may write it.
fn document(packages: &[(&str, &str)]) -> Value {
    let component = |(name, version): &(&str, &str)| {
        let purl = format!("pkg:deb/debian/{name}@{version}?arch=amd64&distro=debian-12");
        json!({"type": "library", "name": name, "version": version, "purl": purl, "bom-ref": purl})
    };
    let components: Vec<Value> = packages.iter().map(component).collect();
    let tools = json!([{"vendor": "someone", "name": "their-tool", "version": "1"}]);
    json!({"bomFormat": "CycloneDX", "specVersion": "1.4", "metadata": {"tools": tools}, "components": components})
}

impl Hub {
    /// Pushes a blob beside an image.
    async fn beside(&self, repository: &str, image: &Digest, tag: &str, media_type: &str, body: &str) -> Digest {
        let empty = self.blob(repository, b"{}").await;
        let blob = self.blob(repository, body.as_bytes()).await;
        let manifest = json!({
            "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "artifactType": media_type,
            "config": {"mediaType": media_type::OCI_EMPTY, "digest": empty, "size": 2},
            "layers": [{"mediaType": media_type, "digest": blob, "size": body.len()}],
            "subject": {"mediaType": media_type::OCI_MANIFEST, "digest": image, "size": 2},
        });
        self.manifest(repository, tag, &manifest).await
    }

    /// Compares, and tells what differs or why that cannot be said.
    async fn differences(&self, repository: &str, image: Digest, manifest: Digest) -> String {
        match self.pipeline.compare(&name(repository), image, manifest).await {
            Ok(found) => format!("{} {:?} by {}\n{}", found.format, found.tool, found.document.pushed_by, found.diff),
            Err(CompareError::Failed(error)) => panic!("{error}"),
            Err(refusal) => refusal.to_string(),
        }
    }
}

testkit::on_both_databases! {
    async fn what_others_push_is_kept_and_compared(database: Database) {
        let hub = Hub::open(database).await;
        let status = dpkg(&[("openssl", "3.0.11-1"), ("zlib1g", "1:1.2.13"), ("bash", "5.2")]);
        let image = hub.image("team/api", "1", &[&[DEBIAN], &[(STATUS, &status)]]).await;
        let theirs = document(&[("openssl", "3.0.11-1"), ("zlib1g", "1:1.3"), ("curl", "8")]);
        let same = document(&[("openssl", "3.0.11-1"), ("zlib1g", "1:1.2.13"), ("bash", "5.2")]);
        let wrapped = |predicate_type: &str, predicate: &Value| {
            json!({"_type": "https://in-toto.io/Statement/v1", "predicateType": predicate_type, "predicate": predicate}).to_string()
        };
        let pushed = [
            ("theirs", CYCLONEDX, theirs.to_string()),
            ("same", CYCLONEDX, same.to_string()),
            ("wrapped", IN_TOTO, wrapped("https://cyclonedx.org/bom/v1.4", &theirs)),
            ("provenance", IN_TOTO, wrapped("https://slsa.dev/provenance/v1", &json!({}))),
            ("no-statement", IN_TOTO, "{}".to_owned()),
            ("garbage", SPDX, "garbage".to_owned()),
            ("signature", "application/vnd.dev.sigstore.bundle.v0.3+json", "{}".to_owned()),
        ];
        let mut manifests = Vec::new();
        for (tag, media_type, body) in &pushed {
            manifests.push(hub.beside("team/api", &image, tag, media_type, body).await);
        }
        assert_eq!(
            hub.differences("team/api", image, manifests[0]).await,
            format!("the hub has no inventory of {image} to compare with")
        );
        hub.settle().await;
        let mut told = String::new();
        for ((tag, ..), manifest) in pushed.iter().zip(&manifests) {
            let differences = hub.differences("team/api", image, *manifest).await.replace(&manifest.to_string(), "DIGEST");
            told.push_str(&[tag, ": ", &differences, "\n"].concat());
        }
        insta::assert_snapshot!("documents_of_others", told);
        // Ours are listed beside theirs, and are compared like any other.
        let listed = hub.pipeline.documents(&name("team/api"), image).await.unwrap().listed;
        assert_eq!(listed.iter().filter(|document| document.is_own()).count(), 2);
        assert_eq!(listed.len(), 2 + manifests.len() - 1);
        for own in listed.iter().filter(|document| document.is_own()) {
            let compared = hub.pipeline.compare(&name("team/api"), image, own.manifest).await.unwrap();
            assert!(compared.diff.is_empty() && compared.wrong == 0, "{compared:?}");
        }
        // Another image's document, a repository that holds neither, and what is no document at all.
        let other = hub.image("team/api", "2", &[&[DEBIAN]]).await;
        hub.settle().await;
        for (repository, image, manifest) in [
            ("team/api", other, manifests[0]),
            ("other/api", image, manifests[0]),
            ("team/api", image, image),
            ("team/api", image, manifests[6]),
        ] {
            let refusal = hub.pipeline.compare(&name(repository), image, manifest).await;
            assert!(matches!(refusal, Err(CompareError::Absent(_))), "{repository} {refusal:?}");
        }
    }

    async fn a_document_has_a_largest_size(database: Database) {
        // A sixteenth of the memory is for a document.
        let options = pipeline::Options { memory_bytes: 1 << 20, ..pipeline::Options::default() };
        let limit = (1 << 20) / 16;
        let hub = Hub::open_with(database, true, options).await;
        let image = hub.image("team/api", "1", &[&[DEBIAN]]).await;
        hub.settle().await;
        for (bytes, is_read) in [(limit - 1, true), (limit, true), (limit + 1, false)] {
            let mut body = document(&[]).to_string();
            body.push_str(&" ".repeat(bytes - body.len()));
            let manifest = hub.beside("team/api", &image, "sbom", CYCLONEDX, &body).await;
            let compared = hub.pipeline.compare(&name("team/api"), image, manifest).await;
            assert_eq!(compared.is_ok(), is_read, "{bytes} {compared:?}");
            assert!(is_read || matches!(compared, Err(CompareError::TooLarge { .. })));
        }
    }

    async fn many_documents_are_listed_up_to_a_number_and_counted_beyond(database: Database) {
        let hub = Hub::open(database).await;
        let image = hub.image("team/api", "1", &[&[DEBIAN]]).await;
        hub.settle().await;
        for (count, listed, left_out) in [(19, 19, 0), (20, 20, 0), (21, 20, 1), (23, 20, 3)] {
            for number in 1..=count {
                let body = document(&[("a", &number.to_string())]).to_string();
                hub.beside("team/api", &image, "sbom", CYCLONEDX, &body).await;
            }
            // The hub's own two take nobody's place.
            let found = hub.pipeline.documents(&name("team/api"), image).await.unwrap();
            assert_eq!((found.listed.len(), found.left_out, found.may_be_more), (listed + 2, left_out, false));
        }
    }

    async fn what_refers_to_an_image_is_looked_at_up_to_a_number(database: Database) {
        let hub = Hub::open(database).await;
        let image = hub.image("team/api", "1", &[&[DEBIAN]]).await;
        for number in 1..=201 {
            hub.beside("team/api", &image, "signature", "application/vnd.example+json", &number.to_string()).await;
            if number < 199 {
                continue;
            }
            let found = hub.pipeline.documents(&name("team/api"), image).await.unwrap();
            assert_eq!((found.listed.len(), found.left_out, found.may_be_more), (0, 0, number > 200), "{number}");
        }
    }
}
