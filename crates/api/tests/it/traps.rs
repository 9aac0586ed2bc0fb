//! What real clients trip over, each as a test with the number that the research gives it, and what the conformance suites
//! of OCI distribution check, as tables.

use std::sync::Arc;

use api::PROJECTS_LOOKED_UP_MAX;
use serde_json::{Value, json};

use crate::hub::{
    ADMIN_PASSWORD, Hub, OCI_INDEX, OCI_MANIFEST, artifact, ask, basic, delete, descriptor, get, head, image, patch,
    post, put, sha256, sha512,
};

const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

db::statements! {
    /// Makes projects.
    INSERT_PROJECTS = "INSERT INTO projects (name, public, created_at_us) VALUES {rows:3}";
}

/// Begins an upload and returns its location.
async fn begin(hub: &Hub, repository: &str) -> String {
    let answer = hub.send(post(&format!("/v2/{repository}/blobs/uploads/")).by(&hub.team).body(b"")).await.is(202);
    answer.header("location").to_owned()
}

testkit::on_both_databases! {
    async fn trap_01_ping_challenges_whoever_shows_nothing(database: testkit::Database) {
        let hub = Hub::with(database, Some("https://registry.example.com/")).await;
        let answer = hub.send(get("/v2/")).await.fails(401, "UNAUTHORIZED");
        assert_eq!(
            answer.header("www-authenticate"),
            "Bearer realm=\"https://registry.example.com/token\",service=\"garrison\"",
        );
        assert_eq!(answer.header("docker-distribution-api-version"), "registry/2.0");
        hub.send(get("/v2")).await.fails(401, "UNAUTHORIZED");
        for who in [&hub.team, &basic("admin", ADMIN_PASSWORD), &hub.token("team-bot", &[]).await] {
            let answer = hub.send(get("/v2/").by(who)).await.is(200);
            assert_eq!((answer.text().as_str(), answer.header("content-type")), ("{}", "application/json"));
        }
        // An anonymous token says that its holder knows how to ask.
        let token = hub.send(get("/token")).await.json()["token"].as_str().unwrap().to_owned();
        hub.send(get("/v2/").by(&format!("Bearer {token}"))).await.is(200);
    }

    async fn trap_02_every_path_challenges_in_one_scheme(database: testkit::Database) {
        let hub = Hub::new(database).await;
        for uri in ["/v2/", "/v2/team/api/tags/list", "/v2/team/api/manifests/1", "/api/v1/me", "/api/v1/users"] {
            let answer = hub.send(get(uri).header("host", "hub.example:5000")).await.fails(401, "UNAUTHORIZED");
            let challenges = answer.headers("www-authenticate");
            assert_eq!(challenges.len(), 1, "{uri}");
            assert!(challenges[0].starts_with("Bearer realm=\"http://hub.example:5000/token\",service=\"garrison\""), "{uri}");
        }
        let narrow = hub.token("team-bot", &["repository:team/api:pull"]).await;
        let answer = hub.send(get("/v2/_catalog").by(&narrow)).await.fails(401, "UNAUTHORIZED");
        assert!(answer.header("www-authenticate").contains("scope=\"registry:catalog:*\",error=\"insufficient_scope\""));
    }

    async fn trap_03_the_challenge_leads_to_a_token_that_opens(database: testkit::Database) {
        let hub = Hub::new(database).await;
        hub.push_image(&hub.team, "team/api", "1").await;
        hub.push_image(&hub.open, "open/api", "1").await;
        for (uri, who, status) in [
            ("/v2/team/api/manifests/1", hub.team.as_str(), 200),
            ("/v2/open/api/manifests/1", hub.team.as_str(), 200),
            ("/v2/open/api/manifests/1", "", 200),
            ("/v2/team/api/manifests/1", "", 401),
        ] {
            let answer = hub.send(get("/v2/team/api/manifests/1")).await.is(401);
            let challenge = answer.header("www-authenticate").to_owned();
            assert!(challenge.contains("scope=\"repository:team/api:pull\""), "{challenge}");
            let scope = uri.strip_prefix("/v2/").unwrap().split_once("/manifests").unwrap().0;
            let token = hub.send(get(&format!("/token?service=garrison&scope=repository:{scope}:pull")).by(who)).await.is(200);
            let token = token.json()["token"].as_str().unwrap().to_owned();
            hub.send(get(uri).by(&format!("Bearer {token}"))).await.is(status);
        }
    }

    async fn trap_04_a_token_too_narrow_is_401_and_an_account_too_small_is_403(database: testkit::Database) {
        let hub = Hub::new(database).await;
        hub.push_image(&hub.team, "team/api", "1").await;
        let pull = hub.token("team-bot", &["repository:team/api:pull"]).await;
        let answer = hub.send(post("/v2/team/api/blobs/uploads/").by(&pull)).await.fails(401, "UNAUTHORIZED");
        assert!(answer.header("www-authenticate").ends_with(",scope=\"repository:team/api:pull,push\",error=\"insufficient_scope\""));
        // A mount names both repositories, so that one token can be asked for both.
        let push = hub.token("team-bot", &["repository:team/new:pull,push"]).await;
        let digest = sha256(b"{\"os\":\"linux\"}");
        let mount = format!("/v2/team/new/blobs/uploads/?mount={digest}&from=team/api");
        let answer = hub.send(post(&mount).by(&push)).await.fails(401, "UNAUTHORIZED");
        assert!(answer.header("www-authenticate").contains("scope=\"repository:team/api:pull repository:team/new:pull,push\",error=\"insufficient_scope\""));
        let both = hub.token("team-bot", &["repository:team/api:pull", "repository:team/new:pull,push"]).await;
        hub.send(post(&mount).by(&both)).await.is(201);
        // Enough token, too small an account.
        let reader = hub.robot("team", "reads", "team/**", "reader").await;
        hub.send(post("/v2/team/api/blobs/uploads/").by(&reader)).await.fails(403, "DENIED");
        // What is private and what is not there cannot be told apart, with a token or without.
        let other = hub.token("other-bot", &["repository:team/api:pull", "repository:team/none:pull"]).await;
        hub.send(get("/v2/team/api/tags/list").by(&other)).await.fails(404, "NAME_UNKNOWN");
        hub.send(get("/v2/team/none/tags/list").by(&other)).await.fails(404, "NAME_UNKNOWN");
    }

    async fn trap_05_a_user_agent_changes_nothing(database: testkit::Database) {
        let hub = Hub::new(database).await;
        hub.push_image(&hub.team, "team/api", "1").await;
        let answer = |agent: &'static str, who: &str| head("/v2/team/api/manifests/1").by(who).header("user-agent", agent);
        for agent in ["cosign/v2", "docker/27.0", "kube-probe", ""] {
            hub.send(answer(agent, &hub.team)).await.is(200);
            hub.send(answer(agent, "")).await.is(401);
        }
    }

    async fn trap_06_logins_that_clients_make_up_are_only_wrong(database: testkit::Database) {
        let hub = Hub::new(database).await;
        for login in ["<token>", "00000000-0000-0000-0000-000000000000", "robot$ci", "oauth2accesstoken", "", "a\0b", "ü"] {
            let answer = hub.send(get("/v2/").by(&basic(login, "x"))).await;
            assert!([401, 429].contains(&answer.status), "{login}: {}", answer.text());
        }
        hub.send(get("/v2/").by(&hub.team)).await.is(200);
    }

    async fn trap_07_locations_are_relative_whatever_host_is_said(database: testkit::Database) {
        let hub = Hub::with(database, Some("https://registry.example.com")).await;
        let answer = hub
            .send(
                post("/v2/team/api/blobs/uploads/")
                    .by(&hub.team)
                    .header("host", "evil.example")
                    .header("x-forwarded-host", "evil.example")
                    .header("x-forwarded-proto", "https")
                    .header("forwarded", "host=evil.example"),
            )
            .await
            .is(202);
        let location = answer.header("location").to_owned();
        assert!(location.starts_with("/v2/team/api/blobs/uploads/"), "{location}");
        // Clients append the digest with `?` though there is a query already.
        let content = b"content";
        let digest = sha256(content);
        let uri = format!("{location}?_state=x?digest={digest}");
        let answer = hub.send(put(&uri).by(&hub.team).body(content)).await.is(201);
        assert_eq!(answer.header("location"), format!("/v2/team/api/blobs/{digest}"));
        let location = begin(&hub, "team/api").await;
        let encoded = digest.to_string().replace(':', "%3A");
        hub.send(put(&format!("{location}?_state=x&digest={encoded}")).by(&hub.team).body(content)).await.is(201);
    }

    async fn trap_08_every_way_to_upload(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let by = hub.team.as_str();
        let pulled = async |content: &[u8]| {
            let answer = hub.send(get(&format!("/v2/team/api/blobs/{}", sha256(content))).by(by)).await.is(200);
            assert_eq!(answer.body, content);
        };
        // POST and PUT.
        let content = b"monolithic";
        let location = begin(&hub, "team/api").await;
        hub.send(put(&format!("{location}?digest={}", sha256(content))).by(by).body(content)).await.is(201);
        pulled(content).await;
        // POST alone.
        let content = b"one request";
        let answer = hub.send(post(&format!("/v2/team/api/blobs/uploads/?digest={}", sha256(content))).by(by).body(content)).await.is(201);
        assert_eq!(answer.header("docker-content-digest"), sha256(content).to_string());
        pulled(content).await;
        // Streamed: one PATCH without length or range, then a PUT without body.
        let content = b"streamed in pieces";
        let location = begin(&hub, "team/api").await;
        let answer = hub.send(patch(&location).by(by).streamed(&[b"streamed ", b"in ", b"pieces"])).await.is(202);
        assert_eq!(answer.header("range"), "0-17");
        let location = answer.header("location").to_owned();
        hub.send(put(&format!("{location}?digest={}", sha256(content))).by(by).body(b"")).await.is(201);
        pulled(content).await;
        // Chunked, the last one in the PUT.
        let location = begin(&hub, "team/api").await;
        let answer = hub.send(patch(&location).by(by).header("content-range", "0-4").body(b"chunk")).await.is(202);
        assert_eq!(answer.header("range"), "0-4");
        let answer = hub.send(patch(&location).by(by).header("content-range", "5-7").body(b"ed ")).await.is(202);
        assert_eq!(answer.header("range"), "0-7");
        let content = b"chunked upload";
        let uri = format!("{location}?digest={}", sha256(content));
        hub.send(put(&uri).by(by).header("content-range", "8-13").body(b"upload")).await.is(201);
        pulled(content).await;
        // An empty upload holds `0-0` to docker, and no chunk is too small.
        let answer = hub.send(post("/v2/team/api/blobs/uploads/").by(by)).await.is(202);
        assert_eq!((answer.header("range"), answer.header("oci-chunk-min-length")), ("0-0", ""));
        let location = answer.header("location").to_owned();
        assert_eq!(hub.send(get(&location).by(by)).await.is(204).header("range"), "0-0");
        // Content that is not what it is called, by either way.
        let wrong = format!("{location}?digest={}", sha256(b"something else"));
        hub.send(put(&wrong).by(by).body(b"content")).await.fails(400, "DIGEST_INVALID");
        hub.send(get(&location).by(by)).await.fails(404, "BLOB_UPLOAD_UNKNOWN");
        let wrong = format!("/v2/team/api/blobs/uploads/?digest={}", sha256(b"something else"));
        hub.send(post(&wrong).by(by).body(b"content")).await.fails(400, "DIGEST_INVALID");
        // Without a digest there is no end.
        let location = begin(&hub, "team/api").await;
        hub.send(put(&location).by(by).body(b"content")).await.fails(400, "DIGEST_INVALID");
        hub.send(put(&format!("{location}?digest=sha256:x")).by(by).body(b"content")).await.fails(400, "DIGEST_INVALID");
        // sha512, named at the start or only at the end.
        let content = b"long digest";
        let digest = sha512(content);
        let answer = hub.send(post("/v2/team/api/blobs/uploads/?digest-algorithm=sha512").by(by)).await.is(202);
        let location = answer.header("location").to_owned();
        hub.send(patch(&location).by(by).body(content)).await.is(202);
        hub.send(put(&format!("{location}?digest={digest}")).by(by)).await.is(201);
        let location = begin(&hub, "team/late").await;
        hub.send(patch(&location).by(by).body(content)).await.is(202);
        hub.send(put(&format!("{location}?digest={digest}")).by(by)).await.is(201);
        assert_eq!(hub.send(get(&format!("/v2/team/late/blobs/{digest}")).by(by)).await.is(200).body, &content[..]);
    }

    async fn trap_09_chunks_out_of_order_are_told_where_to_go_on(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let by = hub.team.as_str();
        let location = begin(&hub, "team/api").await;
        hub.send(patch(&location).by(by).header("content-range", "0-4").body(b"chunk")).await.is(202);
        for (range, body) in [("0-4", &b"chunk"[..]), ("6-8", b"ed "), ("4-6", b"xyz"), ("1000-1002", b"abc")] {
            let answer = hub.send(patch(&location).by(by).header("content-range", range).body(body)).await.fails(416, "RANGE_INVALID");
            assert_eq!((answer.header("location"), answer.header("range")), (location.as_str(), "0-4"), "{range}");
            let uri = format!("{location}?digest={}", sha256(b"chunk"));
            hub.send(put(&uri).by(by).header("content-range", range).body(body)).await.fails(416, "RANGE_INVALID");
        }
        for range in ["", "x", "5", "7-5", "-5", "5-"] {
            let answer = hub.send(patch(&location).by(by).header("content-range", range).body(b"abc")).await;
            assert!([400, 416].contains(&answer.status), "{range}: {}", answer.status);
        }
        // Another length than the range says.
        hub.send(patch(&location).by(by).header("content-range", "5-9").body(b"abc")).await.fails(400, "SIZE_INVALID");
        let answer = hub.send(get(&location).by(by)).await.is(204);
        assert_eq!(answer.header("range"), "0-4");
        assert!(!answer.header("docker-upload-uuid").is_empty());
        // A body that breaks off counts as far as it came.
        hub.send(patch(&location).by(by).broken(b"ed")).await.fails(400, "BLOB_UPLOAD_INVALID");
        assert_eq!(hub.send(get(&location).by(by)).await.is(204).header("range"), "0-6");
        hub.send(delete(&location).by(by)).await.is(204);
        for method in ["GET", "PATCH", "DELETE"] {
            hub.send(ask(method, &location).by(by)).await.fails(404, "BLOB_UPLOAD_UNKNOWN");
        }
        hub.send(put(&format!("{location}?digest={}", sha256(b"x"))).by(by).body(b"x")).await.fails(404, "BLOB_UPLOAD_UNKNOWN");
    }

    async fn trap_10_a_put_may_be_repeated_and_bring_any_type(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let by = hub.team.as_str();
        let location = begin(&hub, "team/api").await;
        hub.send(patch(&location).by(by).header("content-type", "text/plain; charset=utf-8").body(b"con")).await.is(202);
        let uri = format!("{location}?digest={}", sha256(b"content"));
        let finish = || put(&uri).by(by).header("content-range", "3-6").body(b"tent");
        hub.send(finish()).await.is(201);
        // The answer was lost, the client repeats itself.
        hub.send(finish()).await.is(201);
        hub.push_blob(by, "team/api", b"content").await;
        // Zero bytes are a blob too.
        let empty = hub.push_blob(by, "team/api", b"").await;
        let answer = hub.send(get(&format!("/v2/team/api/blobs/{empty}")).by(by)).await.is(200);
        assert_eq!((answer.header("content-length"), answer.body.len()), ("0", 0));
        // Clients take the empty JSON document for granted.
        hub.push_manifest(by, "team/fresh", "1", OCI_MANIFEST, &artifact("application/x", None)).await;
        let answer = hub.send(get(&format!("/v2/team/fresh/blobs/{}", sha256(b"{}"))).by(by)).await.is(200);
        assert_eq!(answer.text(), "{}");
    }

    async fn trap_11_a_mount_that_cannot_be_is_an_upload(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let (here, there) = (hub.push_blob(&hub.team, "team/a", b"here").await, hub.push_blob(&hub.other, "other/a", b"there").await);
        let missing = sha256(b"nowhere");
        let answer = hub.send(post(&format!("/v2/team/b/blobs/uploads/?mount={here}&from=team/a")).by(&hub.team)).await.is(201);
        assert_eq!(answer.header("location"), format!("/v2/team/b/blobs/{here}"));
        assert_eq!(answer.header("docker-content-digest"), here.to_string());
        assert_eq!(hub.send(get(&format!("/v2/team/b/blobs/{here}")).by(&hub.team)).await.is(200).text(), "here");
        let shape = async |query: String| {
            let answer = hub.send(post(&format!("/v2/team/b/blobs/uploads/?{query}")).by(&hub.team)).await.is(202);
            let mut names: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
            names.sort();
            (names, answer.header("range").to_owned(), answer.body.len())
        };
        let plain = shape(String::new()).await;
        for query in [
            format!("mount={missing}&from=team/a"),
            format!("mount={here}"),
            format!("mount={here}&from=team/none"),
            format!("mount={there}&from=other/a"),
            format!("mount={missing}&from=other/a"),
            format!("mount={there}&from=none/a"),
            format!("mount={here}&from=Team/A"),
            format!("mount={here}&from="),
        ] {
            assert_eq!(shape(query.clone()).await, plain, "{query}");
        }
        hub.send(post("/v2/team/b/blobs/uploads/?mount=sha256:x&from=team/a").by(&hub.team)).await.fails(400, "DIGEST_INVALID");
    }

    async fn trap_12_headers_that_clients_rely_on(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let by = hub.team.as_str();
        let answer = hub.send(post("/v2/team/api/blobs/uploads/").by(by)).await.is(202);
        let id = answer.header("docker-upload-uuid").to_owned();
        assert!(answer.header("location").ends_with(&id) && !id.is_empty());
        assert_eq!(answer.header("docker-distribution-api-version"), "registry/2.0");
        let (digest, manifest) = hub.push_image(by, "team/api", "1").await;
        for reference in ["1", &digest.to_string()] {
            for method in ["GET", "HEAD"] {
                let answer = hub.send(ask(method, &format!("/v2/team/api/manifests/{reference}")).by(by)).await.is(200);
                assert_eq!(answer.header("docker-content-digest"), digest.to_string());
                assert_eq!(answer.header("content-length"), manifest.len().to_string());
                assert_eq!(answer.header("content-type"), OCI_MANIFEST);
                assert_eq!(answer.header("docker-distribution-api-version"), "registry/2.0");
                assert_eq!(answer.body.len(), if method == "GET" { manifest.len() } else { 0 });
            }
        }
        let config = sha256(b"{\"os\":\"linux\"}");
        for method in ["GET", "HEAD"] {
            let answer = hub.send(ask(method, &format!("/v2/team/api/blobs/{config}")).by(by)).await.is(200);
            assert_eq!(answer.header("docker-content-digest"), config.to_string());
            assert_eq!((answer.header("content-length"), answer.header("content-type")), ("14", "application/octet-stream"));
        }
    }

    async fn trap_13_manifests_are_kept_bit_for_bit_whatever_their_type(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let by = hub.team.as_str();
        let config = hub.push_blob(by, "team/api", b"{}").await;
        let layer = hub.push_blob(by, "team/api", b"layer").await;
        let part = |media_type: &str| descriptor(media_type, &layer, 5);
        let docker = json!({
            "schemaVersion": 2,
            "mediaType": DOCKER_MANIFEST,
            "config": descriptor("application/vnd.docker.container.image.v1+json", &config, 2),
            "layers": [part("application/vnd.docker.image.rootfs.diff.tar.gzip")],
        });
        let digest = sha256(docker.to_string().as_bytes());
        hub.push_manifest(by, "team/api", "docker", DOCKER_MANIFEST, docker.to_string().as_bytes()).await;
        let list = json!({
            "schemaVersion": 2,
            "mediaType": DOCKER_LIST,
            "manifests": [{ "mediaType": DOCKER_MANIFEST, "digest": digest.to_string(), "size": docker.to_string().len(),
                "platform": { "os": "linux", "architecture": "amd64" } }],
        });
        // What BuildKit makes: an index of layers, without platforms, and a config among them.
        let cache = json!({
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [part("application/vnd.oci.image.layer.v1.tar+gzip"), descriptor("application/vnd.buildkit.cacheconfig.v0", &config, 2)],
        });
        // An attestation, and a platform that was not pushed.
        let sparse = json!({
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [{ "mediaType": OCI_MANIFEST, "digest": sha256(b"not here").to_string(), "size": 8,
                "platform": { "os": "unknown", "architecture": "unknown" } }],
        });
        let untyped = json!({ "schemaVersion": 2, "config": descriptor("application/x", &config, 2), "layers": [] });
        for (tag, media_type, body) in [
            ("list", DOCKER_LIST, list.to_string()),
            ("cache", OCI_INDEX, cache.to_string()),
            ("sparse", OCI_INDEX, sparse.to_string()),
            ("untyped", OCI_MANIFEST, untyped.to_string()),
            ("spaced", OCI_MANIFEST, format!("\n {}\n\t", serde_json::to_string_pretty(&untyped).unwrap())),
            ("own", "application/vnd.example.thing+json", json!({ "anything": ["at", "all"] }).to_string()),
        ] {
            let sent = format!("{media_type}; charset=utf-8");
            let digest = hub.push_manifest(by, "team/api", tag, &sent, body.as_bytes()).await;
            assert_eq!(digest, sha256(body.as_bytes()), "{tag}");
            let answer = hub.send(get(&format!("/v2/team/api/manifests/{tag}")).by(by)).await.is(200);
            assert_eq!((answer.text(), answer.header("content-type")), (body, media_type), "{tag}");
        }
        for (media_type, body) in [
            ("application/vnd.docker.distribution.manifest.v1+json", json!({ "schemaVersion": 1 })),
            ("application/vnd.docker.distribution.manifest.v1+prettyjws", json!({ "schemaVersion": 1 })),
            (OCI_MANIFEST, json!({ "schemaVersion": 1 })),
        ] {
            let answer = hub.send(put("/v2/team/api/manifests/1").by(by).header("content-type", media_type).body(body.to_string().as_bytes())).await.fails(400, "MANIFEST_INVALID");
            assert!(answer.message().contains("unsupported") || answer.message().contains("schemaVersion"), "{}", answer.message());
        }
    }

    async fn trap_14_a_tag_may_change_its_type(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let by = hub.team.as_str();
        let (digest, manifest) = hub.push_image(by, "team/api", "1").await;
        let index = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [descriptor(OCI_MANIFEST, &digest, manifest.len())] });
        hub.push_manifest(by, "team/api", "1", OCI_INDEX, index.to_string().as_bytes()).await;
        assert_eq!(hub.send(head("/v2/team/api/manifests/1").by(by)).await.header("content-type"), OCI_INDEX);
        hub.push_manifest(by, "team/api", "1", OCI_MANIFEST, &manifest).await;
        let answer = hub.send(get("/v2/team/api/manifests/1").by(by)).await.is(200);
        assert_eq!((answer.header("content-type"), answer.body.to_vec()), (OCI_MANIFEST, manifest));
    }

    async fn trap_15_accept_never_converts(database: testkit::Database) {
        let hub = Hub::new(database).await;
        hub.push_image(&hub.team, "team/api", "1").await;
        for accept in [&[OCI_MANIFEST][..], &[DOCKER_MANIFEST], &["text/html", "image/png, */*;q=0.1"], &[DOCKER_LIST, OCI_INDEX], &[]] {
            for method in ["GET", "HEAD"] {
                let mut asked = ask(method, "/v2/team/api/manifests/1").by(&hub.team);
                for value in accept {
                    asked = asked.header("accept", value);
                }
                assert_eq!(hub.send(asked).await.is(200).header("content-type"), OCI_MANIFEST);
            }
        }
    }

    async fn trap_16_limits_are_where_clients_expect_them(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let by = hub.team.as_str();
        let padded = |length: usize| {
            let mut body = artifact("application/x", None);
            body.resize(length, b' ');
            body
        };
        let limit = oci::manifest::MANIFEST_BYTES_MAX;
        for (length, status) in [(limit - 1, 201), (limit, 201), (limit + 1, 413)] {
            let body = padded(length);
            hub.send(put("/v2/team/api/manifests/big").by(by).header("content-type", OCI_MANIFEST).body(&body)).await.is(status);
            let pieces: Vec<&[u8]> = body.chunks(1 << 20).collect();
            let answer = hub.send(put("/v2/team/api/manifests/big").by(by).header("content-type", OCI_MANIFEST).streamed(&pieces)).await.is(status);
            assert_eq!(answer.code(), if status == 413 { "MANIFEST_TOO_LARGE" } else { "" });
        }
        let body = artifact("application/x", None);
        for (tag, status) in [("a".repeat(127), 201), ("a".repeat(128), 201), ("a".repeat(129), 400), (".a".to_owned(), 400), ("-a".to_owned(), 400)] {
            let uri = format!("/v2/team/api/manifests/{tag}");
            let answer = hub.send(put(&uri).by(by).header("content-type", OCI_MANIFEST).body(&body)).await.is(status);
            assert_eq!(answer.code(), if status == 400 { "TAG_INVALID" } else { "" });
            // To ask for what cannot be is to ask for what is not.
            hub.send(get(&uri).by(by)).await.is(if status == 400 { 404 } else { 200 });
        }
        for (length, status) in [(254, 202), (255, 202), (256, 400)] {
            let name = format!("team/{}", "a".repeat(length - 5));
            hub.send(post(&format!("/v2/{name}/blobs/uploads/")).by(by)).await.is(status);
        }
        for name in ["Team/api", "team/API", "team/-a", "team/a-", "team//a", "team/a..b", "team/a___b", "tea m/a"] {
            let uri = format!("/v2/{}/blobs/uploads/", name.replace(' ', "%20"));
            hub.send(post(&uri).by(by)).await.fails(400, "NAME_INVALID");
        }
    }

    async fn trap_17_referrers_of_what_is_not_there_yet(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let by = hub.team.as_str();
        let missing = sha256(b"not pushed");
        let index = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [] });
        for name in ["team/none", "team/api"] {
            let answer = hub.send(get(&format!("/v2/{name}/referrers/{missing}")).by(by)).await.is(200);
            assert_eq!((answer.json(), answer.header("content-type")), (index.clone(), OCI_INDEX));
            hub.send(post("/v2/team/api/blobs/uploads/").by(by)).await.is(202);
        }
        let subject = descriptor(OCI_MANIFEST, &missing, 10);
        let mut digests = Vec::new();
        for kind in ["application/vnd.one", "application/vnd.two", "application/vnd.two+x"] {
            let body = artifact(kind, Some(&subject));
            let uri = format!("/v2/team/api/manifests/{}", sha256(&body));
            let answer = hub.send(put(&uri).by(by).header("content-type", OCI_MANIFEST).body(&body)).await.is(201);
            assert_eq!(answer.header("oci-subject"), missing.to_string());
            digests.push(sha256(&body));
        }
        let list = async |query: &str| hub.send(get(&format!("/v2/team/api/referrers/{missing}{query}")).by(by)).await.is(200);
        let found = list("").await;
        assert_eq!(found.json()["manifests"].as_array().unwrap().len(), 3);
        assert_eq!(found.header("oci-filters-applied"), "");
        for descriptor in found.json()["manifests"].as_array().unwrap() {
            assert!(descriptor["artifactType"].as_str().unwrap().starts_with("application/vnd."));
            assert!(descriptor["size"].as_u64().unwrap() > 0);
        }
        let found = list("?artifactType=application/vnd.two").await;
        assert_eq!(found.json()["manifests"].as_array().unwrap().len(), 1);
        assert_eq!(found.header("oci-filters-applied"), "artifactType");
        assert_eq!(list("?artifactType=application%2Fvnd.two%2Bx").await.json()["manifests"].as_array().unwrap().len(), 1);
        assert_eq!(list("?artifactType=application/none").await.json()["manifests"], json!([]));
        hub.send(delete(&format!("/v2/team/api/manifests/{}", digests[0])).by(by)).await.is(202);
        assert_eq!(list("").await.json()["manifests"].as_array().unwrap().len(), 2);
        hub.send(get("/v2/team/api/referrers/sha256:x").by(by)).await.fails(400, "DIGEST_INVALID");
        // The annotations that a list shows, and an image's config as its type.
        let config = hub.push_blob(by, "team/api", b"config").await;
        let body = json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": descriptor("application/vnd.config", &config, 6),
            "layers": [], "subject": subject, "annotations": { "org.example": "yes" } });
        hub.push_manifest(by, "team/api", "referrer", OCI_MANIFEST, body.to_string().as_bytes()).await;
        let found = list("?artifactType=application/vnd.config").await.json();
        assert_eq!(found["manifests"][0]["annotations"], json!({ "org.example": "yes" }));
    }

    /// OCI distribution 1.1, "Enabling the Referrers API": what clients without that API have listed under a tag is listed by it.
    async fn trap_17_referrers_tags_of_older_clients(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let by = hub.team.as_str();
        let (digest, manifest) = hub.push_image(by, "team/api", "1").await;
        let subject = descriptor(OCI_MANIFEST, &digest, manifest.len());
        let fallback = digest.to_string().replace(':', "-");
        let bodies = ["application/vnd.one", "application/vnd.two"].map(|kind| artifact(kind, Some(&subject)));
        let plain = artifact("application/vnd.plain", None);
        let entry = |body: &[u8]| descriptor(OCI_MANIFEST, &sha256(body), body.len());
        // A client pulls the index, adds its referrer and pushes it again; the last one lists one that has not come yet.
        for listed in [vec![&bodies[0]], vec![&bodies[0], &bodies[1], &plain]] {
            let uri = format!("/v2/team/api/manifests/{}", sha256(listed[0]));
            hub.send(put(&uri).by(by).header("content-type", OCI_MANIFEST).body(listed[0])).await.is(201);
            let entries: Vec<_> = listed.iter().map(|body| entry(body)).collect();
            let index = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries }).to_string();
            hub.push_manifest(by, "team/api", &fallback, OCI_INDEX, index.as_bytes()).await;
        }
        let types = async || {
            let found = hub.send(get(&format!("/v2/team/api/referrers/{digest}")).by(by)).await.is(200).json();
            let mut types: Vec<_> = found["manifests"].as_array().unwrap().iter()
                .map(|descriptor| descriptor["artifactType"].as_str().unwrap().to_owned()).collect();
            types.sort_unstable();
            types
        };
        assert_eq!(types().await, ["application/vnd.one"]);
        for body in [&bodies[1], &plain] {
            let uri = format!("/v2/team/api/manifests/{}", sha256(body));
            hub.send(put(&uri).by(by).header("content-type", OCI_MANIFEST).body(body)).await.is(201);
        }
        // Each once; neither the index itself nor what names no subject.
        assert_eq!(types().await, ["application/vnd.one", "application/vnd.two"]);
        // The tag is one like any other, for clients that look there.
        let found = hub.send(get(&format!("/v2/team/api/manifests/{fallback}")).by(by)).await.is(200).json();
        assert_eq!(found["manifests"].as_array().unwrap().len(), 3);
        // Neither way's deletion breaks the other.
        hub.send(delete(&format!("/v2/team/api/manifests/{}", sha256(&bodies[0]))).by(by)).await.is(202);
        assert_eq!(types().await, ["application/vnd.two"]);
        hub.send(get(&format!("/v2/team/api/manifests/{fallback}")).by(by)).await.is(200);
        hub.send(delete(&format!("/v2/team/api/manifests/{fallback}")).by(by)).await.is(202);
        assert_eq!(types().await, ["application/vnd.two"]);
    }

    async fn trap_18_signatures_by_tag_and_by_subject(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let by = hub.team.as_str();
        let (digest, manifest) = hub.push_image(by, "team/api", "1").await;
        for suffix in ["sig", "att", "sbom"] {
            let tag = digest.to_string().replace(':', "-") + "." + suffix;
            hub.push_manifest(by, "team/api", &tag, OCI_MANIFEST, &artifact("application/vnd.dev.cosign.artifact.sig.v1+json", None)).await;
            hub.send(head(&format!("/v2/team/api/manifests/{tag}")).by(by)).await.is(200);
        }
        let subject = descriptor(OCI_MANIFEST, &digest, manifest.len());
        for kind in ["application/vnd.cncf.notary.signature", "application/vnd.dev.sigstore.bundle.v0.3+json"] {
            let body = artifact(kind, Some(&subject));
            hub.push_manifest(by, "team/api", &sha256(&body).to_string(), OCI_MANIFEST, &body).await;
            let found = hub.send(get(&format!("/v2/team/api/referrers/{digest}?artifactType={kind}")).by(by)).await.is(200);
            assert_eq!(found.json()["manifests"][0]["digest"], sha256(&body).to_string());
        }
    }

    async fn trap_19_foreign_layers_and_any_compression(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let by = hub.team.as_str();
        let config = hub.push_blob(by, "team/api", b"{}").await;
        let foreign = |media_type: &str| {
            let mut layer = descriptor(media_type, &sha256(b"elsewhere"), 9);
            layer["urls"] = json!(["https://example.com/layer"]);
            image(&descriptor("application/vnd.oci.image.config.v1+json", &config, 2), &[layer])
        };
        for media_type in ["application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"] {
            hub.push_manifest(by, "team/api", "foreign", OCI_MANIFEST, &foreign(media_type)).await;
        }
        let zstd = hub.push_blob(by, "team/api", b"\x28\xb5\x2f\xfd not looked at").await;
        let body = image(&descriptor("application/vnd.oci.image.config.v1+json", &config, 2), &[descriptor("application/vnd.oci.image.layer.v1.tar+zstd", &zstd, 18)]);
        hub.push_manifest(by, "team/api", "zstd", OCI_MANIFEST, &body).await;
        let answer = hub.send(get(&format!("/v2/team/api/blobs/{zstd}")).by(by).header("accept-encoding", "gzip, zstd, br")).await.is(200);
        assert_eq!(answer.header("content-encoding"), "");
        // An ordinary layer that is not here is no foreign one, whatever `urls` it has.
        let mut layer = descriptor("application/vnd.oci.image.layer.v1.tar", &sha256(b"elsewhere"), 9);
        layer["urls"] = json!(["https://example.com/layer"]);
        let body = image(&descriptor("application/vnd.oci.image.config.v1+json", &config, 2), &[layer]);
        let answer = hub.send(put("/v2/team/api/manifests/x").by(by).header("content-type", OCI_MANIFEST).body(&body)).await;
        assert!(answer.status == 201 || answer.code() == "MANIFEST_BLOB_UNKNOWN", "{}", answer.text());
    }

    async fn trap_20_deleting_takes_what_was_named(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let by = hub.team.as_str();
        let (digest, manifest) = hub.push_image(by, "team/api", "1").await;
        hub.push_manifest(by, "team/api", "2", OCI_MANIFEST, &manifest).await;
        hub.send(delete("/v2/team/api/manifests/1").by(by)).await.is(202);
        hub.send(delete("/v2/team/api/manifests/1").by(by)).await.fails(404, "MANIFEST_UNKNOWN");
        hub.send(get("/v2/team/api/manifests/2").by(by)).await.is(200);
        hub.send(delete(&format!("/v2/team/api/manifests/{digest}")).by(by)).await.is(202);
        for reference in ["2", &digest.to_string()] {
            hub.send(get(&format!("/v2/team/api/manifests/{reference}")).by(by)).await.fails(404, "MANIFEST_UNKNOWN");
        }
        assert_eq!(hub.send(get("/v2/team/api/tags/list").by(by)).await.is(200).json()["tags"], json!([]));
        let blob = hub.push_blob(by, "team/api", b"blob").await;
        hub.send(delete(&format!("/v2/team/api/blobs/{blob}")).by(by)).await.is(202);
        hub.send(get(&format!("/v2/team/api/blobs/{blob}")).by(by)).await.fails(404, "BLOB_UNKNOWN");
        hub.send(delete(&format!("/v2/team/api/blobs/{blob}")).by(by)).await.fails(404, "BLOB_UNKNOWN");
        hub.send(delete("/v2/team/none/manifests/1").by(by)).await.fails(404, "NAME_UNKNOWN");
    }

    async fn trap_21_one_push_sets_several_tags(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let by = hub.team.as_str();
        let body = artifact("application/x", None);
        let digest = sha256(&body);
        let push = |uri: String| put(&uri).by(by).header("content-type", OCI_MANIFEST).body(&body);
        let answer = hub.send(push(format!("/v2/team/api/manifests/{digest}?tag=a&tag=b&tag=a&tag=C"))).await.is(201);
        let mut tags = answer.headers("oci-tag");
        tags.sort_unstable();
        assert_eq!(tags, ["C", "a", "b"]);
        for tag in ["a", "b", "C"] {
            assert_eq!(hub.send(head(&format!("/v2/team/api/manifests/{tag}")).by(by)).await.is(200).header("docker-content-digest"), digest.to_string());
        }
        hub.send(push(format!("/v2/team/api/manifests/{digest}?tag=.bad"))).await.fails(400, "TAG_INVALID");
        let many = |count: usize| {
            let tags: Vec<String> = (0..count).map(|index| format!("tag=t{index}")).collect();
            format!("/v2/team/api/manifests/{digest}?{}", tags.join("&"))
        };
        hub.send(push(many(63))).await.is(201);
        hub.send(push(many(64))).await.is(201);
        hub.send(push(many(65))).await.fails(414, "TAGS_TOO_MANY");
        // A digest that is not the content's, and one of another algorithm.
        hub.send(push(format!("/v2/team/api/manifests/{}", sha256(b"x")))).await.fails(400, "DIGEST_INVALID");
        let long = sha512(&body);
        let answer = hub.send(push(format!("/v2/team/api/manifests/{long}?tag=long"))).await.is(201);
        assert_eq!(answer.header("docker-content-digest"), long.to_string());
        assert_eq!(hub.send(get("/v2/team/api/manifests/long").by(by)).await.is(200).header("docker-content-digest"), long.to_string());
    }

    async fn trap_22_ranges_and_conditions(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let by = hub.team.as_str();
        let digest = hub.push_blob(by, "team/api", b"0123456789").await;
        let uri = format!("/v2/team/api/blobs/{digest}");
        for (range, status, content_range, body) in [
            ("bytes=0-", 206, "bytes 0-9/10", "0123456789"),
            ("bytes=2-4", 206, "bytes 2-4/10", "234"),
            ("bytes=7-", 206, "bytes 7-9/10", "789"),
            ("bytes=7-100", 206, "bytes 7-9/10", "789"),
            ("bytes=-3", 206, "bytes 7-9/10", "789"),
            ("bytes=-100", 206, "bytes 0-9/10", "0123456789"),
            ("bytes=9-9", 206, "bytes 9-9/10", "9"),
            ("bytes=0-1,3-4", 200, "", "0123456789"),
            ("lines=1-2", 200, "", "0123456789"),
        ] {
            let answer = hub.send(get(&uri).by(by).header("range", range)).await.is(status);
            assert_eq!((answer.header("content-range"), answer.text().as_str()), (content_range, body), "{range}");
            assert_eq!(answer.header("content-length"), body.len().to_string(), "{range}");
            assert_eq!(answer.header("accept-ranges"), "bytes", "{range}");
        }
        for range in ["bytes=10-", "bytes=10-12", "bytes=100-200", "bytes=-0"] {
            let answer = hub.send(get(&uri).by(by).header("range", range)).await.fails(416, "RANGE_INVALID");
            assert_eq!(answer.header("content-range"), "bytes */10", "{range}");
        }
        let etag = format!("\"{digest}\"");
        for (if_range, status) in [(etag.as_str(), 206), ("\"other\"", 200), ("Wed, 21 Oct 2015 07:28:00 GMT", 200)] {
            hub.send(get(&uri).by(by).header("range", "bytes=0-1").header("if-range", if_range)).await.is(status);
        }
        let (manifest, _) = hub.push_image(by, "team/api", "1").await;
        for (uri, etag, lasting) in [
            (uri.clone(), etag.clone(), true),
            ("/v2/team/api/manifests/1".to_owned(), format!("\"{manifest}\""), false),
            (format!("/v2/team/api/manifests/{manifest}"), format!("\"{manifest}\""), true),
        ] {
            for method in ["GET", "HEAD"] {
                let answer = hub.send(ask(method, &uri).by(by)).await.is(200);
                assert_eq!(answer.header("etag"), etag, "{method} {uri}");
                assert_eq!(answer.header("cache-control").contains("immutable"), lasting, "{method} {uri}");
                assert_eq!(answer.header("cache-control").contains("no-cache"), !lasting, "{method} {uri}");
                for condition in [etag.clone(), format!("W/{etag}"), format!("\"x\", {etag}"), "*".to_owned()] {
                    let answer = hub.send(ask(method, &uri).by(by).header("if-none-match", &condition)).await.is(304);
                    assert_eq!((answer.body.len(), answer.header("etag")), (0, etag.as_str()), "{method} {uri}");
                }
                hub.send(ask(method, &uri).by(by).header("if-none-match", "\"x\"")).await.is(200);
            }
        }
    }

    async fn trap_25_tags_in_pages_of_any_size(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let by = hub.team.as_str();
        hub.send(get("/v2/team/api/tags/list").by(by)).await.fails(404, "NAME_UNKNOWN");
        hub.push_blob(by, "team/api", b"x").await;
        let list = async |query: &str| hub.send(get(&format!("/v2/team/api/tags/list{query}")).by(by)).await;
        assert_eq!(list("").await.is(200).json(), json!({ "name": "team/api", "tags": [] }));
        let body = artifact("application/x", None);
        for tag in ["b", "a", "B", "_", "1", "a.b", "a-b", "10"] {
            hub.push_manifest(by, "team/api", tag, OCI_MANIFEST, &body).await;
        }
        let sorted = json!(["1", "10", "B", "_", "a", "a-b", "a.b", "b"]);
        let all = list("").await.is(200);
        assert_eq!((all.json()["tags"].clone(), all.header("link")), (sorted.clone(), ""));
        assert_eq!(list("?n=0").await.is(200).json()["tags"], json!([]));
        assert_eq!(list("?n=0").await.header("link"), "");
        for n in ["8", "9", "1000000", "18446744073709551616"] {
            let answer = list(&format!("?n={n}")).await.is(200);
            assert_eq!((answer.json()["tags"].clone(), answer.header("link")), (sorted.clone(), ""), "{n}");
        }
        for n in ["-1", "x", "", "1.5"] {
            list(&format!("?n={n}")).await.fails(400, "PAGINATION_NUMBER_INVALID");
        }
        // Every page by its link.
        let (mut uri, mut found) = ("/v2/team/api/tags/list?n=3".to_owned(), Vec::new());
        loop {
            let answer = hub.send(get(&uri).by(by)).await.is(200);
            found.extend(answer.json()["tags"].as_array().unwrap().clone());
            let Some(link) = answer.header("link").strip_prefix('<') else { break };
            let (next, rest) = link.split_once('>').unwrap();
            assert_eq!(rest, "; rel=\"next\"");
            assert!(next.starts_with("/v2/team/api/tags/list?"), "{next}");
            next.clone_into(&mut uri);
        }
        assert_eq!(Value::Array(found), sorted);
        // `last` need not be there.
        assert_eq!(list("?last=a.0").await.json()["tags"], json!(["a.b", "b"]));
        assert_eq!(list("?last=zzz").await.json()["tags"], json!([]));
    }

    /// A client that names no number and follows no link gets all there are, in one list.
    async fn trap_25_a_list_of_all_tags_is_whole(database: testkit::Database) {
        let hub = Hub::new(database).await;
        hub.push_image(&hub.team, "team/api", "t00000").await;
        let mut pushed = 1;
        for count in [999, 1000, 1001, 2001] {
            while pushed < count {
                let tags = (pushed..count.min(pushed + 64)).map(|tag| format!("t{tag:05}").parse().unwrap()).collect();
                hub.push_tags("team/api", tags).await;
                pushed = count.min(pushed + 64);
            }
            for (last, skipped) in [("", 0), ("?last=t00000", 1), ("?last=t00999", count.min(1000))] {
                let answer = hub.send(get(&format!("/v2/team/api/tags/list{last}")).by(&hub.team)).await.is(200);
                let expected: Vec<String> = (skipped..count).map(|tag| format!("t{tag:05}")).collect();
                assert!(answer.is_whole, "{count} {last}");
                assert_eq!(answer.json(), json!({ "name": "team/api", "tags": expected }), "{count} {last}");
                assert_eq!((answer.header("content-type"), answer.header("link")), ("application/json", ""));
            }
        }
    }

    async fn trap_26_the_catalog_shows_what_may_be_pulled(database: testkit::Database) {
        let hub = Hub::new(database).await;
        for (who, names) in [(&hub.team, &["team/a", "team/b", "team/c/d"][..]), (&hub.open, &["open/a"]), (&hub.other, &["other/a", "other/b"])] {
            for name in names {
                hub.push_blob(who, name, b"x").await;
            }
        }
        let list = async |who: &str, query: &str| hub.send(get(&format!("/v2/_catalog{query}")).by(who)).await.is(200);
        let narrow = hub.robot("team", "narrow", "team/c/**", "puller").await;
        for (who, names) in [
            (&hub.anonymous_token("registry:catalog:*").await, json!(["open/a"])),
            (&hub.team, json!(["open/a", "team/a", "team/b", "team/c/d"])),
            (&hub.other, json!(["open/a", "other/a", "other/b"])),
            (&narrow, json!(["open/a", "team/c/d"])),
            (&hub.session("admin").await, json!(["open/a", "other/a", "other/b", "team/a", "team/b", "team/c/d"])),
        ] {
            assert_eq!(list(who, "").await.json()["repositories"], names);
            let names = names.as_array().unwrap().clone();
            let (mut uri, mut found) = ("/v2/_catalog?n=1".to_owned(), Vec::new());
            loop {
                let answer = hub.send(get(&uri).by(who)).await.is(200);
                let page = answer.json()["repositories"].as_array().unwrap().clone();
                assert!(page.len() <= 1);
                found.extend(page);
                let Some(link) = answer.header("link").strip_prefix('<') else { break };
                link.split_once('>').unwrap().0.clone_into(&mut uri);
            }
            assert_eq!(found, names);
        }
        // Clients show their login only when they are asked for it; what is public stays there to be pulled.
        let answer = hub.send(get("/v2/_catalog")).await.fails(401, "UNAUTHORIZED");
        let challenge = answer.header("www-authenticate");
        assert!(challenge.starts_with("Bearer ") && challenge.contains("scope=\"registry:catalog:*\""), "{challenge}");
        hub.send(get("/v2/open/a/tags/list")).await.is(200);
        assert_eq!(list(&hub.team, "?n=0").await.json()["repositories"], json!([]));
        assert_eq!(list(&hub.team, "?n=99999999999999999999").await.json()["repositories"].as_array().unwrap().len(), 4);
        hub.send(get("/v2/_catalog?n=-1").by(&hub.team)).await.fails(400, "PAGINATION_NUMBER_INVALID");
    }

    /// Past so many projects everything is looked at instead of each of them, and the answer is the same.
    async fn trap_26_the_catalog_is_the_same_however_many_projects_are_seen(database: testkit::Database) {
        let hub = Hub::new(database).await;
        for (who, name) in [(&hub.open, "open/a"), (&hub.other, "other/a"), (&hub.team, "team/a")] {
            hub.push_blob(who, name, b"x").await;
        }
        let user = hub.user("eve", &[]).await;
        // `open` is the first that she sees.
        let mut seen = 1;
        for count in [PROJECTS_LOOKED_UP_MAX - 1, PROJECTS_LOOKED_UP_MAX, PROJECTS_LOOKED_UP_MAX + 1] {
            let rows: Vec<Vec<db::Value>> =
                (seen..count).map(|number| vec![format!("p{number:05}").into(), 1.into(), 0.into()]).collect();
            let rows = Arc::new(rows);
            let write = hub.db.write(move |tx| {
                let rows = Arc::clone(&rows);
                Box::pin(async move { tx.execute_rows(&INSERT_PROJECTS, &[], &rows).await })
            });
            write.await.unwrap();
            seen = count;
            for who in [&user, &hub.anonymous_token("registry:catalog:*").await] {
                let first = hub.send(get("/v2/_catalog").by(who)).await.is(200).json();
                assert_eq!(first["repositories"], json!(["open/a"]), "{count}");
                let after = hub.send(get("/v2/_catalog?n=5&last=open/a").by(who)).await.is(200).json();
                assert_eq!(after["repositories"], json!([]), "{count}");
            }
        }
    }

    async fn trap_28_failures_are_the_body_that_clients_read(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let by = hub.team.as_str();
        let answer = hub.send(get("/v2/team/none/manifests/1").by(by)).await.fails(404, "NAME_UNKNOWN");
        assert_eq!(answer.header("content-type"), "application/json");
        let body = answer.json();
        assert_eq!(body["errors"].as_array().unwrap().len(), 1);
        assert!(body["errors"][0]["message"].is_string());
        let body = image(&descriptor("application/x", &sha256(b"config"), 6), &[descriptor("application/y", &sha256(b"layer"), 5)]);
        hub.push_blob(by, "team/api", b"config").await;
        let answer = hub.send(put("/v2/team/api/manifests/1").by(by).header("content-type", OCI_MANIFEST).body(&body)).await.fails(400, "MANIFEST_BLOB_UNKNOWN");
        assert_eq!(answer.json()["errors"][0]["detail"]["missing"], json!([sha256(b"layer").to_string()]));
        for (body, content_type) in [(&b"{"[..], OCI_MANIFEST), (b"[]", OCI_MANIFEST), (b"", OCI_MANIFEST), (b"{}", "text/html")] {
            hub.send(put("/v2/team/api/manifests/1").by(by).header("content-type", content_type).body(body)).await.fails(400, "MANIFEST_INVALID");
        }
        hub.send(put("/v2/team/api/manifests/1").by(by).header("content-type", OCI_MANIFEST).broken(b"{")).await.fails(400, "MANIFEST_INVALID");
    }

    async fn trap_29_paths_are_read_once_and_names_may_be_words_of_the_grammar(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let by = hub.team.as_str();
        for slash in ["", "/"] {
            hub.send(post(&format!("/v2/team/api/blobs/uploads{slash}")).by(by)).await.is(202);
        }
        for name in ["team/uploads", "team/manifests/blobs", "team/tags/list", "team/blobs/uploads/x", "team/referrers"] {
            hub.push_image(by, name, "1").await;
            hub.send(get(&format!("/v2/{name}/manifests/1")).by(by)).await.is(200);
            assert_eq!(hub.send(get(&format!("/v2/{name}/tags/list")).by(by)).await.is(200).json()["name"], name);
        }
        // Encoded once is the same; twice is something else.
        let digest = sha256(b"{\"os\":\"linux\"}");
        let encoded = digest.to_string().replace(':', "%3a");
        hub.send(get(&format!("/v2/team/uploads/blobs/{encoded}")).by(by)).await.is(200);
        hub.send(get("/v2/team/%75ploads/manifests/1").by(by)).await.is(200);
        hub.send(get(&format!("/v2/team/uploads/blobs/{}", encoded.replace('%', "%25"))).by(by)).await.fails(400, "DIGEST_INVALID");
        // A name of one segment lives in `library`.
        let library = hub.robot("library", "library-bot", "library/**", "writer").await;
        hub.push_image(&library, "alpine", "3").await;
        hub.send(get("/v2/library/alpine/manifests/3").by(&library)).await.is(200);
        assert_eq!(hub.send(get("/v2/alpine/tags/list").by(&library)).await.is(200).json()["name"], "library/alpine");
    }

    async fn trap_30_charts_artifacts_and_models(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let by = hub.team.as_str();
        let config = hub.push_blob(by, "team/chart", b"{\"name\":\"chart\"}").await;
        let layer = hub.push_blob(by, "team/chart", b"chart").await;
        let body = image(&descriptor("application/vnd.cncf.helm.config.v1+json", &config, 16), &[descriptor("application/vnd.cncf.helm.chart.content.v1.tar+gzip", &layer, 5)]);
        hub.push_manifest(by, "team/chart", "1.0.0_build.1", OCI_MANIFEST, &body).await;
        hub.send(get("/v2/team/chart/manifests/1.0.0_build.1").by(by)).await.is(200);
        // oras without a file: the empty descriptor, and no layers at all.
        hub.push_manifest(by, "team/empty", "1", OCI_MANIFEST, &artifact("application/vnd.example", None)).await;
        let bare = json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": "application/vnd.example",
            "config": descriptor("application/vnd.oci.empty.v1+json", &sha256(b"{}"), 2), "layers": [] });
        hub.push_manifest(by, "team/empty", "2", OCI_MANIFEST, bare.to_string().as_bytes()).await;
        let model = json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": "application/vnd.cncf.model.manifest.v1+json",
            "config": descriptor("application/vnd.cncf.model.config.v1+json", &sha256(b"{}"), 2),
            "layers": [{ "mediaType": "application/vnd.cncf.model.weight.v1.raw", "digest": sha256(b"{}").to_string(), "size": 2,
                "annotations": { "org.cncf.model.filepath": "model.safetensors" } }] });
        hub.push_manifest(by, "team/model", "1", OCI_MANIFEST, model.to_string().as_bytes()).await;
    }
}
