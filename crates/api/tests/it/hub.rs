//! A hub without a listener, and short ways to ask it.

use std::sync::Arc;

use access::{Glob, Role, Scopes};
use api::{App, Options, Parts, Peer};
use axum::Router;
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, header};
use http_body_util::BodyExt as _;
use identity::{MasterKey, Secret};
use ledger::audit::Denials;
use ledger::jobs::Runner;
use oci::{Algorithm, Digest};
use pipeline::Pipeline;
use registry::{ManifestPush, Registry, TagRule};
use serde_json::{Value, json};
use tempfile::TempDir;
use tenancy::{NewProject, NewRobot, NewUser, Owner, RobotGrant, SessionKind, Subject, Tenancy};
use tower::ServiceExt as _;

pub(crate) const ADMIN_PASSWORD: &str = "password of admin";
pub(crate) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";

const DAY_US: i64 = 86_400_000_000;

/// A hub with the project `team`, the public project `open` and the private project `other`, each with a robot that
/// maintains it.
pub(crate) struct Hub {
    pub(crate) app: Arc<App>,
    pub(crate) db: db::Db,
    pub(crate) denials: Arc<Denials>,
    pub(crate) admin: Subject,
    /// `Authorization` of the robot of `team`.
    pub(crate) team: String,
    /// `Authorization` of the robot of `open`.
    pub(crate) open: String,
    /// `Authorization` of the robot of `other`.
    pub(crate) other: String,
    router: Router,
    pub(crate) files: TempDir,
    _database: testkit::Database,
}

impl Hub {
    pub(crate) async fn new(database: testkit::Database) -> Self {
        Self::with(database, None).await
    }

    pub(crate) async fn with(database: testkit::Database, external_url: Option<&str>) -> Self {
        let config = match &database {
            testkit::Database::Sqlite(file) => db::Config::Sqlite { path: file.path().to_owned() },
            testkit::Database::Postgres(database) => db::Config::Postgres { url: database.url().to_owned() },
        };
        let db = db::Db::open(&config).await.unwrap();
        let files = tempfile::tempdir().unwrap();
        let master_key = MasterKey::from_bytes(b"a master key for tests, 32 bytes").unwrap();
        let tenancy = Tenancy::new(db.clone(), master_key).unwrap();
        tenancy.bootstrap(Some(Secret::new(ADMIN_PASSWORD.to_owned()))).await.unwrap();
        let blobs = blobs::Blobs::open(files.path()).unwrap();
        let denials = Arc::new(Denials::new());
        let index = db.open_beside(&files.path().join("inventory.db"), db::Schema::Inventory).await.unwrap();
        let options = registry::Options { inventories: true, ..registry::Options::default() };
        let registry = Registry::new(db.clone(), blobs, options);
        let advisories = advisories::Advisories::new(
            registry.clone(),
            tenancy.clone(),
            advisories::Options {
                store: store(files.path()),
                daily: false,
                choices: Vec::new(),
                fetching: outbound::FeedOptions {
                    private_hosts: Vec::new(),
                    ca_file: None,
                    pause: std::time::Duration::ZERO,
                    bytes_max: 1 << 20,
                    time_max: std::time::Duration::from_secs(10),
                    silence_max: std::time::Duration::from_secs(10),
                },
                on_database: Arc::new(|_, _| Box::pin(async { Ok(()) })),
            },
        );
        let app = Arc::new(App::new(Parts {
            db: db.clone(),
            advisories,
            pipeline: Pipeline::new(registry.clone(), index, pipeline::Options::default()),
            registry,
            tenancy: tenancy.clone(),
            denials: Arc::clone(&denials),
            heads_file: None,
            jobs: Runner::new(db.clone(), "test").notifier(),
            options: Options {
                external_url: external_url.map(ToOwned::to_owned),
                create_project_on_push: true,
                trusted_proxies: "192.0.2.0/24".parse().unwrap(),
                version: "0.0.0",
            },
        }));
        let router = api::router(Arc::clone(&app), api::endpoints(), |failure| failure.render(api::Surface::Page));
        let admin = tenancy.find_subject("admin").await.unwrap().unwrap();
        let mut hub = Self {
            app,
            db,
            denials,
            admin,
            team: String::new(),
            open: String::new(),
            other: String::new(),
            router,
            files,
            _database: database,
        };
        for (project, public) in [("team", false), ("open", true), ("other", false)] {
            hub.project(project, public).await;
        }
        hub.team = hub.robot("team", "team-bot", "team/**", "maintainer").await;
        hub.open = hub.robot("open", "open-bot", "open/**", "maintainer").await;
        hub.other = hub.robot("other", "other-bot", "other/**", "maintainer").await;
        hub
    }

