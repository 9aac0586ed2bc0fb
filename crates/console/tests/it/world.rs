//! A hub with accounts and images, and a browser without windows.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ::access::{Role, Visibility};
use api::{App, Peer};
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use identity::{MasterKey, Secret};
use oci::{Algorithm, Digest, Reference, RepositoryName};
use registry::{ManifestPush, Registry, TagRule};
use serde_json::{Value, json};
use tenancy::{NewProject, NewUser, Subject, Tenancy};
use tower::ServiceExt as _;

pub(crate) const HOST: &str = "hub.example:5000";
pub(crate) const PASSWORD: &str = "correct horse battery";
const OCI_IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

pub(crate) struct World {
    pub(crate) router: Router,
    pub(crate) registry: Registry,
    pub(crate) pipeline: pipeline::Pipeline,
    pub(crate) database: db::Db,
    tenancy: Tenancy,
    admin: Subject,
    _directory: tempfile::TempDir,
    _database: testkit::Database,
}

/// A store without a database, which asked a feed for the last time in vain.
fn store(directory: &std::path::Path) -> feeds::Store {
    let feed = directory.join("advisories/feeds/lost");
    std::fs::create_dir_all(&feed).unwrap();
    let state = json!({"asked": 1_713_312_000, "good": 1_713_225_600, "error": "the publisher answered <b>404</b>", "records": 0, "newest": null, "documents": {}});
    std::fs::write(feed.join("state.json"), state.to_string()).unwrap();
    feeds::Store::new(directory.join("advisories"))
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The value of the session's cookie that was set.
    pub(crate) fn session(&self) -> &str {
        let cookie = self.header("set-cookie");
        cookie.strip_prefix("garrison_session=").and_then(|rest| rest.split(';').next()).unwrap_or_default()
    }

    /// The text of the page that a person reads, a line for each block.
    pub(crate) fn words(&self) -> String {
        let main = self.text.split("<main").nth(1).unwrap_or(&self.text);
        let main = ["<details", "<dialog"].iter().fold(main, |main, end| main.split(end).next().unwrap_or(main));
        let mut words = String::new();
        let mut is_tag = true;
        for character in main.chars() {
            match character {
                '<' => is_tag = true,
                '>' => {
                    is_tag = false;
                    words.push(' ');
                }
                character if !is_tag => words.push(character),
                _ => {}
            }
        }
        let lines = words.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
    }
}

impl World {
    /// A hub with `team` (private), `open` (public) and the users `admin`, `reader` (of team) and `stranger` (of nothing).
    pub(crate) async fn new(server: testkit::Database) -> Self {
        Self::with(server, registry::Options { inventories: true, ..registry::Options::default() }).await
    }

    /// The same, but that it makes no inventories.
    pub(crate) async fn without_inventories(server: testkit::Database) -> Self {
        Self::with(server, registry::Options::default()).await
    }

