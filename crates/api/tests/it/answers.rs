//! What holds of answers whatever was asked: methods, HEAD, headers, bodies of failures.

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::yield_now;

use crate::hub::{Hub, OCI_MANIFEST, artifact, ask, delete, descriptor, get, head, image, post, put, sha256};

/// An `OpenVEX` document about one vulnerability.
fn openvex(name: &str) -> Vec<u8> {
    let statement =
        json!({"vulnerability": {"name": name}, "products": [{"@id": "pkg:deb/debian/openssl"}], "status": "fixed"});
    let document = json!({
        "@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://vendor.example/1", "author": "Vendor",
        "timestamp": "2026-01-02T03:04:05Z", "version": 1, "statements": [statement],
    });
    document.to_string().into_bytes()
}

/// A database of advisories with one record.
fn advisories_of_one_record() -> Vec<u8> {
    let affected = vulndb::Affected {
        ecosystem: vulndb::Ecosystem::new(vulndb::Family::Npm),
        package: "lodash".to_owned(),
        named: vulndb::Named::Binary,
        verdict: vulndb::Verdict::Affected(vulndb::Fix::AsStated),
        qualifiers: vulndb::Qualifiers::default(),
        intervals: vec![vulndb::Interval::ALL],
        versions: Vec::new(),
        severities: Vec::new(),
    };
    let advisory =
        vulndb::Advisory { id: "GHSA-1".to_owned(), affected: vec![affected], ..vulndb::Advisory::default() };
    let mut builder = vulndb::file::Builder::new();
    let feed = vulndb::file::Feed {
        name: "own".to_owned(),
        reader: "osv".to_owned(),
        address: String::new(),
        fetched: None,
        advisories: 0,
        problems: Vec::new(),
    };
    builder.add(feed, vulndb::Records { advisories: vec![advisory], ..vulndb::Records::default() });
    builder.finish().unwrap()
}