    pub(crate) fn tenancy(&self) -> &Tenancy {
        self.app.tenancy()
    }

    pub(crate) async fn project(&self, name: &str, public: bool) {
        let new = NewProject { name: name.parse().unwrap(), public };
        self.tenancy().create_project(&self.admin, new).await.unwrap();
    }

    /// Makes a robot of a project, or of the hub, and returns its `Authorization`.
    pub(crate) async fn robot(&self, project: &str, name: &str, pattern: &str, role: &str) -> String {
        let owner = if project.is_empty() { Owner::Hub } else { Owner::Project(project.to_owned()) };
        let grant = RobotGrant { repositories: Glob::parse(pattern).unwrap(), role: Role::parse(role).unwrap() };
        let new = NewRobot {
            name: name.parse().unwrap(),
            owner,
            grants: vec![grant],
            expires_at_us: self.app.now_us() + 30 * DAY_US,
        };
        let made = self.tenancy().create_robot(&self.admin, new).await.unwrap();
        basic(name, made.secret.expose())
    }

    /// Makes a user with roles and returns its `Cookie`: a session costs no password hash.
    pub(crate) async fn user(&self, name: &str, roles: &[(&str, &str)]) -> String {
        let password = Secret::new(format!("password of {name}"));
        let new = NewUser { name: name.parse().unwrap(), password, administrator: false };
        self.tenancy().create_user(&self.admin, new).await.unwrap();
        for (project, role) in roles {
            self.tenancy().grant(&self.admin, project, name, Role::parse(role).unwrap()).await.unwrap();
        }
        self.session(name).await
    }

    /// Begins a browser session and returns its `Cookie`.
    pub(crate) async fn session(&self, name: &str) -> String {
        let caller = self.caller(name).await;
        let secret = self.tenancy().begin_session(&caller, SessionKind::Browser, self.app.now_us()).await.unwrap();
        format!("{}={}", api::SESSION_COOKIE, secret.expose())
    }

    pub(crate) async fn caller(&self, name: &str) -> tenancy::Caller {
        let subject = self.tenancy().find_subject(name).await.unwrap().unwrap();
        let grants = self.tenancy().grants_for(&subject, self.app.now_us()).await.unwrap();
        tenancy::Caller { subject, grants }
    }

    /// Makes a token with exactly these scopes and returns its `Authorization`.
    pub(crate) async fn token(&self, name: &str, scopes: &[&str]) -> String {
        let caller = self.caller(name).await;
        let scopes = Scopes::parse(scopes.iter().copied()).unwrap();
        let token = self.tenancy().issue_token(&caller, scopes, self.app.now_us()).await.unwrap();
        format!("Bearer {}", token.text.expose())
    }

    /// Puts tags on a manifest that is like no other.
    pub(crate) async fn push_tags(&self, repository: &str, tags: Vec<oci::Tag>) {
        let body = artifact("application/vnd.test.tags", None);
        let push = ManifestPush {
            repository: repository.parse().unwrap(),
            actor: "user:admin".to_owned(),
            digest: None,
            tags,
            tag_rule: TagRule::MakeAndMove,
            content_type: Some(OCI_MANIFEST.to_owned()),
            body: body.into(),
        };
        self.app.registry().push_manifest(push).await.unwrap();
    }