    async fn with(server: testkit::Database, options: registry::Options) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = match &server {
            testkit::Database::Sqlite(file) => db::Config::Sqlite { path: file.path().to_owned() },
            testkit::Database::Postgres(database) => db::Config::Postgres { url: database.url().to_owned() },
        };
        let database = db::Db::open(&config).await.unwrap();
        let key = MasterKey::from_bytes(b"a master key for tests, 32 bytes").unwrap();
        let tenancy = Tenancy::new(database.clone(), key).unwrap();
        tenancy.bootstrap(Some(Secret::from(PASSWORD.to_owned()))).await.unwrap();
        let blobs = blobs::Blobs::open(directory.path()).unwrap();
        let registry = Registry::new(database.clone(), blobs, options);
        let index = database.open_beside(&directory.path().join("inventory.db"), db::Schema::Inventory).await.unwrap();
        let pipeline = pipeline::Pipeline::new(registry.clone(), index, pipeline::Options::default());
        let admin = tenancy.find_subject("admin").await.unwrap().unwrap();
        let advisories = advisories::Advisories::new(
            registry.clone(),
            tenancy.clone(),
            advisories::Options {
                store: store(directory.path()),
                daily: false,
                choices: Vec::new(),
                fetching: outbound::FeedOptions {
                    private_hosts: Vec::new(),
                    ca_file: None,
                    pause: Duration::ZERO,
                    bytes_max: 1 << 20,
                    time_max: Duration::from_secs(10),
                    silence_max: Duration::from_secs(10),
                },
                on_database: Arc::new(|_, _| Box::pin(async { Ok(()) })),
            },
        );
        let app = Arc::new(App::new(api::Parts {
            advisories,
            db: database.clone(),
            pipeline: pipeline.clone(),
            registry: registry.clone(),
            tenancy: tenancy.clone(),
            denials: Arc::default(),
            heads_file: None,
            jobs: ledger::jobs::Runner::new(database.clone(), "test").notifier(),
            options: api::Options {
                external_url: None,
                create_project_on_push: true,
                trusted_proxies: api::TrustedProxies::default(),
                version: "0.0.0",
            },
        }));
        let table = api::endpoints().into_iter().chain(console::endpoints()).collect();
        let router = api::router(app, table, console::render_failure);
        let world =
            Self { router, registry, pipeline, database, tenancy, admin, _directory: directory, _database: server };
        world.project("team", Visibility::Private).await;
        world.project("open", Visibility::Public).await;
        for user in ["reader", "stranger"] {
            let new = NewUser {
                name: user.parse().unwrap(),
                password: Secret::from(PASSWORD.to_owned()),
                administrator: false,
            };
            world.tenancy.create_user(&world.admin, new).await.unwrap();
        }
        world.grant("team", "reader", "reader").await;
        world
    }

    /// Waits until these images were looked at.
    pub(crate) async fn settle(&self, images: &[Digest]) {
        let runner = self.pipeline.with_jobs(ledger::jobs::Runner::new(self.database.clone(), "test")).start();
        let settled = async {
            for image in images {
                while self.pipeline.find_image(*image).await.unwrap().is_none() {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            }
        };
        tokio::time::timeout(Duration::from_mins(2), settled).await.expect("images are looked at within two minutes");
        runner.drain(Duration::from_mins(1)).await;
    }

    pub(crate) async fn grant(&self, project: &str, user: &str, role: &str) {
        self.tenancy.grant(&self.admin, project, user, Role::parse(role).unwrap()).await.unwrap();
    }

    pub(crate) async fn project(&self, name: &str, visibility: Visibility) {
        let new = NewProject { name: name.parse().unwrap(), public: visibility == Visibility::Public };
        self.tenancy.create_project(&self.admin, new).await.unwrap();
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let (mut head, body) = request.into_parts();
        let address = SocketAddr::from(([192, 0, 2, 1], 40_000));
        head.extensions.insert(Peer { address, encrypted: head.uri.scheme_str() == Some("https") });
        let response = self.router.clone().oneshot(Request::from_parts(head, body)).await.unwrap();
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Answer { status: head.status, headers: head.headers, text }
    }

    /// Opens a page as a browser with this session.
    pub(crate) async fn get(&self, path: &str, session: Option<&str>) -> Answer {
        let mut request = Request::get(path).header(header::HOST, HOST).header(header::ACCEPT, "text/html");
        if let Some(session) = session {
            request = request.header(header::COOKIE, format!("theme=x; garrison_session={session}"));
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// Sends a form from a page of this hub.
    pub(crate) async fn post(&self, path: &str, session: Option<&str>, form: &str) -> Answer {
        let mut request = Request::post(path)
            .header(header::HOST, HOST)
            .header(header::ORIGIN, format!("http://{HOST}"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(session) = session {
            request = request.header(header::COOKIE, format!("garrison_session={session}"));
        }
        self.send(request.body(Body::from(form.to_owned())).unwrap()).await
    }

    pub(crate) async fn log_in(&self, name: &str) -> String {
        let answer = self.post("/login", None, &format!("name={name}&password={}", PASSWORD.replace(' ', "+"))).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        answer.session().to_owned()
    }

    pub(crate) async fn blob(&self, repository: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::new(Algorithm::Sha256, &identity::sha256(bytes)).unwrap();
        let name: RepositoryName = repository.parse().unwrap();
        let stream = futures_util::stream::iter([Ok::<_, Infallible>(Bytes::copy_from_slice(bytes))]);
        let body = registry::Body { length: Some(bytes.len() as u64), range: None, stream };
        self.registry.push_blob(&name, "user:admin", &digest, body).await.unwrap();
        digest
    }

    pub(crate) async fn manifest(&self, repository: &str, tags: &[&str], manifest: &Value) -> Digest {
        let push = ManifestPush {
            repository: repository.parse().unwrap(),
            actor: "robot:ci-api".to_owned(),
            digest: None,
            tags: tags.iter().map(|tag| tag.parse().unwrap()).collect(),
            tag_rule: TagRule::MakeAndMove,
            content_type: Some(manifest["mediaType"].as_str().unwrap().to_owned()),
            body: Bytes::from(serde_json::to_vec_pretty(manifest).unwrap()),
        };
        self.registry.push_manifest(push).await.unwrap().digest
    }

    pub(crate) async fn manifest_size(&self, repository: &str, digest: &Digest) -> usize {
        let name = repository.parse().unwrap();
        self.registry.find_manifest(&name, &Reference::Digest(*digest)).await.unwrap().body.len()
    }

    /// Pushes an image with layers of these sizes, each made by a step.
    pub(crate) async fn image(&self, repository: &str, tags: &[&str], config: &Value, layers: &[usize]) -> Digest {
        let (mut descriptors, mut diff_ids) = (Vec::new(), Vec::new());
        for (index, size) in layers.iter().enumerate() {
            let bytes = vec![u8::try_from(index % 250).unwrap(); *size];
            let digest = self.blob(repository, &bytes).await;
            descriptors.push(json!({ "mediaType": OCI_LAYER, "digest": digest.to_string(), "size": size }));
            diff_ids.push(digest.to_string());
        }
        let mut config = config.clone();
        config["rootfs"] = json!({ "type": "layers", "diff_ids": diff_ids });
        let config_bytes = serde_json::to_vec(&config).unwrap();
        let config_digest = self.blob(repository, &config_bytes).await;
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": OCI_IMAGE,
            "config": { "mediaType": OCI_CONFIG, "digest": config_digest.to_string(), "size": config_bytes.len() },
            "layers": descriptors,
            "annotations": { "org.opencontainers.image.source": "https://git.example/team/api" },
        });
        self.manifest(repository, tags, &manifest).await
    }

    /// Pushes an artifact that refers to a manifest.
    pub(crate) async fn referrer(&self, repository: &str, subject: &Digest, artifact_type: &str, text: &str) -> Digest {
        let digest = self.blob(repository, text.as_bytes()).await;
        let empty = self.blob(repository, b"{}").await;
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": OCI_IMAGE,
            "artifactType": artifact_type,
            "config": { "mediaType": "application/vnd.oci.empty.v1+json", "digest": empty.to_string(), "size": 2 },
            "layers": [{ "mediaType": artifact_type, "digest": digest.to_string(), "size": text.len() }],
            "subject": { "mediaType": OCI_IMAGE, "digest": subject.to_string(), "size": 1 },
            "annotations": { "org.opencontainers.image.created": "2026-11-24T03:10:00Z" },
        });
        self.manifest(repository, &[], &manifest).await
    }

    /// Fills the hub as one that is used: an index with two platforms, referrers, several repositories and tags.
    pub(crate) async fn furnish(&self) -> Digest {
        let layers = [31_457_280, 1_887_436, 12_582_912, 2_048, 7_340_032, 524_288];
        let amd64 = self.image("team/api", &["1.4", "latest"], &config("amd64"), &layers).await;
        // One after the other: what could not be inventoried is told in the order in which it was looked at.
        self.settle(&[amd64]).await;
        let arm64 = self.image("team/api", &[], &config("arm64"), &layers[..5]).await;
        self.settle(&[arm64]).await;
        let (amd64_bytes, arm64_bytes) =
            (self.manifest_size("team/api", &amd64).await, self.manifest_size("team/api", &arm64).await);
        let entry = |digest: &Digest, size_bytes: usize, architecture: &str| {
            json!({ "mediaType": OCI_IMAGE, "digest": digest.to_string(), "size": size_bytes,
                    "platform": { "os": "linux", "architecture": architecture } })
        };
        let index = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX,
            "manifests": [entry(&amd64, amd64_bytes, "amd64"), entry(&arm64, arm64_bytes, "arm64")] });
        self.manifest("team/api", &["1.4-multi"], &index).await;
        self.referrer("team/api", &amd64, "application/vnd.cyclonedx+json", r#"{"bomFormat":"CycloneDX"}"#).await;
        self.referrer("team/api", &amd64, "application/vnd.dev.sigstore.bundle.v0.3+json", r#"{"a":1}"#).await;
        self.referrer("team/api", &amd64, "application/vnd.dev.sigstore.bundle.v0.3+json", r#"{"a":2}"#).await;
        for (repository, tag) in
            [("team/web", "2.0"), ("team/worker", "7"), ("open/tool", "0.9.1"), ("library/alpine", "3.20")]
        {
            self.image(repository, &[tag], &config("amd64"), &[3_400_000, 120_000]).await;
        }
        let shop = self.shop("team/shop", &["2.1"]).await;
        self.referrer("team/shop", &shop, "application/vnd.cyclonedx+json", &crate::software::other_sbom()).await;
        self.advise().await;
        amd64
    }
}

pub(crate) fn config(architecture: &str) -> Value {
    json!({
        "os": "linux",
        "architecture": architecture,
        "created": "2026-11-24T02:58:11Z",
        "config": {
            "User": "10001:10001",
            "Entrypoint": ["/usr/bin/java", "-jar", "/app/app.jar"],
            "Cmd": ["--config", "/etc/api config.yaml"],
            "WorkingDir": "/app",
            "Env": ["PATH=/usr/bin", "SECRET=hunter2"],
            "ExposedPorts": { "8080/tcp": {} },
            "Labels": { "org.opencontainers.image.version": "1.4", "maintainer": "team@example.com" },
        },
        "history": [
            { "created_by": "/bin/sh -c #(nop) ADD file:77af1c in / " },
            { "created_by": "/bin/sh -c #(nop)  CMD [\"bash\"]", "empty_layer": true },
            { "created_by": "RUN /bin/sh -c apt-get update && apt-get install -y --no-install-recommends ca-certificates # buildkit" },
            { "created_by": "COPY --from=jre /opt/java /usr/lib/jvm # buildkit" },
            { "created_by": "COPY entrypoint.sh /usr/bin/ # buildkit" },
            { "created_by": "COPY app.jar /app/app.jar # buildkit" },
            { "created_by": "RUN /bin/sh -c chown -R 10001:10001 /app # buildkit" },
        ],
    })
}

/// Makes pages comparable between runs: assets' hashes, digests that hold times, and ages.
pub(crate) fn steady(text: &str) -> String {
    let mut steady = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("<time ") {
        let end = rest[at..].find("</time>").map_or(rest.len(), |end| at + end + "</time>".len());
        let _infallible = write!(steady, "{}<time>", &rest[..at]);
        rest = &rest[end..];
    }
    steady.push_str(rest);
    for stem in ["console", "garrison"] {
        while let Some(at) = steady.find(&format!("/assets/{stem}.")) {
            let hash = at + format!("/assets/{stem}").len();
            steady.replace_range(at..hash + 1 + 16, &format!("/files/{stem}"));
        }
    }
    steady
}
