use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oci::{Digest, Reference, media_type};
use pipeline::CompareError;
use serde_json::{Value, json};
use testkit::Database;

use crate::support::{DEBIAN, Hub, STATUS, dpkg, name, sha256};

const CYCLONEDX: &str = "application/vnd.cyclonedx+json";
const SPDX: &str = "application/spdx+json";
const IN_TOTO: &str = "application/vnd.in-toto+json";
const ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

const OF_SPDX: &str = "https://spdx.dev/Document";
const OF_CYCLONEDX: &str = "https://cyclonedx.org/bom";
const OF_PROVENANCE: &str = "https://slsa.dev/provenance/v1";

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

/// Returns one package as SPDX.
fn spdx(name: &str, version: &str) -> Value {
    let purl = format!("pkg:deb/debian/{name}@{version}?arch=amd64&distro=debian-12");
    let reference = json!({"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl});
    let package = json!({"SPDXID": "SPDXRef-1", "name": name, "versionInfo": version, "externalRefs": [reference]});
    json!({
        "spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "their", "creationInfo": {"creators": ["Tool: buildkit"]},
        "packages": [package],
    })
}

/// Returns a statement about an image.
fn statement(predicate_type: &str, about: Digest, predicate: &Value) -> String {
    let subject = json!([{"name": "_", "digest": {"sha256": about.hex()}}]);
    let kind = "https://in-toto.io/Statement/v0.1";
    json!({"_type": kind, "predicateType": predicate_type, "subject": subject, "predicate": predicate}).to_string()
}

/// Returns a statement in an envelope.
fn envelope(statement: &str) -> Value {
    json!({"payloadType": IN_TOTO, "payload": STANDARD.encode(statement), "signatures": [{"sig": ""}]})
}

impl Hub {
    /// Pushes an index that lists manifests, and others that it says to attest something.
    async fn attesting(&self, listed: &[Digest], attestations: &[(&str, String, Digest)]) -> Digest {
        let entry = async |digest: &Digest| {
            // What is not there an index may list at any size.
            let held = self.registry.find_manifest(&name("team/api"), &Reference::Digest(*digest)).await;
            let size = held.map_or(2, |held| held.body.len());
            json!({"mediaType": media_type::OCI_MANIFEST, "digest": digest, "size": size})
        };
        let mut entries = Vec::new();
        for digest in listed {
            entries.push(entry(digest).await);
        }
        for (kind, digest, attestation) in attestations {
            let mut entry = entry(attestation).await;
            entry["platform"] = json!({"os": "unknown", "architecture": "unknown"});
            entry["annotations"] = json!({"vnd.docker.reference.type": kind, "vnd.docker.reference.digest": digest});
            entries.push(entry);
        }
        let index = json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": entries});
        self.manifest("team/api", "index", &index).await
    }

    /// Tells what lies beside an image and what each is.
    async fn beside_told(&self, image: Digest) -> String {
        let documents = self.pipeline.documents(&name("team/api"), image, None).await.unwrap();
        let mut told = String::new();
        for document in documents.listed.iter().filter(|document| !document.is_own()) {
            let named = (document.manifest, Some(document.blob));
            let _infallible = match self.pipeline.compare(&name("team/api"), image, named).await {
                Ok(found) => writeln!(told, "{} {:?}\n{}", found.format, found.tool, found.diff),
                Err(refusal) => writeln!(told, "{}", refusal.to_string().replace(&image.to_string(), "IMAGE")),
            };
        }
        told
    }

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
        match self.pipeline.compare(&name(repository), image, (manifest, None)).await {
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
        let listed = hub.pipeline.documents(&name("team/api"), image, None).await.unwrap().listed;
        assert_eq!(listed.iter().filter(|document| document.is_own()).count(), 2);
        assert_eq!(listed.len(), 2 + manifests.len() - 1);
        for own in listed.iter().filter(|document| document.is_own()) {
            let compared = hub.pipeline.compare(&name("team/api"), image, (own.manifest, Some(own.blob))).await.unwrap();
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
            let refusal = hub.pipeline.compare(&name(repository), image, (manifest, None)).await;
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
            let compared = hub.pipeline.compare(&name("team/api"), image, (manifest, None)).await;
            assert_eq!(compared.is_ok(), is_read, "{bytes} {compared:?}");
            assert!(is_read || matches!(compared, Err(CompareError::TooLarge { .. })));
            let mut said = statement(OF_CYCLONEDX, image, &document(&[]));
            said.push_str(&" ".repeat(bytes - said.len()));
            let attestation = hub.attestation("team/api", &[(OF_CYCLONEDX, &said)]).await;
            hub.attesting(&[image], &[("attestation-manifest", image.to_string(), attestation)]).await;
            let compared = hub.pipeline.compare(&name("team/api"), image, (attestation, None)).await;
            assert_eq!(compared.is_ok(), is_read, "{bytes} {compared:?}");
        }
    }

    async fn what_a_builder_lists_beside_an_image_is_compared(database: Database) {
        let hub = Hub::open(database).await;
        let status = dpkg(&[("openssl", "3.0.11-1")]);
        let image = hub.image("team/api", "1", &[&[DEBIAN], &[(STATUS, &status)]]).await;
        let other = hub.image("team/api", "2", &[&[DEBIAN]]).await;
        let (theirs, same) = (spdx("openssl", "3.0.12-1"), spdx("openssl", "3.0.11-1"));
        let said = statement(OF_SPDX, image, &theirs);
        let attested = async |told: &str, statement: &str| hub.attestation("team/api", &[(told, statement)]).await;
        // One that holds two beside what is none.
        let two = hub.attestation("team/api", &[
            (OF_PROVENANCE, &statement(OF_PROVENANCE, image, &json!({}))),
            (OF_SPDX, &said),
            (OF_SPDX, &statement(OF_SPDX, image, &same)),
        ]).await;
        let kind = "attestation-manifest";
        hub.attesting(&[image, other], &[(kind, image.to_string(), two)]).await;
        hub.settle().await;
        insta::assert_snapshot!("attested_in_an_index", hub.beside_told(image).await);
        assert_eq!(hub.beside_told(other).await, "");
        let of = async |manifest: Digest| {
            let found = hub.pipeline.documents(&name("team/api"), image, Some(manifest)).await.unwrap();
            found.listed.len()
        };
        assert_eq!(of(two).await, 2);

        // What says something else, of something else, or is not said to be of this image.
        let provenance = attested(OF_PROVENANCE, &statement(OF_PROVENANCE, image, &json!({"a": 1}))).await;
        let of_other = attested(OF_SPDX, &format!(" {said}")).await;
        let of_other_kind = attested(OF_SPDX, &format!("  {said}")).await;
        let without = attested(OF_SPDX, &format!("   {said}")).await;
        hub.attesting(&[image, other], &[
            (kind, image.to_string(), provenance),
            (kind, other.to_string(), of_other),
            ("something-else", image.to_string(), of_other_kind),
            (kind, "sha256:".to_owned(), of_other_kind),
        ]).await;
        hub.attesting(&[other], &[(kind, image.to_string(), without)]).await;
        for manifest in [provenance, of_other, of_other_kind, without, other, image] {
            assert_eq!(of(manifest).await, 0, "{manifest}");
            let refusal = hub.pipeline.compare(&name("team/api"), image, (manifest, None)).await;
            assert!(matches!(refusal, Err(CompareError::Absent(_))), "{refusal:?}");
        }
        let elsewhere = hub.pipeline.compare(&name("other/api"), image, (two, None)).await;
        assert!(matches!(elsewhere, Err(CompareError::Absent(_))), "{elsewhere:?}");
        let of_none = hub.pipeline.compare(&name("team/api"), image, (two, Some(image))).await;
        assert!(matches!(of_none, Err(CompareError::Absent(_))), "{of_none:?}");
        for (manifest, expected) in [
            (attested(OF_SPDX, &statement(OF_PROVENANCE, image, &json!({}))).await, "it is a statement of type `https://slsa.dev/provenance/v1`, and no SBOM"),
            (attested(OF_SPDX, &statement(OF_SPDX, other, &theirs)).await, "it is a statement about something else"),
            (attested(OF_SPDX, &statement(OF_SPDX, image, &json!(1))).await, "the document is neither CycloneDX, SPDX or Syft-JSON, nor a list of purls"),
        ] {
            hub.attesting(&[image], &[(kind, image.to_string(), manifest)]).await;
            let told = hub.differences("team/api", image, manifest).await;
            assert_eq!(told, format!("the document is not understood: {expected}"));
        }
        assert_eq!(hub.errors().await, Vec::<String>::new());
    }

    async fn what_is_attested_in_an_envelope_is_compared(database: Database) {
        let hub = Hub::open(database).await;
        let status = dpkg(&[("openssl", "3.0.11-1")]);
        let image = hub.image("team/api", "1", &[&[DEBIAN], &[(STATUS, &status)]]).await;
        let theirs = document(&[("openssl", "3.0.12-1")]);
        let enveloped = envelope(&statement(OF_CYCLONEDX, image, &theirs));
        let bundle = json!({"mediaType": BUNDLE, "verificationMaterial": {}, "dsseEnvelope": enveloped}).to_string();
        let empty = hub.blob("team/api", b"{}").await;
        let manifest = async |media_type: &str, body: &str, told: Value, subject: Option<Digest>| {
            let blob = hub.blob("team/api", body.as_bytes()).await;
            let mut manifest = json!({
                "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "artifactType": media_type,
                "config": {"mediaType": media_type::OCI_EMPTY, "digest": empty, "size": 2},
                "layers": [{"mediaType": media_type, "digest": blob, "size": body.len()}],
            });
            // Newer versions of cosign tell it of the manifest, older ones of the layer.
            match subject {
                Some(subject) => {
                    manifest["annotations"] = told;
                    manifest["subject"] = json!({"mediaType": media_type::OCI_MANIFEST, "digest": subject, "size": 2});
                }
                None => manifest["layers"][0]["annotations"] = told,
            }
            manifest
        };
        let told = |predicate_type: &str| json!({"dev.sigstore.bundle.content": "dsse-envelope", "dev.sigstore.bundle.predicateType": predicate_type});
        let of_image = Some(image);
        let attested = manifest(BUNDLE, &bundle, told(OF_CYCLONEDX), of_image).await;
        hub.manifest("team/api", "bundle", &attested).await;
        for other in [
            manifest(BUNDLE, &bundle, told("https://sigstore.dev/cosign/sign/v1"), of_image).await,
            manifest(BUNDLE, &bundle, json!({}), of_image).await,
            manifest(ENVELOPE, &enveloped.to_string(), json!({}), of_image).await,
        ] {
            hub.manifest("team/api", "other", &other).await;
        }
        let tagged = manifest(ENVELOPE, &enveloped.to_string(), json!({"predicateType": OF_CYCLONEDX}), None).await;
        let tagged = hub.manifest("team/api", "later", &tagged).await;
        hub.settle().await;
        let one = hub.beside_told(image).await;
        insta::assert_snapshot!("attested_in_an_envelope", one);
        // The tag alone says of what it is.
        let absent = hub.pipeline.compare(&name("team/api"), image, (tagged, None)).await;
        assert!(matches!(absent, Err(CompareError::Absent(_))), "{absent:?}");
        let again = manifest(ENVELOPE, &enveloped.to_string(), json!({"predicateType": OF_CYCLONEDX}), None).await;
        hub.manifest("team/api", &format!("sha256-{}.att", image.hex()), &again).await;
        assert_eq!(hub.beside_told(image).await, [&*one, &*one].concat());
    }

    async fn what_lies_beside_an_image_is_looked_at_up_to_a_number(database: Database) {
        let hub = Hub::open(database).await;
        let image = hub.image("team/api", "1", &[&[DEBIAN]]).await;
        let of_image = |number: usize| ("attestation-manifest", image.to_string(), sha256(&number.to_be_bytes()));
        for attestations in [199, 200, 201] {
            let hub_image = hub.image("team/api", "2", &[&[DEBIAN], &[("etc/number", &attestations.to_string())]]).await;
            let listed: Vec<_> = (0..attestations).map(of_image).map(|(kind, _, digest)| (kind, hub_image.to_string(), digest)).collect();
            hub.attesting(&[hub_image], &listed).await;
            let found = hub.pipeline.documents(&name("team/api"), hub_image, None).await.unwrap();
            assert_eq!((found.listed.len(), found.may_be_more), (0, attestations > 200), "{attestations}");
        }
        for indexes in 1..=51 {
            hub.attesting(&[image], &[of_image(indexes)]).await;
            if indexes < 49 {
                continue;
            }
            let found = hub.pipeline.documents(&name("team/api"), image, None).await.unwrap();
            assert_eq!((found.listed.len(), found.may_be_more), (0, indexes > 50), "{indexes}");
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
            let found = hub.pipeline.documents(&name("team/api"), image, None).await.unwrap();
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
            let found = hub.pipeline.documents(&name("team/api"), image, None).await.unwrap();
            assert_eq!((found.listed.len(), found.left_out, found.may_be_more), (0, 0, number > 200), "{number}");
        }
    }
}