    /// Gets a token without credentials and returns its `Authorization`.
    pub(crate) async fn anonymous_token(&self, scope: &str) -> String {
        let answer = self.send(get(&format!("/token?scope={scope}"))).await.is(200);
        format!("Bearer {}", answer.json()["token"].as_str().unwrap())
    }

    pub(crate) async fn send(&self, ask: Ask) -> Answer {
        let (head, body) = self.begin(ask).await.into_parts();
        let collected = body.collect().await;
        let is_whole = collected.is_ok();
        let body = collected.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        Answer { status: head.status.as_u16(), headers: head.headers, body, is_whole }
    }

    /// Sends a request and leaves the body of its answer to be read.
    pub(crate) async fn begin(&self, ask: Ask) -> Response<Body> {
        let mut request = Request::builder().method(ask.method).uri(&ask.uri).body(ask.body).unwrap();
        *request.headers_mut() = ask.headers;
        if let Some(peer) = ask.peer {
            request.extensions_mut().insert(peer);
        }
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Pushes a blob in one request and returns its digest.
    pub(crate) async fn push_blob(&self, who: &str, repository: &str, content: &[u8]) -> Digest {
        let digest = sha256(content);
        let uri = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
        self.send(post(&uri).by(who).body(content)).await.is(201);
        digest
    }

    /// Pushes an image of one layer under a tag and returns its digest and its bytes.
    pub(crate) async fn push_image(&self, who: &str, repository: &str, tag: &str) -> (Digest, Vec<u8>) {
        let layer = format!("layer of {repository}:{tag}");
        let layer_digest = self.push_blob(who, repository, layer.as_bytes()).await;
        let config = self.push_blob(who, repository, b"{\"os\":\"linux\"}").await;
        let manifest = image(
            &descriptor("application/vnd.oci.image.config.v1+json", &config, 14),
            &[descriptor("application/vnd.oci.image.layer.v1.tar", &layer_digest, layer.len())],
        );
        let digest = self.push_manifest(who, repository, tag, OCI_MANIFEST, &manifest).await;
        (digest, manifest)
    }

    pub(crate) async fn push_manifest(
        &self,
        who: &str,
        repository: &str,
        reference: &str,
        media_type: &str,
        body: &[u8],
    ) -> Digest {
        let uri = format!("/v2/{repository}/manifests/{reference}");
        let answer = self.send(put(&uri).by(who).header("content-type", media_type).body(body)).await;
        answer.is(201).header("docker-content-digest").parse().unwrap()
    }
}

/// A day from now, as requests state times.
pub(crate) fn tomorrow() -> String {
    (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24)).to_string()
}

pub(crate) fn sha256(content: &[u8]) -> Digest {
    blobs::digest(Algorithm::Sha256, content)
}

pub(crate) fn sha512(content: &[u8]) -> Digest {
    blobs::digest(Algorithm::Sha512, content)
}

pub(crate) fn basic(name: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{secret}")))
}

pub(crate) fn descriptor(media_type: &str, digest: &Digest, size: usize) -> Value {
    json!({ "mediaType": media_type, "digest": digest.to_string(), "size": size })
}

/// An OCI image manifest.
pub(crate) fn image(config: &Value, layers: &[Value]) -> Vec<u8> {
    let manifest = json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers });
    manifest.to_string().into_bytes()
}

/// The smallest manifest: an artifact without content, told from others by its type.
pub(crate) fn artifact(artifact_type: &str, subject: Option<&Value>) -> Vec<u8> {
    let empty = descriptor("application/vnd.oci.empty.v1+json", &sha256(b"{}"), 2);
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": artifact_type,
        "config": empty,
        "layers": [empty],
    });
    if let Some(subject) = subject {
        manifest["subject"] = subject.clone();
    }
    manifest.to_string().into_bytes()
}

/// A request.
pub(crate) struct Ask {
    method: Method,
    uri: String,
    headers: HeaderMap,
    peer: Option<Peer>,
    body: Body,
}

