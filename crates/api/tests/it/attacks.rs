//! What has hit other registries, tried here, a test a row.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::join_all;
use ledger::jobs::Runner;
use registry::{ManifestPush, TagRule};
use serde_json::{Value, json};

use crate::hub::{
    Hub, OCI_INDEX, OCI_MANIFEST, artifact, ask, basic, delete, descriptor, get, head, image, patch, post, put, sha256,
    sha512, tomorrow,
};

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// Takes a token apart: header, claims, signature.
fn parts(authorization: &str) -> (Value, Value, String) {
    let token = authorization.strip_prefix("Bearer ").unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    let read = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    (read(parts[0]), read(parts[1]), parts[2].to_owned())
}

/// The files under a directory.
fn files(directory: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

testkit::on_both_databases! {
    /// Readers that do not read make the hub keep no more than its room for large answers; small ones need none.
    async fn large_answers_are_bounded_all_together(database: testkit::Database) {
        const LARGE: usize = 4_000_000;
        let hub = Hub::new(database).await;
        let hub = &hub;
        let held = async || {
            let metrics = hub.app.metrics_text().await.unwrap();
            let line = metrics.lines().find_map(|line| line.strip_prefix("garrison_answers_held_bytes "));
            line.unwrap().parse::<usize>().unwrap()
        };
        for (tag, padding) in [("large", LARGE), ("small", 1000)] {
            let mut body: Value = serde_json::from_slice(&artifact("application/x", None)).unwrap();
            body["annotations"] = json!({ "padding": "x".repeat(padding) });
            hub.push_blob(&hub.team, "team/api", b"{}").await;
            hub.push_manifest(&hub.team, "team/api", tag, OCI_MANIFEST, body.to_string().as_bytes()).await;
        }
        let ask = |tag: &str| hub.begin(get(&format!("/v2/team/api/manifests/{tag}")).by(&hub.team));
        let mut unread: Vec<_> = join_all((0..16).map(|_| ask("large"))).await;
        assert!(unread.iter().all(|response| response.status() == 200));
        let full = held().await;
        assert!(full > 16 * LARGE && full <= 64 << 20, "{full}");
        // One more waits, and goes on when one of the others is gone.
        let mut waiting = std::pin::pin!(ask("large"));
        let small = async { while hub.send(get("/v2/team/api/manifests/small").by(&hub.team)).await.status != 200 {} };
        tokio::select! {
            biased;
            _ = &mut waiting => panic!("there was room for more than there is"),
            () = small => {}
        }
        assert!(held().await <= 64 << 20);
        unread.pop();
        unread.push(waiting.await);
        assert!(unread.iter().all(|response| response.status() == 200));
        assert!(held().await <= 64 << 20);
        drop(unread);
        assert_eq!(held().await, 0);
    }

    /// Guessing passwords slows down the address that guesses, not everyone behind the same proxy; and nobody gets away
    /// from it by writing addresses into a header.
    async fn guesses_are_counted_for_the_client_behind_the_proxy(database: testkit::Database) {
        const PROXY: &str = "192.0.2.1";
        let hub = Hub::new(database).await;
        let hub = &hub;
        let guess = |peer: &'static str, forwarded: String, count: u32| async move {
            let name = format!("nobody-{count}");
            let ask = get("/v2/").by(&basic(&name, "guess")).from(peer).header("x-forwarded-for", &forwarded);
            hub.send(ask).await.status
        };
        // Half of them through the proxy, half past it: only together they are too many.
        let mut count = 0;
        while match count % 2 {
            0 => guess(PROXY, format!("198.51.100.{count}, 203.0.113.5"), count).await,
            _ => guess("203.0.113.5", format!("198.51.100.{count}"), count).await,
        } == 401
        {
            count += 1;
            assert!(count < 40, "the client that guesses is not slowed down");
        }
        // As many as one client alone has free.
        assert!(count >= 20, "{count}");
        assert_eq!(guess(PROXY, "203.0.113.6".to_owned(), 40).await, 401, "another client of the proxy is slowed down");
    }

    /// CVE-2019-16097: no body sets what its schema does not name.
    async fn mass_assignment_is_refused_on_every_body(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let admin = hub.session("admin").await;
        let expires_at = tomorrow();
        let bodies: Vec<(&str, &str, Value)> = vec![
            ("project.create", "/api/v1/projects", json!({ "name": "new", "public": false })),
            ("project.update", "/api/v1/projects/team", json!({ "public": false })),
            ("member.grant", "/api/v1/projects/team/members/admin", json!({ "role": "reader" })),
            ("project.robot.create", "/api/v1/projects/team/robots", json!({ "name": "new", "grants": [], "expires_at": expires_at })),
            ("project.robot.update", "/api/v1/projects/team/robots/team-bot", json!({ "disabled": false })),
            ("project.robot.rotate", "/api/v1/projects/team/robots/team-bot/rotate", json!({ "overlap_seconds": 60 })),
            ("robot.create", "/api/v1/robots", json!({ "name": "new", "grants": [], "expires_at": expires_at })),
            ("robot.update", "/api/v1/robots/none", json!({ "disabled": false })),
            ("robot.rotate", "/api/v1/robots/none/rotate", json!({ "overlap_seconds": 60 })),
            ("user.create", "/api/v1/users", json!({ "name": "new", "password": "long enough" })),
            ("user.update", "/api/v1/users/none", json!({ "disabled": false })),
            ("user.password", "/api/v1/users/none/password", json!({ "password": "long enough" })),
            ("self.password", "/api/v1/me/password", json!({ "old": "x", "new": "long enough" })),
            ("fsck.start", "/api/v1/fsck", json!({ "repair": false })),
            ("advisories.update", "/api/v1/advisories/update", json!({ "accept_older": false })),
            ("audit.verify", "/api/v1/audit/verify", json!({ "since": null })),
        ];
        let rows = api::endpoints().into_iter().filter(|endpoint| endpoint.request.is_some());
        for endpoint in rows {
            let (_, uri, body) = bodies.iter().find(|(name, ..)| *name == endpoint.name).unwrap_or_else(|| panic!("`{}` has no body here", endpoint.name));
            for field in ["id", "admin", "administrator_", "has_admin_role", "project", "project_id", "owner", "created_at", "secret", "secrets", "actor", "__proto__"] {
                if body.get(field).is_some() {
                    continue;
                }
                let mut body = body.clone();
                body[field] = json!(true);
                let answer = hub.send(ask(endpoint.method.as_str(), uri).by(&admin).json(&body)).await.fails(400, "BODY_INVALID");
                assert!(answer.message().contains("unknown field"), "{}: {}", endpoint.name, answer.message());
            }
        }
        // Nor does anything in a grant of a robot.
        let grant = json!({ "repositories": "team/**", "role": "reader", "system": true });
        let robot = json!({ "name": "new", "grants": [grant], "expires_at": expires_at });
        hub.send(post("/api/v1/projects/team/robots").by(&admin).json(&robot)).await.fails(400, "BODY_INVALID");
        for role in ["administrator", "owner", ""] {
            hub.send(put("/api/v1/projects/team/members/admin").by(&admin).json(&json!({ "role": role }))).await.fails(400, "INPUT_INVALID");
        }
        // A field that a user may not set is refused before it is read.
        let ada = hub.user("ada", &[("team", "admin")]).await;
        hub.send(patch("/api/v1/users/ada").by(&ada).json(&json!({ "administrator": true }))).await.fails(403, "DENIED");
    }

    /// CVE-2019-19030: without credentials nothing tells what exists.
    async fn enumeration_without_credentials_finds_nothing(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let (digest, _) = hub.push_image(&hub.other, "other/api", "1").await;
        hub.push_image(&hub.open, "open/api", "1").await;
        let pairs = [
            ("/v2/other/api/tags/list".to_owned(), "/v2/lacks/api/tags/list".to_owned()),
            ("/v2/other/api/tags/list".to_owned(), "/v2/other/apx/tags/list".to_owned()),
            ("/v2/other/api/manifests/1".to_owned(), "/v2/other/api/manifests/2".to_owned()),
            (format!("/v2/other/api/manifests/{digest}"), format!("/v2/other/api/manifests/{}", sha256(b"none"))),
            (format!("/v2/other/api/blobs/{}", sha256(b"{\"os\":\"linux\"}")), format!("/v2/other/api/blobs/{}", sha256(b"none"))),
            (format!("/v2/other/api/referrers/{digest}"), format!("/v2/lacks/api/referrers/{digest}")),
            ("/api/v1/projects/other".to_owned(), "/api/v1/projects/lacks".to_owned()),
            ("/api/v1/projects/other/robots/other-bot".to_owned(), "/api/v1/projects/other/robots/lacks-bot".to_owned()),
            ("/api/v1/users/admin".to_owned(), "/api/v1/users/lacks".to_owned()),
            ("/api/v1/repository?name=other/api".to_owned(), "/api/v1/repository?name=lacks/api".to_owned()),
        ];
        let stranger = hub.robot("team", "stranger", "team/**", "reader").await;
        for who in ["", &stranger] {
            for (there, missing) in &pairs {
                for method in ["GET", "HEAD"] {
                    let seen = async |uri: &str| {
                        let answer = hub.send(ask(method, uri).by(who)).await;
                        format!("{} {:?} {}", answer.status, answer.headers, answer.text()).replace("lacks", "other").replace("apx", "api")
                    };
                    assert_eq!(seen(there).await, seen(missing).await, "{method} {there}");
                }
            }
        }
        let anonymous = hub.anonymous_token("registry:catalog:*").await;
        assert_eq!(hub.send(get("/v2/_catalog").by(&anonymous)).await.is(200).json()["repositories"], json!(["open/api"]));
        let projects = hub.send(get("/api/v1/projects")).await.is(200).json();
        assert_eq!(projects["items"].as_array().unwrap().iter().map(|item| item["name"].clone()).collect::<Vec<_>>(), [json!("open")]);
        let repositories = hub.send(get("/api/v1/repositories")).await.is(200).json();
        assert_eq!(repositories["items"].as_array().unwrap().len(), 1);
    }

    /// CVE-2022-31666 and its family: an identifier of one project is nothing in another.
    async fn identifiers_of_another_project_are_nothing(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let ada = hub.user("ada", &[("team", "admin")]).await;
        for (method, uri, body) in [
            ("GET", "/api/v1/projects/team/robots/other-bot", json!({})),
            ("PATCH", "/api/v1/projects/team/robots/other-bot", json!({ "disabled": true })),
            ("POST", "/api/v1/projects/team/robots/other-bot/rotate", json!({})),
            ("DELETE", "/api/v1/projects/team/robots/other-bot/secrets", json!({})),
            ("DELETE", "/api/v1/projects/team/robots/other-bot", json!({})),
        ] {
            hub.send(ask(method, uri).by(&ada).json(&body)).await.fails(404, "ACCOUNT_UNKNOWN");
        }
        hub.send(get("/v2/").by(&hub.other)).await.is(200);
        // A robot of a project is given nothing outside it.
        let body = |pattern: &str| json!({ "name": "new", "expires_at": tomorrow(), "grants": [{ "repositories": pattern, "role": "reader" }] });
        for pattern in ["other/**", "**", "*/api", "team*/api", "teams/**"] {
            hub.send(post("/api/v1/projects/team/robots").by(&ada).json(&body(pattern))).await.fails(400, "INPUT_INVALID");
        }
        // One repository spelled as a name of one segment is that of `library`, whatever project has that name.
        hub.project("alpine", false).await;
        let library = hub.robot("library", "library-bot", "library/**", "writer").await;
        hub.push_image(&library, "alpine", "3").await;
        let eve = hub.user("eve", &[("alpine", "admin")]).await;
        for uri in ["/api/v1/repository?name=alpine", "/api/v1/repository/tags?name=alpine", "/api/v1/repository/manifest?name=alpine&reference=3"] {
            hub.send(get(uri).by(&eve)).await.fails(404, "NAME_UNKNOWN");
        }
        hub.send(delete("/api/v1/repository?name=alpine").by(&eve)).await.fails(404, "NAME_UNKNOWN");
        hub.send(get("/v2/library/alpine/manifests/3").by(&library)).await.is(200);
        // Audit records are those of the project alone, also of one that is called as a robot is.
        hub.project("hub-bot", false).await;
        hub.robot("", "hub-bot", "**", "reader").await;
        let eve = hub.user("eva", &[("hub-bot", "admin")]).await;
        let records = hub.send(get("/api/v1/audit?project=hub-bot").by(&eve)).await.is(200).json();
        let resources: Vec<&str> = records["items"].as_array().unwrap().iter().map(|item| item["resource"].as_str().unwrap()).collect();
        assert!(!resources.is_empty() && resources.iter().all(|resource| resource.starts_with("project:hub-bot")), "{resources:?}");
    }

    /// CVE-2026-32589: an upload belongs to its repository and to who began it.
    async fn uploads_of_others_are_nothing(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let second = hub.robot("team", "second", "team/**", "maintainer").await;
        let admin = hub.session("admin").await;
        let location = hub.send(post("/v2/team/api/blobs/uploads/").by(&hub.team)).await.is(202).header("location").to_owned();
        let elsewhere = location.replace("/team/api/", "/team/other/");
        for (uri, who) in [(&location, &second), (&location, &admin), (&elsewhere, &hub.team)] {
            for method in ["GET", "PATCH", "DELETE"] {
                hub.send(ask(method, uri).by(who).body(b"")).await.fails(404, "BLOB_UPLOAD_UNKNOWN");
            }
            let end = format!("{uri}?digest={}", sha256(b"x"));
            hub.send(put(&end).by(who).body(b"x")).await.fails(404, "BLOB_UPLOAD_UNKNOWN");
        }
        hub.send(get(&location).by(&hub.team)).await.is(204);
    }

    /// GHSA-j7jh-fmcm-xxwv and CVE-2026-4404: there is no default password and no key that two hubs share.
    async fn there_are_no_default_secrets(database: testkit::Database) {
        let hub = Hub::new(database).await;
        for (name, password) in [("admin", "admin"), ("admin", "Harbor12345"), ("admin", ""), ("admin", "password"), ("root", "root"), ("garrison", "garrison")] {
            let answer = hub.send(get("/v2/").by(&basic(name, password))).await;
            assert!([401, 429].contains(&answer.status), "{name}:{password}");
        }
        let elsewhere = Hub::new(testkit::Database::sqlite()).await;
        let token = elsewhere.token("team-bot", &["repository:team/api:pull"]).await;
        elsewhere.send(get("/v2/").by(&token)).await.is(200);
        hub.send(get("/v2/").by(&token)).await.fails(401, "UNAUTHORIZED");
    }

    /// CVE-2024-39897: bytes that the hub has are had only through a repository that holds them.
    async fn a_blob_is_had_only_where_it_is_held(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let secret = hub.push_blob(&hub.other, "other/api", b"a secret layer").await;
        hub.push_blob(&hub.team, "team/api", b"mine").await;
        let uri = format!("/v2/team/api/blobs/{secret}");
        hub.send(get(&uri).by(&hub.team)).await.fails(404, "BLOB_UNKNOWN");
        hub.send(head(&uri).by(&hub.team)).await.is(404);
        hub.send(get(&uri).by(&hub.team).header("if-none-match", &format!("\"{secret}\""))).await.fails(404, "BLOB_UNKNOWN");
        hub.send(delete(&uri).by(&hub.team)).await.fails(404, "BLOB_UNKNOWN");
        let mount = format!("/v2/team/api/blobs/uploads/?mount={secret}&from=other/api");
        hub.send(post(&mount).by(&hub.team)).await.is(202);
        hub.send(get(&uri).by(&hub.team)).await.fails(404, "BLOB_UNKNOWN");
        // Nor does a manifest that names it give it.
        let config = hub.push_blob(&hub.team, "team/api", b"{}").await;
        let body = image(&descriptor("application/x", &config, 2), &[descriptor("application/y", &secret, 14)]);
        hub.send(put("/v2/team/api/manifests/1").by(&hub.team).header("content-type", OCI_MANIFEST).body(&body)).await.fails(400, "MANIFEST_BLOB_UNKNOWN");
        let index = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [descriptor("application/y", &secret, 14)] });
        hub.push_manifest(&hub.team, "team/api", "1", OCI_INDEX, index.to_string().as_bytes()).await;
        hub.send(get(&uri).by(&hub.team)).await.fails(404, "BLOB_UNKNOWN");
        hub.send(get(&format!("/v2/team/api/manifests/{secret}")).by(&hub.team)).await.fails(404, "MANIFEST_UNKNOWN");
    }

    /// CVE-2026-31801: who may make tags does not move one, be it `latest`, one of several, or in a race.
    async fn making_a_tag_is_not_moving_it(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let registry = hub.app.registry();
        let push = |kind: &str, tags: &[&str]| ManifestPush {
            repository: "team/api".parse().unwrap(),
            actor: "robot:makes".to_owned(),
            digest: None,
            tags: tags.iter().map(|tag| tag.parse().unwrap()).collect(),
            tag_rule: TagRule::MakeOnly,
            content_type: Some(OCI_MANIFEST.to_owned()),
            body: artifact(kind, None).into(),
        };
        hub.push_blob(&hub.team, "team/api", b"{}").await;
        registry.push_manifest(push("application/one", &["latest"])).await.unwrap();
        // The same again moves nothing.
        registry.push_manifest(push("application/one", &["latest", "1"])).await.unwrap();
        for tags in [&["latest"][..], &["2", "latest"], &["3", "1", "4"]] {
            let refused = registry.push_manifest(push("application/two", tags)).await.unwrap_err();
            assert!(matches!(refused, registry::Error::TagExists { .. }), "{refused}");
        }
        let tags = hub.send(get("/v2/team/api/tags/list").by(&hub.team)).await.json()["tags"].clone();
        assert_eq!(tags, json!(["1", "latest"]), "a refused push set a tag");
        let kinds: Vec<String> = (0..8).map(|index| format!("application/race{index}")).collect();
        let race = join_all(kinds.iter().map(|kind| registry.push_manifest(push(kind, &["race"])))).await;
        assert_eq!(race.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    }

    /// CVE-2026-61833: to delete is not to push.
    async fn push_does_not_cover_delete(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let (digest, _) = hub.push_image(&hub.team, "team/api", "1").await;
        let blob = sha256(b"{\"os\":\"linux\"}");
        let push = hub.token("team-bot", &["repository:team/api:pull,push"]).await;
        let writer = hub.robot("team", "writes", "team/**", "writer").await;
        let targets = ["/v2/team/api/manifests/1".to_owned(), format!("/v2/team/api/manifests/{digest}"), format!("/v2/team/api/blobs/{blob}")];
        for uri in &targets {
            let answer = hub.send(delete(uri).by(&push)).await.fails(401, "UNAUTHORIZED");
            assert!(answer.header("www-authenticate").contains("scope=\"repository:team/api:delete\",error=\"insufficient_scope\""));
            hub.send(delete(uri).by(&writer)).await.fails(403, "DENIED");
        }
        hub.send(delete("/api/v1/repository?name=team/api").by(&push)).await.fails(401, "UNAUTHORIZED");
        let token = hub.token("team-bot", &["repository:team/api:delete"]).await;
        hub.send(get("/v2/team/api/manifests/1").by(&token)).await.fails(401, "UNAUTHORIZED");
        hub.send(put("/v2/team/api/manifests/2").by(&token)).await.fails(401, "UNAUTHORIZED");
        for uri in &targets {
            hub.send(delete(uri).by(&token)).await.is(202);
        }
    }

    /// CVE-2025-23208: a role that was taken away is gone at the next request, whatever token is about.
    async fn what_was_revoked_is_gone_at_once(database: testkit::Database) {
        let hub = Hub::new(database).await;
        hub.push_image(&hub.team, "team/api", "1").await;
        let admin = hub.session("admin").await;
        let cookie = hub.user("ada", &[("team", "writer")]).await;
        let token = hub.token("ada", &["repository:team/api:pull,push"]).await;
        for who in [&cookie, &token] {
            hub.send(get("/v2/team/api/manifests/1").by(who)).await.is(200);
        }
        hub.send(delete("/api/v1/projects/team/members/ada").by(&admin)).await.is(204);
        for who in [&cookie, &token] {
            hub.send(get("/v2/team/api/manifests/1").by(who)).await.fails(404, "NAME_UNKNOWN");
        }
        // A public project that is made private, too.
        hub.push_image(&hub.open, "open/api", "1").await;
        hub.send(get("/v2/open/api/manifests/1")).await.is(200);
        hub.send(patch("/api/v1/projects/open").by(&admin).json(&json!({ "public": false }))).await.is(200);
        hub.send(get("/v2/open/api/manifests/1")).await.is(401);
        // An account that is made anew under the same name is somebody else.
        hub.send(delete("/api/v1/users/ada").by(&admin)).await.is(204);
        hub.user("ada", &[("team", "writer")]).await;
        for who in [&cookie, &token] {
            hub.send(get("/v2/team/api/manifests/1").by(who)).await.fails(401, "UNAUTHORIZED");
        }
    }

    /// CVE-2026-35172: what was deleted is gone at once.
    async fn what_was_deleted_is_gone_at_once(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let by = hub.team.as_str();
        let (digest, _) = hub.push_image(by, "team/api", "1").await;
        let blob = hub.push_blob(by, "team/api", b"blob").await;
        for (uri, code) in [(format!("/v2/team/api/blobs/{blob}"), "BLOB_UNKNOWN"), (format!("/v2/team/api/manifests/{digest}"), "MANIFEST_UNKNOWN")] {
            hub.send(get(&uri).by(by)).await.is(200);
            hub.send(head(&uri).by(by)).await.is(200);
            hub.send(delete(&uri).by(by)).await.is(202);
            hub.send(get(&uri).by(by)).await.fails(404, code);
            hub.send(head(&uri).by(by)).await.is(404);
            hub.send(get(&uri).by(by).header("range", "bytes=0-1")).await.fails(404, code);
            hub.send(get(&uri).by(by).header("if-none-match", "*")).await.fails(404, code);
        }
        hub.send(post(&format!("/v2/team/b/blobs/uploads/?mount={blob}&from=team/api")).by(by)).await.is(202);
        hub.push_image(by, "team/gone", "1").await;
        hub.send(get("/v2/team/gone/manifests/1").by(by)).await.is(200);
        hub.send(delete("/api/v1/repository?name=team/gone").by(by)).await.is(204);
        for uri in ["/v2/team/gone/manifests/1", "/v2/team/gone/tags/list", "/api/v1/repository?name=team/gone"] {
            hub.send(get(uri).by(by)).await.fails(404, "NAME_UNKNOWN");
        }
        hub.push_blob(by, "team/gone", b"anew").await;
        assert_eq!(hub.send(get("/v2/team/gone/tags/list").by(by)).await.is(200).json()["tags"], json!([]));
    }

    /// CVE-2023-2253: a number is no reason to allocate.
    async fn huge_numbers_are_only_large(database: testkit::Database) {
        let hub = Hub::new(database).await;
        hub.push_image(&hub.team, "team/api", "1").await;
        let digest = sha256(b"x");
        for n in ["9223372036854775807", "9223372036854775808", "18446744073709551615", "99999999999999999999999999"] {
            for uri in ["/v2/team/api/tags/list".to_owned(), "/v2/_catalog".to_owned(), format!("/v2/team/api/referrers/{digest}")] {
                hub.send(get(&format!("{uri}?n={n}")).by(&hub.team)).await.is(200);
            }
        }
        for range in ["bytes=0-18446744073709551615", "bytes=-18446744073709551615", "bytes=99999999999999999999-"] {
            let uri = format!("/v2/team/api/blobs/{}", sha256(b"{\"os\":\"linux\"}"));
            let answer = hub.send(get(&uri).by(&hub.team).header("range", range)).await;
            assert!([200, 206, 416].contains(&answer.status), "{range}: {}", answer.status);
        }
        let location = hub.send(post("/v2/team/api/blobs/uploads/").by(&hub.team)).await.header("location").to_owned();
        for range in ["0-18446744073709551615", "18446744073709551615-18446744073709551615", "0-99999999999999999999"] {
            let answer = hub.send(patch(&location).by(&hub.team).header("content-range", range).body(b"x")).await;
            assert!([400, 413, 416].contains(&answer.status), "{range}: {} {}", answer.status, answer.text());
        }
        let job = "99999999999999999999";
        let admin = hub.session("admin").await;
        hub.send(get(&format!("/api/v1/jobs/{job}")).by(&admin)).await.fails(404, "JOB_UNKNOWN");
        hub.send(get("/api/v1/jobs?after=-9223372036854775808&limit=1").by(&admin)).await.is(200);
        let rotation = json!({ "overlap_seconds": i64::MAX });
        hub.send(post("/api/v1/projects/team/robots/team-bot/rotate").by(&admin).json(&rotation)).await.fails(400, "INPUT_INVALID");
    }

    /// CVE-2025-24976 and its family: a token is one that this hub made, unchanged, for this.
    async fn tokens_are_those_that_this_hub_made(database: testkit::Database) {
        let hub = Hub::new(database).await;
        hub.push_image(&hub.team, "team/api", "1").await;
        let token = hub.token("team-bot", &["repository:team/api:pull"]).await;
        hub.send(get("/v2/team/api/manifests/1").by(&token)).await.is(200);
        let (header, claims, signature) = parts(&token);
        let with = |part: &Value, field: &str, value: Value| {
            let mut part = part.clone();
            part[field] = value;
            part
        };
        let mut forged = Vec::new();
        for algorithm in ["none", "None", "NONE", "HS256", "HS512", "RS256", "ES256", ""] {
            let header = encode(&with(&header, "alg", json!(algorithm)));
            forged.push(format!("{header}.{}.{signature}", encode(&claims)));
            forged.push(format!("{header}.{}.", encode(&claims)));
        }
        let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
        for (field, value) in [("jwk", jwk), ("jku", json!("https://evil.example/keys")), ("x5u", json!("https://evil.example/")), ("x5c", json!(["MII"])), ("kid", json!("../../../dev/null")), ("kid", json!("")), ("crit", json!(["exp"])), ("typ", json!("at+jwt"))] {
            forged.push(format!("{}.{}.{signature}", encode(&with(&header, field, value)), encode(&claims)));
        }
        for (field, value) in [("aud", json!("other")), ("aud", json!(["garrison", "other"])), ("iss", json!("other")), ("sub", json!("user:1.0")), ("exp", json!(4_102_444_800_u64)), ("access", json!([]))] {
            forged.push(format!("{}.{}.{signature}", encode(&header), encode(&with(&claims, field, value))));
        }
        let text = token.strip_prefix("Bearer ").unwrap();
        forged.extend([String::new(), ".".to_owned(), "..".to_owned(), format!("{text}x"), format!("{text}."), text[..text.len() - 4].to_owned(), text.to_uppercase(), "x".repeat(9_000), "x".repeat(40_000)]);
        for token in forged {
            let answer = hub.send(get("/v2/team/api/manifests/1").by(&format!("Bearer {token}"))).await.fails(401, "UNAUTHORIZED");
            assert!(answer.header("www-authenticate").starts_with("Bearer realm="), "{token}");
        }
        // What a token was made for holds to the letter.
        for (uri, status) in [("/v2/team/api/tags/list", 200), ("/v2/team/ap/tags/list", 401), ("/v2/team/api/v2/tags/list", 401), ("/api/v1/projects/team", 401)] {
            hub.send(get(uri).by(&token)).await.is(status);
        }
        let system = hub.token("admin", &["repository:team/api:pull", "registry:catalog:*"]).await;
        hub.send(get("/api/v1/users").by(&system)).await.fails(401, "UNAUTHORIZED");
        hub.send(put("/api/v1/me/password").by(&system).json(&json!({ "old": "x", "new": "y" }))).await.fails(401, "UNAUTHORIZED");
    }

    /// CVE-2021-41190: one document, one reading.
    async fn a_manifest_has_one_reading(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let by = hub.team.as_str();
        let config = hub.push_blob(by, "team/api", b"{}").await;
        let part = descriptor("application/x", &config, 2);
        let both = json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": part, "layers": [part], "manifests": [part] });
        let plain = image(&part, std::slice::from_ref(&part));
        let text = String::from_utf8(plain.clone()).unwrap();
        let doubled = text.replacen("\"schemaVersion\":2", "\"schemaVersion\":2,\"schemaVersion\":2", 1);
        let cased = text.replacen("\"layers\":", "\"Layers\":[],\"layers\":", 1);
        let nested = format!("{}{}{}", "{\"a\":".repeat(200), 1, "}".repeat(200));
        for (content_type, body) in [
            (OCI_MANIFEST, both.to_string()),
            (OCI_INDEX, both.to_string()),
            (OCI_INDEX, text.clone()),
            (OCI_MANIFEST, doubled),
            (OCI_MANIFEST, cased),
            (OCI_MANIFEST, nested),
            (OCI_MANIFEST, text.replace(&config.to_string(), "sha256:../../../etc/passwd")),
            (OCI_MANIFEST, text.replace("\"size\":2", "\"size\":-2")),
            (OCI_MANIFEST, text.replace("\"size\":2", "\"size\":1e999")),
        ] {
            let answer = hub.send(put("/v2/team/api/manifests/1").by(by).header("content-type", content_type).body(body.as_bytes())).await;
            assert_eq!(answer.status, 400, "{body}: {}", answer.text());
            assert!(["MANIFEST_INVALID", "DIGEST_INVALID"].contains(&answer.code().as_str()), "{}", answer.code());
        }
        // As many descriptors as fit into four megabytes.
        let many = format!("{{\"schemaVersion\":2,\"mediaType\":\"{OCI_INDEX}\",\"manifests\":[{}]}}", vec!["{}"; 1_300_000].join(","));
        assert!(many.len() < oci::manifest::MANIFEST_BYTES_MAX);
        hub.send(put("/v2/team/api/manifests/1").by(by).header("content-type", OCI_INDEX).body(many.as_bytes())).await.fails(400, "MANIFEST_INVALID");
        hub.send(get("/v2/team/api/manifests/1").by(by)).await.fails(404, "MANIFEST_UNKNOWN");
    }

    /// An index that lists itself, or an index of indexes, is stored and followed by nobody.
    async fn indexes_in_circles_cost_nothing(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let by = hub.team.as_str();
        let mut listed = descriptor(OCI_INDEX, &sha256(b"not there"), 10);
        for depth in 0..20 {
            let body = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [listed, listed] }).to_string();
            let digest = hub.push_manifest(by, "team/api", &format!("d{depth}"), OCI_INDEX, body.as_bytes()).await;
            listed = descriptor(OCI_INDEX, &digest, body.len());
        }
        hub.send(get("/api/v1/repository/manifest?name=team/api&reference=d19").by(by)).await.is(200);
        hub.send(delete("/v2/team/api/manifests/d19").by(by)).await.is(202);
    }

    /// An index may list the digest of another project's image; what is known of that image stays there.
    async fn an_index_tells_nothing_of_images_elsewhere(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let (image, manifest) = hub.push_image(&hub.other, "other/api", "1").await;
        let runner = hub.app.pipeline().with_jobs(Runner::new(hub.db.clone(), "test")).start();
        let looked_at = async {
            while hub.app.pipeline().find_image(image).await.unwrap().is_none() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(Duration::from_mins(2), looked_at).await.unwrap();
        runner.drain(Duration::from_mins(1)).await;
        let known = hub.send(get("/api/v1/repository/inventory?name=other/api&reference=1").by(&hub.other)).await.is(200);
        assert_eq!(known.json()["images"][0]["state"], "refused");
        let listed = descriptor(OCI_MANIFEST, &image, manifest.len());
        let index = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [listed] }).to_string();
        hub.push_manifest(&hub.team, "team/api", "1", OCI_INDEX, index.as_bytes()).await;
        let told = hub.send(get("/api/v1/repository/inventory?name=team/api&reference=1").by(&hub.team)).await.is(200);
        assert_eq!(told.json()["images"], json!([]));
        for row in ["components", "sbom"] {
            let uri = format!("/api/v1/repository/{row}?name=team/api&reference=1");
            let answer = hub.send(get(&uri).by(&hub.team)).await.fails(404, "INVENTORY_UNKNOWN");
            assert_eq!(answer.message(), "the index lists no image for any platform that this repository holds");
        }
    }

    /// CVE-2026-18255: a secret is shown once, and never again to anybody.
    async fn secrets_are_never_shown_again(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let admin = hub.session("admin").await;
        let body = json!({ "name": "ci", "expires_at": tomorrow(), "grants": [{ "repositories": "team/**", "role": "reader" }] });
        let answer = hub.send(post("/api/v1/projects/team/robots").by(&admin).json(&body)).await.is(201);
        assert_eq!(answer.header("cache-control"), "no-store");
        let secret = answer.json()["secret"].as_str().unwrap().to_owned();
        for uri in ["/api/v1/projects/team/robots", "/api/v1/projects/team/robots/ci", "/api/v1/audit", "/api/v1/users", "/api/v1/jobs", "/metrics", "/api/v1/system"] {
            let text = hub.send(get(uri).by(&admin)).await.is(200).text();
            assert!(!text.contains(&secret) && !text.contains("argon2") && !text.contains("password"), "{uri}");
        }
    }

    /// GO-2022-0818 and its family: another site's page cannot use a browser's session.
    async fn a_session_changes_nothing_from_elsewhere(database: testkit::Database) {
        let hub = Hub::with(database, Some("https://hub.example")).await;
        let cookie = hub.session("admin").await;
        let change = || patch("/api/v1/projects/open").header("cookie", &cookie).json(&json!({ "public": true }));
        hub.send(change()).await.fails(403, "CSRF_REFUSED");
        for site in ["cross-site", "same-site", "none", ""] {
            hub.send(change().header("sec-fetch-site", site)).await.fails(403, "CSRF_REFUSED");
        }
        for origin in ["https://evil.example", "http://hub.example", "https://hub.example.evil", "null", "https://hub.example:444"] {
            hub.send(change().header("origin", origin)).await.fails(403, "CSRF_REFUSED");
        }
        hub.send(change().header("origin", "https://evil.example").header("host", "evil.example")).await.fails(403, "CSRF_REFUSED");
        hub.send(change().header("origin", "https://hub.example")).await.is(200);
        hub.send(change().header("sec-fetch-site", "same-origin")).await.is(200);
        for method in ["POST", "PUT", "DELETE"] {
            let uri = if method == "POST" { "/api/v1/projects" } else if method == "PUT" { "/api/v1/projects/team/members/admin" } else { "/api/v1/projects/team" };
            hub.send(ask(method, uri).header("cookie", &cookie).json(&json!({}))).await.fails(403, "CSRF_REFUSED");
        }
        hub.send(post("/v2/team/api/blobs/uploads/").header("cookie", &cookie)).await.fails(403, "CSRF_REFUSED");
        // To look is no change, and a session that has ended is nobody.
        hub.send(get("/api/v1/me").header("cookie", &cookie)).await.is(200);
        hub.send(get("/api/v1/me").header("cookie", &format!("{}=made-up", api::SESSION_COOKIE))).await.fails(401, "UNAUTHORIZED");
    }

    /// A digest is that algorithm and that many lower-case digits.
    async fn digests_are_exact(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let by = hub.team.as_str();
        let digest = hub.push_blob(by, "team/api", b"x").await.to_string();
        let hash = digest.strip_prefix("sha256:").unwrap().to_owned();
        for text in [
            format!("sha256:{}", &hash[1..]),
            format!("sha256:{hash}0"),
            format!("sha256:{}", hash.to_uppercase()),
            format!("SHA256:{hash}"),
            format!("sha512:{hash}"),
            format!("sha512:{}", &sha512(b"x").to_string()[7..120]),
            format!("md5:{}", "0".repeat(32)),
            "sha256:".to_owned(),
            "sha256:%2e%2e%2f".to_owned(),
            format!("sha256:{hash}%00"),
            format!("sha256%253A{hash}"),
        ] {
            for uri in [format!("/v2/team/api/blobs/{text}"), format!("/v2/team/api/referrers/{text}")] {
                hub.send(get(&uri).by(by)).await.fails(400, "DIGEST_INVALID");
            }
            let answer = hub.send(post(&format!("/v2/team/api/blobs/uploads/?digest={text}")).by(by).body(b"x")).await.is(400);
            assert_eq!(answer.code(), "DIGEST_INVALID", "{text}");
        }
        hub.send(get(&format!("/v2/team/api/blobs/sha256%3A{hash}")).by(by)).await.is(200);
    }

    /// Names are read once, and hold nothing but what names hold.
    async fn names_hold_no_tricks(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let by = hub.team.as_str();
        hub.push_image(by, "team/api", "1").await;
        for name in ["team%2fapi", "team%252fapi", "team/%2e%2e/api", "team/../other", "..%2f..%2fetc", "team/api%00", "team/%61%70%69%0d%0a", "t%C3%A9am/api", "%D1%82eam/api", "team/api%20", "team//api", "./team/api", "team/ap%ff"] {
            for uri in [format!("/v2/{name}/tags/list"), format!("/v2/{name}/manifests/1")] {
                let answer = hub.send(get(&uri).by(by)).await;
                assert!([400, 404].contains(&answer.status), "{uri}: {}", answer.status);
                assert!(["NAME_INVALID", "UNSUPPORTED"].contains(&answer.code().as_str()), "{uri}: {}", answer.code());
            }
            hub.send(get(&format!("/api/v1/repository?name={name}%00")).by(by)).await.fails(400, "NAME_INVALID");
        }
        let admin = hub.session("admin").await;
        for uri in ["/api/v1/projects/%00", "/api/v1/users/%00", "/api/v1/projects/team%0a/members", "/api/v1/projects/team/robots/%1b", "/api/v1/audit?project=%00", "/api/v1/audit?actor=%00", "/api/v1/repositories?after=%00", "/api/v1/jobs?kind=%00", "/api/v1/access/explain?as=%00&action=pull&resource=team/api", "/api/v1/access/explain?action=pull&resource=team/%00", "/v2/_catalog?last=%00", "/v2/team/api/tags/list?last=%00", "/v2/team/api/referrers/sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a?artifactType=%00"] {
            hub.send(get(uri).by(&admin)).await.fails(400, "PARAMETER_INVALID");
        }
        // Text from a body, too.
        for (uri, body) in [
            ("/api/v1/projects", json!({ "name": "a\u{0}b" })),
            ("/api/v1/users", json!({ "name": "a\u{0}b", "password": "long enough" })),
            ("/api/v1/projects/team/robots", json!({ "name": "a\nb", "grants": [], "expires_at": tomorrow() })),
            ("/api/v1/projects/team/robots", json!({ "name": "ab", "grants": [{ "repositories": "team/\u{0}", "role": "reader" }], "expires_at": tomorrow() })),
        ] {
            hub.send(post(uri).by(&admin).json(&body)).await.fails(400, "INPUT_INVALID");
        }
        // Denials of whatever was asked for can still be written.
        let stranger = hub.user("ada", &[]).await;
        for uri in ["/api/v1/projects/%C3%A9", "/api/v1/projects/%F0%9F%92%A9", "/api/v1/projects/a%2fb", "/api/v1/audit?project=%27%3B--"] {
            hub.send(get(uri).by(&stranger)).await.is(404);
        }
        assert_eq!(hub.denials.drain(&hub.db).await.unwrap(), 4);
    }

    /// Log and header injection: nothing that a client sends comes back as a line of its own.
    async fn headers_cannot_be_injected(database: testkit::Database) {
        let hub = Hub::new(database).await;
        for host in ["evil.example\" ,scope=\"x", "evil.example/path", "user@evil.example", "evil.example?x", "", "a b"] {
            let answer = hub.send(get("/v2/").header("host", host)).await.is(401);
            assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"http://localhost/token\",service=\"garrison\"", "{host}");
        }
        hub.push_image(&hub.team, "team/api", "1").await;
        let digest = sha256(b"x");
        for query in ["artifactType=a%0d%0aSet-Cookie:x", "artifactType=%22%3E%3B", "last=%0d%0a"] {
            let answer = hub.send(get(&format!("/v2/team/api/referrers/{digest}?{query}")).by(&hub.team)).await;
            assert!([200, 400].contains(&answer.status), "{query}");
            assert_eq!(answer.headers("set-cookie"), Vec::<&str>::new());
        }
        for last in ["%3E%3B%20rel%3D%22x", "%22", "a%2Cb"] {
            let answer = hub.send(get(&format!("/v2/team/api/tags/list?n=1&last={last}")).by(&hub.team)).await.is(200);
            assert!(answer.header("link").matches('<').count() <= 1);
        }
    }

    /// An external address, where there is one, is the only one that is told.
    async fn a_host_cannot_move_the_realm(database: testkit::Database) {
        let hub = Hub::with(database, Some("https://hub.example")).await;
        for (name, value) in [("host", "evil.example"), ("x-forwarded-host", "evil.example"), ("x-forwarded-proto", "http"), ("forwarded", "host=evil.example")] {
            let answer = hub.send(get("/v2/").header(name, value)).await.is(401);
            assert!(answer.header("www-authenticate").starts_with("Bearer realm=\"https://hub.example/token\","), "{name}");
        }
    }

    /// A flood of referrers is read in pages.
    async fn many_referrers_come_in_pages(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let by = hub.team.as_str();
        let (subject, manifest) = hub.push_image(by, "team/api", "1").await;
        hub.push_blob(by, "team/api", b"{}").await;
        let subject_descriptor = descriptor(OCI_MANIFEST, &subject, manifest.len());
        for index in 0..25 {
            let body = artifact(&format!("application/vnd.flood.{}", index % 2), Some(&subject_descriptor));
            let body = String::from_utf8(body).unwrap().replacen('{', &format!("{{\"annotations\":{{\"n\":\"{index}\"}},"), 1);
            hub.push_manifest(by, "team/api", &sha256(body.as_bytes()).to_string(), OCI_MANIFEST, body.as_bytes()).await;
        }
        for (query, count) in [("n=10", 25), ("n=10&artifactType=application/vnd.flood.0", 13), ("n=1000000", 25), ("", 25)] {
            let (mut uri, mut found) = (format!("/v2/team/api/referrers/{subject}?{query}"), Vec::new());
            loop {
                let answer = hub.send(get(&uri).by(by)).await.is(200);
                found.extend(answer.json()["manifests"].as_array().unwrap().iter().map(|one| one["digest"].to_string()));
                let Some(link) = answer.header("link").strip_prefix('<') else { break };
                link.split_once('>').unwrap().0.clone_into(&mut uri);
            }
            assert_eq!(found.len(), count, "{query}");
            found.dedup();
            assert_eq!(found.len(), count, "{query}");
        }
    }

    /// Uploads that are opened and left are counted against who opens them.
    async fn open_uploads_have_a_limit(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let registry = hub.app.registry();
        let (name, actor) = ("team/api".parse().unwrap(), "robot:team-bot");
        for _ in 0..registry::UPLOADS_PER_ACTOR_MAX - 1 {
            registry.start_upload(&name, actor, oci::Algorithm::Sha256).await.unwrap();
        }
        let uri = "/v2/team/api/blobs/uploads/";
        let last = hub.send(post(uri).by(&hub.team)).await.is(202).header("location").to_owned();
        let answer = hub.send(post(uri).by(&hub.team)).await.fails(429, "TOOMANYREQUESTS");
        assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
        // Others go on, and so does whoever finishes one.
        let second = hub.robot("team", "second", "team/**", "writer").await;
        hub.send(post(uri).by(&second)).await.is(202);
        hub.send(delete(&last).by(&hub.team)).await.is(204);
        hub.send(post(uri).by(&hub.team)).await.is(202);
    }

    /// A blob that rots on the disk is never served as whole, and a push heals it.
    async fn a_damaged_blob_is_never_whole_and_is_healed_by_a_push(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let by = hub.team.as_str();
        for (content, damage) in [(&b"changed in place"[..], Some(&b"changed in plane"[..])), (b"cut short", Some(b"cut")), (b"lost", None)] {
            let digest = hub.push_blob(by, "team/api", content).await;
            let uri = format!("/v2/team/api/blobs/{digest}");
            let hash = digest.to_string()[7..].to_owned();
            let stored = files(hub.files.path()).into_iter().find(|path| path.to_string_lossy().contains(&hash)).unwrap();
            match damage {
                // Another inode: the clock that stamps a change may be too coarse to tell it from the push.
                Some(bytes) => {
                    let aside = hub.files.path().join("aside");
                    std::fs::write(&aside, bytes).unwrap();
                    std::fs::rename(&aside, &stored).unwrap();
                }
                None => std::fs::remove_file(&stored).unwrap(),
            }
            let answer = hub.send(get(&uri).by(by)).await;
            assert!(!answer.is_whole || answer.status == 404, "{}", answer.text());
            hub.push_blob(by, "team/api", content).await;
            let answer = hub.send(get(&uri).by(by)).await.is(200);
            assert!(answer.is_whole && answer.body == content);
        }
    }

    /// Nobody but an administrator makes a project by pushing into it.
    async fn a_push_to_an_unknown_project_makes_it_for_administrators_alone(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let admin = hub.session("admin").await;
        hub.send(post("/v2/new/api/blobs/uploads/").by(&hub.team)).await.fails(404, "NAME_UNKNOWN");
        hub.send(post("/v2/new/api/blobs/uploads/")).await.fails(401, "UNAUTHORIZED");
        hub.send(get("/api/v1/projects/new").by(&admin)).await.fails(404, "PROJECT_UNKNOWN");
        hub.send(post("/v2/new/api/blobs/uploads/").by(&admin)).await.is(202);
        assert_eq!(hub.send(get("/api/v1/projects/new").by(&admin)).await.is(200).json()["public"], false);
        let token = hub.token("admin", &["repository:newer/api:pull,push"]).await;
        let digest = sha256(b"x");
        hub.send(post(&format!("/v2/newer/api/blobs/uploads/?digest={digest}")).by(&token).body(b"x")).await.is(201);
        for name in ["v2", "api", "token", "system"] {
            hub.send(post(&format!("/v2/{name}/x/blobs/uploads/")).by(&admin)).await.fails(400, "NAME_INVALID");
        }
    }
}