testkit::on_both_databases! {
    async fn exceptions_are_set_in_the_place_of_those_that_were_read(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let admin = hub.user("its-admin", &[("team", "admin")]).await;
        let uri = "/api/v1/projects/team/exceptions";
        let none = hub.send(get(uri).by(&admin)).await.is(200).json();
        assert_eq!((&none["digest"], &none["document"], &none["exceptions"]), (&Value::Null, &json!(""), &json!([])));
        let entry = "  - {id: one, vulnerabilities: [CVE-2024-1], owner: ann, reason: so, created: 2026-01-01, expires: 2026-02-01}\n";
        let head = "apiVersion: garrison.dev/v1\nkind: Exceptions\nexceptions:\n";
        let document = format!("{head}{entry}");
        let set = hub.send(put(uri).by(&admin).body(document.as_bytes())).await.is(200).json();
        assert_eq!(set["set_by"], "user:its-admin");
        let told = hub.send(get(uri).by(&hub.team)).await.is(200).json();
        assert_eq!((&told["document"], &told["digest"]), (&json!(document), &set["digest"]));
        let first = &told["exceptions"][0];
        assert_eq!((&first["id"], &first["state"], &first["expires"]), (&json!("one"), &json!("expired"), &json!("2026-02-01T00:00:00Z")));
        // They name repositories, and say what is in them: whoever may read some alone is told none of it.
        let some = hub.robot("team", "some", "team/api", "reader").await;
        let all = hub.robot("team", "all", "team/**", "reader").await;
        for path in ["exceptions", "vex"] {
            let uri = format!("/api/v1/projects/team/{path}");
            hub.send(get(&uri).by(&some)).await.fails(403, "DENIED");
            hub.send(get(&uri).by(&all)).await.is(200);
        }
        // Nobody else's are these.
        assert_eq!(hub.send(get("/api/v1/projects/open/exceptions")).await.is(200).json()["document"], "");
        let other = hub.send(put(uri).by(&admin).body(head.replace("exceptions:", "exceptions: []").as_bytes())).await;
        let changed = other.fails(412, "EXCEPTIONS_CHANGED");
        assert_eq!(changed.json()["facts"]["current"], set["digest"]);
        let digest = set["digest"].as_str().unwrap();
        let wrong = format!("{document}  - {{id: two, vulnerability: x}}\n");
        let refused = hub.send(put(&format!("{uri}?replaces={digest}")).by(&admin).body(wrong.as_bytes())).await;
        let refused = refused.fails(400, "EXCEPTIONS_INVALID").json();
        assert_eq!((&refused["facts"]["line"], refused["detail"].as_str().unwrap().contains("line 5, column")), (&json!(5), true), "{refused}");
        hub.send(put(&format!("{uri}?replaces=none")).by(&admin).body(b"")).await.fails(400, "INPUT_INVALID");
        hub.send(put(&format!("{uri}?replaces={digest}")).by(&admin).body(b"\xff")).await.fails(400, "EXCEPTIONS_INVALID");
        let long = vec![b' '; (1 << 20) + 1];
        hub.send(put(&format!("{uri}?replaces={digest}")).by(&admin).body(&long)).await.fails(413, "EXCEPTIONS_INVALID");
        hub.send(put(&format!("{uri}?replaces={digest}")).by(&admin).body(&long[1..])).await.is(200);
        let root = hub.session("admin").await;
        hub.send(put("/api/v1/projects/none/exceptions").by(&root).body(b"")).await.fails(404, "PROJECT_UNKNOWN");
    }

    async fn exceptions_are_told_in_pages_of_one_document(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let admin = hub.user("its-admin", &[("team", "admin")]).await;
        let uri = "/api/v1/projects/team/exceptions";
        let entry = |id: &str| format!("  - {{id: {id}, vulnerabilities: [CVE-2024-1], paths: [/app], owner: ann, reason: so, created: 2026-01-01, expires: 2026-02-01}}\n");
        let document = format!("apiVersion: garrison.dev/v1\nkind: Exceptions\nexceptions:\n{}{}{}", entry("a"), entry("b"), entry("c"));
        let set = hub.send(put(uri).by(&admin).body(document.as_bytes())).await.is(200).json();
        assert_eq!((set["exceptions"].as_array().unwrap().len(), &set["next"]), (3, &Value::Null));
        let ids = |page: &Value| page["exceptions"].as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        let first = hub.send(get(&format!("{uri}?limit=2")).by(&hub.team)).await.is(200).json();
        assert_eq!((ids(&first), &first["exceptions"][0]["paths"]), (vec!["a".to_owned(), "b".to_owned()], &json!(["/app"])));
        let next = format!("{uri}?limit=2&after={}", first["next"].as_str().unwrap());
        let second = hub.send(get(&next).by(&hub.team)).await.is(200).json();
        assert_eq!((ids(&second), &second["next"], &second["document"]), (vec!["c".to_owned()], &Value::Null, &json!(document)));
        let whole = hub.send(get(&format!("{uri}?limit=3")).by(&hub.team)).await.is(200).json();
        assert_eq!((ids(&whole).len(), &whole["next"]), (3, &Value::Null));
        for after in ["x", "1", "1.sha256:ab"] {
            hub.send(get(&format!("{uri}?after={after}")).by(&hub.team)).await.fails(400, "CURSOR_INVALID");
        }
        let digest = set["digest"].as_str().unwrap();
        hub.send(put(&format!("{uri}?replaces={digest}")).by(&admin).body(b"")).await.is(200);
        hub.send(get(&next).by(&hub.team)).await.fails(400, "CURSOR_INVALID");
    }

    async fn vex_documents_are_given_by_their_digest_and_told_to_who_may_see_the_project(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let admin = hub.user("its-admin", &[("team", "admin")]).await;
        let (root, other) = (hub.session("admin").await, hub.user("other-admin", &[("team", "admin")]).await);
        let document = openvex("CVE-2024-1");
        let digest = sha256(&document);
        let (list, one) = ("/api/v1/projects/team/vex", format!("/api/v1/projects/team/vex/{digest}"));
        assert_eq!(hub.send(get(list).by(&admin)).await.is(200).json(), json!({"items": [], "next": null}));
        // Who may only see it, and who may not even know of it.
        hub.send(put(&one).by(&hub.team).body(&document)).await.fails(403, "DENIED");
        hub.send(delete(&one).by(&hub.team)).await.fails(403, "DENIED");
        hub.send(put(&one).by(&hub.other).body(&document)).await.fails(404, "PROJECT_UNKNOWN");
        hub.send(put(&format!("/api/v1/vex/{digest}")).by(&admin).body(&document)).await.fails(403, "DENIED");
        // What is no document, or not the one that was named.
        hub.send(put(&one).by(&admin).body(b"{}")).await.fails(400, "DIGEST_INVALID");
        hub.send(put("/api/v1/projects/team/vex/none").by(&admin).body(&document)).await.fails(400, "INPUT_INVALID");
        let refused = hub.send(put(&format!("{list}/{}", sha256(b"{}"))).by(&admin).body(b"{}")).await;
        assert!(refused.fails(400, "VEX_INVALID").message().contains("the document is refused"));
        let large = vec![b' '; (4 << 20) + 1];
        hub.send(put(&format!("{list}/{}", sha256(&large))).by(&admin).body(&large)).await.fails(413, "VEX_INVALID");
        hub.send(put(&format!("/api/v1/projects/none/vex/{digest}")).by(&root).body(&document)).await.fails(404, "PROJECT_UNKNOWN");
        assert_eq!(hub.send(get(list).by(&admin)).await.is(200).json()["items"], json!([]));

        let given = hub.send(put(&one).by(&admin).body(&document)).await.is(200).json();
        assert_eq!((&given["author"], &given["format"], &given["statements"]), (&json!("Vendor"), &json!("openvex"), &json!(1)));
        assert_eq!((&given["given_by"], &given["digest"]), (&json!("user:its-admin"), &json!(digest.to_string())));
        // Who gives it again is told who gave it first.
        assert_eq!(hub.send(put(&one).by(&other).body(&document)).await.is(200).json(), given);
        assert_eq!(hub.send(get(list).by(&hub.team)).await.is(200).json()["items"], json!([given]));
        assert_eq!(hub.send(get(&one).by(&hub.team)).await.is(200).text().as_bytes(), document);
        hub.send(get(&one).by(&hub.other)).await.fails(404, "PROJECT_UNKNOWN");
        hub.send(get(&format!("/api/v1/projects/open/vex/{digest}"))).await.fails(404, "VEX_UNKNOWN");
        for number in 2..=100 {
            let document = openvex(&format!("CVE-2024-{number}"));
            hub.send(put(&format!("{list}/{}", sha256(&document))).by(&admin).body(&document)).await.is(200);
        }
        let last = openvex("CVE-2024-101");
        let many = hub.send(put(&format!("{list}/{}", sha256(&last))).by(&admin).body(&last)).await.fails(409, "VEX_INVALID");
        assert!(many.message().contains("101 documents"));
        hub.send(delete(&one).by(&admin)).await.is(204);
        hub.send(delete(&one).by(&admin)).await.fails(404, "VEX_UNKNOWN");
        hub.send(get(&one).by(&admin)).await.fails(404, "VEX_UNKNOWN");
        hub.send(put(&format!("{list}/{}", sha256(&last))).by(&admin).body(&last)).await.is(200);
        let for_all = hub.send(put(&format!("/api/v1/vex/{digest}")).by(&root).body(&document)).await.is(200).json();
        assert_eq!(for_all["given_by"], "user:admin");
        assert_eq!(hub.send(get("/api/v1/vex").by(&root)).await.is(200).json()["items"], json!([for_all]));
    }

    async fn whose_vex_counts_is_set_by_administrators_in_the_place_of_what_was_read(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let (root, admin) = (hub.session("admin").await, hub.user("its-admin", &[("team", "admin")]).await);
        let uri = "/api/v1/vex-trust";
        let none = hub.send(get(uri).by(&root)).await.is(200).json();
        let default = json!({
            "digest": null, "set_by": null, "set_at": null, "document": "", "authors": [], "others_count": true, "pushers": [],
        });
        assert_eq!(none, default);
        let head = "apiVersion: garrison.dev/v1\nkind: VexTrust\n";
        let document = format!("{head}authors: [[\"Red Hat*\"], [Team]]\nothers: ignore\npushers: [\"robot:vex-*\"]\n");
        hub.send(put(uri).by(&admin).body(document.as_bytes())).await.fails(403, "DENIED");
        let set = hub.send(put(uri).by(&root).body(document.as_bytes())).await.is(200).json();
        assert_eq!((&set["set_by"], &set["authors"]), (&json!("user:admin"), &json!([["Red Hat*"], ["Team"]])));
        assert_eq!((&set["others_count"], &set["pushers"]), (&json!(false), &json!(["robot:vex-*"])));
        assert_eq!(hub.send(get(uri).by(&root)).await.is(200).json(), set);
        let changed = hub.send(put(uri).by(&root).body(head.as_bytes())).await.fails(412, "VEX_TRUST_CHANGED").json();
        assert_eq!(changed["facts"]["current"], set["digest"]);
        let replacing = format!("{uri}?replaces={}", set["digest"].as_str().unwrap());
        let wrong = hub.send(put(&replacing).by(&root).body(format!("{head}pusher: []\n").as_bytes())).await;
        assert_eq!(wrong.fails(400, "VEX_TRUST_INVALID").json()["facts"]["line"], 3);
        hub.send(put(&replacing).by(&root).body(b"\xff")).await.fails(400, "VEX_TRUST_INVALID");
        let long = vec![b' '; (256 << 10) + 1];
        hub.send(put(&replacing).by(&root).body(&long)).await.fails(413, "VEX_TRUST_INVALID");
        let back = hub.send(put(&replacing).by(&root).body(b"")).await.is(200).json();
        assert_eq!((&back["others_count"], &back["pushers"]), (&json!(true), &json!([])));
    }

    /// What there is of advisories is for everybody who may look for findings; how the hub came by it is not.
    async fn what_became_of_feeds_is_told_to_administrators(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let admin = hub.session("admin").await;
        let feeds = &hub.send(get("/api/v1/advisories").by(&admin)).await.is(200).json()["feeds"];
        assert_eq!((&feeds[0]["name"], &feeds[0]["error"]), (&json!("lost"), &json!("mirror.corp answered 404")));
        let user = hub.user("reader", &[("team", "reader")]).await;
        let told = hub.send(get("/api/v1/advisories").by(&user)).await.is(200).json();
        assert_eq!((&told["feeds"], &told["digest"], &told["ended"]), (&json!([]), &Value::Null, &json!([])), "{told}");
    }

    /// Whoever brings a database may go as soon as it is in use: it is published all the same, and in the audit log.
    async fn advisories_that_are_brought_are_taken_to_the_end(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let admin = hub.session("admin").await;
        let brought = advisories_of_one_record();
        {
            let mut sending = pin!(hub.send(put("/api/v1/advisories/database").by(&admin).body(&brought)));
            let is_in_use = async || !hub.send(get("/api/v1/advisories").by(&admin)).await.is(200).json()["digest"].is_null();
            while !is_in_use().await {
                if poll_fn(|context| Poll::Ready(sending.as_mut().poll(context))).await.is_ready() {
                    break;
                }
            }
        }
        let audited = async || {
            let items = hub.send(get("/api/v1/audit?action=advisories.import").by(&admin)).await.is(200).json();
            items["items"].as_array().unwrap().len()
        };
        let within = tokio::time::timeout(Duration::from_secs(30), async {
            while audited().await == 0 {
                yield_now().await;
            }
        });
        within.await.expect("it is published");
        let status = hub.send(get("/api/v1/advisories").by(&admin)).await.is(200).json();
        let digest = blobs::digest(oci::Algorithm::Sha256, &brought).to_string();
        assert_eq!(status["digest"], json!(digest));
    }

    async fn documents_are_ordered_once_a_project_wants_them_again(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let admin = hub.session("admin").await;
        for (wanted, orders) in [(false, 0), (true, 1)] {
            let body = json!({ "sbom_documents": wanted }).to_string();
            hub.send(ask("PATCH", "/api/v1/projects/team").by(&admin).body(body.as_bytes())).await.is(200);
            let jobs = hub.send(get("/api/v1/jobs?kind=inventory.sweep").by(&admin)).await.is(200).json();
            assert_eq!(jobs["items"].as_array().unwrap().len(), orders, "{jobs}");
        }
    }

    async fn attestations_are_no_images_of_an_index(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let (image, image_bytes) = hub.push_image(&hub.team, "team/api", "1").await;
        let (annotated, annotated_bytes) = hub.push_image(&hub.team, "team/api", "2").await;
        let mut attestations = Vec::new();
        for kind in ["application/vnd.a", "application/vnd.b"] {
            hub.push_blob(&hub.team, "team/api", b"{}").await;
            let bytes = artifact(kind, None);
            let digest = hub.push_manifest(&hub.team, "team/api", "attestation", OCI_MANIFEST, &bytes).await;
            attestations.push((digest, bytes.len()));
        }
        let mut entries = Vec::new();
        for (digest, size, platform, attests) in [
            (image, image_bytes.len(), Some("linux"), false),
            (attestations[0].0, attestations[0].1, Some("unknown"), true),
            (attestations[1].0, attestations[1].1, None, true),
            // What has a platform may run, whatever is said of it.
            (annotated, annotated_bytes.len(), Some("linux"), true),
        ] {
            let mut entry = descriptor(OCI_MANIFEST, &digest, size);
            if let Some(os) = platform {
                entry["platform"] = json!({"os": os, "architecture": os});
            }
            if attests {
                entry["annotations"] = json!({"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": image});
            }
            entries.push(entry);
        }
        let kind = "application/vnd.oci.image.index.v1+json";
        let index = json!({"schemaVersion": 2, "mediaType": kind, "manifests": entries}).to_string();
        hub.push_manifest(&hub.team, "team/api", "index", kind, index.as_bytes()).await;
        let told = hub.send(get("/api/v1/repository/inventory?name=team/api&reference=index").by(&hub.team)).await.is(200).json();
        let images: Vec<&Value> = told["images"].as_array().unwrap().iter().map(|image| &image["digest"]).collect();
        assert_eq!(images, [&json!(image), &json!(annotated)]);
    }

    async fn what_changed_is_told_from_a_place_that_tells_nothing(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let place = hub.tenancy().hide("finding event", 5).unwrap();
        assert_eq!(hub.send(get(&format!("/api/v1/findings/events?after={place}")).by(&hub.team)).await.is(200).json()["items"], json!([]));
        let other = hub.tenancy().hide("other", 5).unwrap();
        for after in ["5", "-1", "x", &other, &place[1..]] {
            hub.send(get(&format!("/api/v1/findings/events?after={after}")).by(&hub.team)).await.fails(400, "CURSOR_INVALID");
        }
        for (parameter, status) in [("since=7d", 200), ("older_than=2026-11-29&since=36h", 200), ("since=yesterday", 400), ("older_than=-1d", 400)] {
            let answer = hub.send(get(&format!("/api/v1/vulnerabilities?order=age&{parameter}")).by(&hub.team)).await;
            if status == 200 {
                assert_eq!(answer.is(200).json()["order_of_hub"], json!(false), "{parameter}");
            } else {
                answer.fails(400, "PARAMETER_INVALID");
            }
        }
        for after in ["5.5", "x", "7b7d"] {
            hub.send(get(&format!("/api/v1/vulnerabilities?after={after}")).by(&hub.team)).await.fails(400, "CURSOR_INVALID");
        }
    }

    async fn what_holds_no_root_file_system_has_nothing_to_inventory(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let config = hub.push_blob(&hub.team, "team/api", b"{\"os\":\"linux\"}").await;
        hub.push_blob(&hub.team, "team/api", b"{}").await;
        let without_layers = image(&descriptor("application/vnd.oci.image.config.v1+json", &config, 14), &[]);
        let chart = artifact("application/vnd.cncf.helm.config.v1+json", None);
        for (tag, manifest, reason) in [
            ("empty", without_layers, "it has no layers"),
            ("chart", chart, "it is an artifact of type `application/vnd.cncf.helm.config.v1+json`, not an image of a container"),
        ] {
            let digest = hub.push_manifest(&hub.team, "team/api", tag, OCI_MANIFEST, &manifest).await;
            let told = hub.send(get(&format!("/api/v1/repository/inventory?name=team/api&reference={tag}")).by(&hub.team)).await.is(200).json();
            let one = &told["images"][0];
            assert_eq!((&one["digest"], &one["state"], &one["reason"]), (&json!(digest), &json!("none"), &json!(reason)), "{told}");
            for row in ["components?", "sbom?", "findings?", "explanation?vulnerability=CVE-2024-1&"] {
                let uri = format!("/api/v1/repository/{row}name=team/api&reference={tag}");
                let answer = hub.send(get(&uri).by(&hub.team)).await.fails(404, "NO_ROOT_FILE_SYSTEM");
                let message = format!("{digest} holds no root file system, so that there is nothing to inventory: {reason}");
                assert_eq!(answer.message(), message, "{uri}");
                assert_eq!(answer.json()["hint"], format!("`garrison repo show team/api@{digest}` says what it is"), "{uri}");
            }
        }
    }

    async fn a_method_that_is_not_there_is_405_with_those_that_are(database: testkit::Database) {
        let hub = Hub::new(database).await;
        for (method, uri, code, allowed) in [
            ("POST", "/v2/", "UNSUPPORTED", "GET, HEAD"),
            ("DELETE", "/v2/_catalog", "UNSUPPORTED", "GET, HEAD"),
            ("PUT", "/v2/team/api/blobs/uploads/", "UNSUPPORTED", "POST"),
            ("HEAD", "/v2/team/api/blobs/uploads/", "UNSUPPORTED", "POST"),
            ("OPTIONS", "/v2/team/api/tags/list", "UNSUPPORTED", "GET, HEAD"),
            ("DELETE", "/api/v1/system", "METHOD_NOT_ALLOWED", "GET,HEAD"),
            ("PUT", "/api/v1/projects", "METHOD_NOT_ALLOWED", "GET,HEAD,POST"),
            ("PATCH", "/token", "METHOD_NOT_ALLOWED", "GET,HEAD,POST"),
        ] {
            let answer = hub.send(ask(method, uri)).await.is(405);
            assert_eq!(answer.header("allow"), allowed, "{method} {uri}");
            assert_eq!(answer.code(), if method == "HEAD" { "" } else { code }, "{method} {uri}");
        }
    }

    async fn a_path_that_is_not_there_is_told_in_the_surface_s_own_words(database: testkit::Database) {
        let hub = Hub::new(database).await;
        for uri in ["/api", "/api/v1", "/api/v1/", "/api/v1/nothing", "/api/v2/projects", "/nothing", "/v1/"] {
            let answer = hub.send(get(uri).header("accept", "application/json")).await.fails(404, "ENDPOINT_UNKNOWN");
            assert_eq!(answer.header("content-type"), "application/problem+json");
            let body = answer.json();
            assert_eq!((&body["type"], &body["status"]), (&"/errors/ENDPOINT_UNKNOWN".into(), &404.into()));
        }
        for uri in ["/v2/nothing", "/v2/team/api", "/v2//", "/v2/team/api/manifests/", "/v2/team/api/tags"] {
            let answer = hub.send(get(uri)).await;
            assert!([400, 404].contains(&answer.status), "{uri}: {}", answer.status);
            assert_eq!(answer.header("content-type"), "application/json", "{uri}");
            assert_eq!(answer.header("docker-distribution-api-version"), "registry/2.0", "{uri}");
            assert!(!answer.json()["errors"][0]["message"].as_str().unwrap().is_empty(), "{uri}");
        }
    }

    async fn head_is_get_without_a_body(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let (digest, _) = hub.push_image(&hub.team, "team/api", "1").await;
        let blob = crate::hub::sha256(b"{\"os\":\"linux\"}");
        for (uri, who) in [
            ("/v2/".to_owned(), &hub.team),
            ("/v2/".to_owned(), &String::new()),
            ("/v2/_catalog".to_owned(), &hub.team),
            ("/v2/team/api/tags/list".to_owned(), &hub.team),
            ("/v2/team/api/tags/list".to_owned(), &String::new()),
            ("/v2/team/none/tags/list".to_owned(), &hub.team),
            ("/v2/team/api/manifests/1".to_owned(), &hub.team),
            (format!("/v2/team/api/manifests/{digest}"), &hub.team),
            ("/v2/team/api/manifests/2".to_owned(), &hub.team),
            ("/v2/team/api/manifests/.2".to_owned(), &hub.team),
            (format!("/v2/team/api/blobs/{blob}"), &hub.team),
            (format!("/v2/team/api/blobs/{digest}"), &hub.team),
            (format!("/v2/other/api/blobs/{digest}"), &hub.team),
            (format!("/v2/team/api/referrers/{digest}"), &hub.team),
            ("/api/v1/projects/team".to_owned(), &hub.team),
            ("/api/v1/projects/other".to_owned(), &hub.team),
            ("/api/v1/nothing".to_owned(), &hub.team),
            ("/livez".to_owned(), &String::new()),
        ] {
            let whole = hub.send(get(&uri).by(who)).await;
            let bare = hub.send(head(&uri).by(who)).await;
            assert_eq!(bare.status, whole.status, "{uri}");
            assert!(bare.body.is_empty(), "{uri}");
            for (name, value) in &whole.headers {
                assert_eq!(bare.headers.get(name), Some(value), "{uri}: {name}");
            }
        }
    }

    async fn every_answer_keeps_browsers_from_guessing(database: testkit::Database) {
        let hub = Hub::new(database).await;
        hub.push_image(&hub.team, "team/api", "1").await;
        for uri in ["/v2/", "/v2/team/api/manifests/1", "/api/v1/me", "/nothing", "/livez"] {
            let answer = hub.send(get(uri).by(&hub.team)).await;
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{uri}");
        }
        for uri in ["/api/v1/me", "/api/v1/projects/other", "/api/v1/nothing"] {
            assert_eq!(hub.send(get(uri).by(&hub.team)).await.header("cache-control"), "no-store", "{uri}");
        }
    }

    async fn readiness_is_the_truth(database: testkit::Database) {
        let hub = Hub::new(database).await;
        hub.send(get("/livez")).await.is(200);
        hub.send(get("/readyz")).await.is(200);
        hub.app.drain();
        hub.send(get("/readyz")).await.fails(503, "UNAVAILABLE");
        hub.send(get("/livez")).await.is(200);
    }

    async fn parameters_have_limits(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let admin = hub.session("admin").await;
        for (length, status, code) in [(1023, 404, "PROJECT_UNKNOWN"), (1024, 404, "PROJECT_UNKNOWN"), (1025, 400, "PARAMETER_INVALID")] {
            let uri = format!("/api/v1/projects/{}", "a".repeat(length));
            hub.send(get(&uri).by(&admin)).await.fails(status, code);
        }
        for (length, code) in [(16_383, "CURSOR_INVALID"), (16_384, "CURSOR_INVALID"), (16_385, "PARAMETER_INVALID")] {
            let uri = format!("/api/v1/components?query=a&after={}", "0".repeat(length));
            hub.send(get(&uri).by(&admin)).await.fails(400, code);
        }
        for (count, status) in [(63, 200), (64, 200), (65, 400)] {
            let uri = format!("/api/v1/users?{}", vec!["limit=7"; count].join("&"));
            hub.send(get(&uri).by(&admin)).await.is(status);
        }
        for (limit, status) in [("0", 400), ("-1", 400), ("x", 400), ("", 400), ("1", 200), ("18446744073709551615", 200), ("18446744073709551616", 400)] {
            hub.send(get(&format!("/api/v1/users?limit={limit}")).by(&admin)).await.is(status);
        }
        for uri in ["/api/v1/jobs?after=x", "/api/v1/audit?after=x", "/api/v1/repository/manifests?name=team/api&after=x"] {
            hub.send(get(uri).by(&admin)).await.fails(400, "CURSOR_INVALID");
        }
    }

    async fn a_parameter_that_is_not_read_is_refused_and_the_nearest_named(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let admin = hub.session("admin").await;
        for (uri, hint) in [
            ("/api/v1/vulnerabilities?severty=low", "did you mean `severity`?"),
            ("/api/v1/vulnerabilities?Severity=low", "did you mean `severity`?"),
            ("/api/v1/vulnerabilities?severity=low&fixed=true", "did you mean `fixable`?"),
            ("/api/v1/components?name=openssl", "it takes `query`, `range`, `tagged`, `limit` and `after`"),
            ("/api/v1/components?query=a&tag=yes", "did you mean `tagged`?"),
            ("/api/v1/users?query=a", "it takes `limit` and `after`"),
            ("/api/v1/exceptions?page=2", "it takes `digest`, `limit` and `after`"),
            ("/api/v1/projects/team?fields=name", "it takes none"),
            ("/api/v1/repository?reference=1", "it takes `name`"),
            ("/api/v1/me?", ""),
            ("/api/v1/vulnerabilities?severity=low&severity=low", ""),
            ("/api/v1/vulnerabilities?severity=low&severity=high", "twice"),
            // Clients, probes and scrapers have parameters of their own.
            ("/token?client_id=docker&x=1", ""),
            ("/v2/_catalog?x=1&ns=example.com", ""),
            ("/livez?verbose", ""),
            ("/readyz?x=1", ""),
            ("/metrics?collect=a&collect=b", ""),
        ] {
            let by = if uri.starts_with("/token") { "" } else { &admin };
            let answer = hub.send(get(uri).by(by)).await;
            let told = match hint {
                "" => answer.is(200).text(),
                _ => answer.fails(400, "PARAMETER_INVALID").text(),
            };
            assert!(told.contains(hint), "{uri}: {told}");
        }
    }

    async fn a_cursor_is_of_one_order_and_filter(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let admin = hub.session("admin").await;
        for number in 0..3 {
            hub.push_image(&hub.team, "team/api", &format!("v{number}")).await;
        }
        // What a list is asked for, and what the same cursor is asked for then.
        for (asked, others) in [
            ("/api/v1/jobs?kind=inventory", &["/api/v1/jobs?kind=gc", "/api/v1/jobs?", "/api/v1/jobs?kind=inventory&state=done"][..]),
            ("/api/v1/jobs?", &["/api/v1/jobs?kind=inventory"]),
            ("/api/v1/audit?project=team", &["/api/v1/audit?project=open", "/api/v1/audit?"]),
            ("/api/v1/audit?", &["/api/v1/audit?outcome=allowed"]),
            ("/api/v1/repository/tags?name=team/api", &["/api/v1/repository/tags?name=open/api"]),
        ] {
            let first = hub.send(get(&format!("{asked}&limit=1")).by(&admin)).await.is(200).json();
            let next = first["next"].as_str().unwrap_or_else(|| panic!("{asked}: {first}"));
            hub.send(get(&format!("{asked}&limit=2&after={next}")).by(&admin)).await.is(200);
            for other in others {
                let told = hub.send(get(&format!("{other}&after={next}")).by(&admin)).await.fails(400, "CURSOR_INVALID");
                assert!(told.text().contains("one order and one filter"), "{other}: {}", told.text());
            }
        }
    }

    async fn vex_lists_have_pages(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let admin = hub.session("admin").await;
        for number in 0..3 {
            let document = openvex(&format!("CVE-2024-{number}"));
            hub.send(put(&format!("/api/v1/vex/{}", sha256(&document))).by(&admin).body(&document)).await.is(200);
        }
        let whole = hub.send(get("/api/v1/vex").by(&admin)).await.is(200).json();
        let (mut read, mut after) = (Vec::new(), String::new());
        while read.len() < 3 {
            let page = hub.send(get(&format!("/api/v1/vex?limit=1{after}")).by(&admin)).await.is(200).json();
            assert_eq!(page["items"].as_array().unwrap().len(), 1);
            assert_eq!(page["next"].is_null(), read.len() == 2);
            read.push(page["items"][0].clone());
            after = format!("&after={}", page["next"].as_str().unwrap_or_default());
        }
        assert_eq!((json!(read), &whole["next"]), (whole["items"].clone(), &Value::Null));
        hub.send(get("/api/v1/vex?after=x").by(&admin)).await.fails(400, "CURSOR_INVALID");
    }

    async fn a_range_of_versions_that_is_none_has_its_own_code(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let admin = hub.session("admin").await;
        for (query, range, code) in [
            ("a*b", "1", "INPUT_INVALID"),
            ("pkg:npm/a@1", "%3C2", "INPUT_INVALID"),
            ("a", "nonsense%3C%3C", "VERSION_RANGE_INVALID"),
            ("pkg:npm/a", "vers:pypi/%3C2", "VERSION_RANGE_INVALID"),
            ("pkg:generic/a", "%3C2", "VERSION_RANGE_INVALID"),
        ] {
            let uri = format!("/api/v1/components?query={query}&range={range}");
            hub.send(get(&uri).by(&admin)).await.fails(400, code);
        }
        hub.send(get("/api/v1/components?query=a&range=%3C2").by(&admin)).await.is(200);
    }

    async fn a_json_body_has_a_limit_and_a_shape(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let admin = hub.session("admin").await;
        let ask = || post("/api/v1/projects").by(&admin);
        let padded = |length: usize| {
            let body = "{\"name\":\"new\"}";
            format!("{body}{}", " ".repeat(length - body.len()))
        };
        hub.send(ask().body(padded(65_537).as_bytes())).await.fails(413, "BODY_INVALID");
        hub.send(ask().body(padded(65_536).as_bytes())).await.is(201);
        hub.send(ask().body(padded(65_535).as_bytes())).await.fails(409, "PROJECT_EXISTS");
        for body in ["", "{", "[]", "[\"new2\", false]", "null", "{}", "{\"name\":1}", "{\"name\":\"a\",\"name\":\"b\"}", "{\"name\":\"a\"} x"] {
            hub.send(ask().body(body.as_bytes())).await.fails(400, "BODY_INVALID");
        }
        hub.send(ask().broken(b"{\"name\"")).await.fails(400, "BODY_INVALID");
        let deep = "[".repeat(60_000);
        hub.send(ask().body(deep.as_bytes())).await.fails(400, "BODY_INVALID");
        hub.send(put("/api/v1/projects/team/members/nobody-there").by(&admin).json(&serde_json::json!({"role": "reader"}))).await.fails(404, "ACCOUNT_UNKNOWN");
    }
}