pub(crate) fn ask(method: &str, uri: &str) -> Ask {
    let method = method.parse().unwrap();
    Ask { method, uri: uri.to_owned(), headers: HeaderMap::new(), peer: None, body: Body::empty() }
}

pub(crate) fn get(uri: &str) -> Ask {
    ask("GET", uri)
}

pub(crate) fn head(uri: &str) -> Ask {
    ask("HEAD", uri)
}

pub(crate) fn post(uri: &str) -> Ask {
    ask("POST", uri)
}

pub(crate) fn put(uri: &str) -> Ask {
    ask("PUT", uri)
}

pub(crate) fn patch(uri: &str) -> Ask {
    ask("PATCH", uri)
}

pub(crate) fn delete(uri: &str) -> Ask {
    ask("DELETE", uri)
}

impl Ask {
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.append(name, value.parse().unwrap());
        self
    }

    /// Comes over a connection from this address.
    pub(crate) fn from(mut self, address: &str) -> Self {
        self.peer =
            Some(Peer { address: (address.parse::<std::net::IpAddr>().unwrap(), 4711).into(), encrypted: false });
        self
    }

    /// Adds credentials: an `Authorization`, a `Cookie` as this site sends it, or nothing.
    pub(crate) fn by(self, who: &str) -> Self {
        match who {
            "" => self,
            cookie if cookie.starts_with(api::SESSION_COOKIE) => {
                self.header("cookie", cookie).header("sec-fetch-site", "same-origin")
            }
            authorization => self.header("authorization", authorization),
        }
    }

    /// Sends a body with its length.
    pub(crate) fn body(mut self, body: &[u8]) -> Self {
        self.headers.insert(header::CONTENT_LENGTH, body.len().into());
        self.body = Body::from(body.to_vec());
        self
    }

    /// Sends a body in pieces, without a length, as `Transfer-Encoding: chunked` does.
    pub(crate) fn streamed(mut self, pieces: &[&[u8]]) -> Self {
        let pieces: Vec<Result<Bytes, std::io::Error>> =
            pieces.iter().map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        self.body = Body::from_stream(futures_util::stream::iter(pieces));
        self
    }

    /// Sends a body that breaks off.
    pub(crate) fn broken(mut self, piece: &[u8]) -> Self {
        let pieces =
            [Ok(Bytes::copy_from_slice(piece)), Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))];
        self.body = Body::from_stream(futures_util::stream::iter(pieces));
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string().as_bytes())
    }

    pub(crate) fn form(self, body: &str) -> Self {
        self.header("content-type", "application/x-www-form-urlencoded").body(body.as_bytes())
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Whether the body came to its end.
    pub(crate) is_whole: bool,
}

impl Answer {
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:?} {}", self.headers, self.text());
        self
    }

    /// Checks status and code of a failure.
    #[track_caller]
    pub(crate) fn fails(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status, self.code().as_str()), (status, code), "{:?} {}", self.headers, self.text());
        self
    }

    /// Returns a header; empty if there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        self.headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    /// Returns the code of a failure, whichever surface told it; empty if there is none.
    pub(crate) fn code(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let code = body.get("code").unwrap_or(&body["errors"][0]["code"]);
        code.as_str().unwrap_or_default().to_owned()
    }

    /// Returns the message of a failure.
    pub(crate) fn message(&self) -> String {
        let body = self.json();
        let message = body.get("detail").unwrap_or(&body["errors"][0]["message"]);
        message.as_str().unwrap_or_default().to_owned()
    }
}

/// A store without a database, which asked a feed for the last time in vain.
fn store(directory: &std::path::Path) -> feeds::Store {
    let feed = directory.join("advisories/feeds/lost");
    std::fs::create_dir_all(&feed).unwrap();
    let state = serde_json::json!({"asked": 1_713_312_000, "good": 1_713_225_600, "error": "mirror.corp answered 404", "records": 0, "newest": null, "documents": {}});
    std::fs::write(feed.join("state.json"), state.to_string()).unwrap();
    feeds::Store::new(directory.join("advisories"))
}
