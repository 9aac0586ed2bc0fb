//! Other people's clients, unmodified, each pushing and pulling what this test makes. Authentication is always on.

mod buildah;
mod containerd;
mod cosign;
mod crane;
mod docker;
mod helm;
mod notation;
mod oras;
mod podman;
mod regctl;
mod skopeo;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use testkit::Database;

use crate::http::Client;
use crate::hub::{Hub, Installation, PASSWORD};
use crate::layout::Layouts;
use crate::process::{Ended, run};

/// Wrong, but long enough to be one.
const WRONG_PASSWORD: &str = "not the password";

/// A hub, a client with a home of its own, and images to push.
struct Scene {
    home: tempfile::TempDir,
    program: PathBuf,
    hub: Hub,
    layouts: Layouts,
    _installation: Installation,
}

impl Scene {
    /// Sets it up; `None`, said loudly, when the client is not here.
    fn with(program: &str, database: Database) -> Option<Self> {
        let program = crate::program(program)?;
        let home = tempfile::Builder::new().prefix("garrison-client-").tempdir().unwrap();
        std::fs::create_dir(home.path().join("run")).unwrap();
        std::fs::write(home.path().join("auth.json"), "{}").unwrap();
        let layouts = Layouts::make(home.path());
        let installation = Installation::new(database);
        let hub = installation.start(&[]);
        Some(Self { home, program, hub, layouts, _installation: installation })
    }

    fn path(&self) -> &Path {
        self.home.path()
    }

    /// Returns `127.0.0.1:PORT`.
    fn host(&self) -> &str {
        self.hub.address()
    }

    /// Returns a reference on the hub.
    fn reference(&self, name: &str) -> String {
        format!("{}/{name}", self.hub.address())
    }

    /// Returns a command of the client; it finds no configuration but its own home's.
    fn command<S: AsRef<str>>(&self, arguments: &[S]) -> Command {
        let home = self.home.path();
        let mut command = Command::new(&self.program);
        command.args(arguments.iter().map(AsRef::as_ref)).current_dir(home);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", home);
        command.env("DOCKER_CONFIG", home.join(".docker")).env("XDG_RUNTIME_DIR", home.join("run"));
        command.env("REGISTRY_AUTH_FILE", home.join("auth.json")).env("XDG_CONFIG_HOME", home.join(".config"));
        command
    }

    fn run<S: AsRef<str>>(&self, arguments: &[S]) -> Ended {
        run(&mut self.command(arguments))
    }

    /// Runs the client, which must succeed, and returns what it printed.
    #[track_caller]
    fn does<S: AsRef<str>>(&self, arguments: &[S]) -> String {
        self.run(arguments).succeeded()
    }

    /// Runs the client, which must fail, and returns all that it said.
    #[track_caller]
    fn fails<S: AsRef<str>>(&self, arguments: &[S]) -> String {
        self.run(arguments).failed()
    }

    /// Returns the digest that the hub has under a name, and asserts that what it has is whole.
    #[track_caller]
    fn digest(&self, repository: &str, reference: &str) -> String {
        let mut client = self.hub.client();
        let answer = client.get(&format!("/v2/{repository}/manifests/{reference}")).unwrap().expect(200);
        let digest = crate::content::sha256(&answer.body).to_string();
        assert_eq!(answer.header("docker-content-digest"), Some(digest.as_str()));
        digest
    }

    #[track_caller]
    fn assert_absent(&self, repository: &str, reference: &str) {
        let answer = self.hub.client().get(&format!("/v2/{repository}/manifests/{reference}")).unwrap();
        assert_eq!(answer.status, 404, "{}", answer.text());
    }

    /// Makes a project.
    fn project(&self, name: &str, public: bool) {
        let body = json!({"name": name, "public": public});
        self.administrator().post_json("/api/v1/projects", &body).unwrap().expect(201);
    }

    /// Makes a robot of a project and returns its secret.
    fn robot(&self, project: &str, name: &str, repositories: &str, role: &str) -> String {
        let expires_at = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24);
        let body = json!({
            "name": name,
            "grants": [{"repositories": repositories, "role": role}],
            "expires_at": expires_at.to_string(),
        });
        let path = format!("/api/v1/projects/{project}/robots");
        let answer = self.administrator().post_json(&path, &body).unwrap().expect(201);
        answer.json()["secret"].as_str().unwrap().to_owned()
    }

    fn administrator(&self) -> Client {
        self.hub.client()
    }

    /// Ends it well: the hub stops when it is told to.
    fn end(self) {
        self.hub.stop();
    }
}

/// Returns `admin:` and the password.
fn admin_credentials() -> String {
    format!("admin:{PASSWORD}")
}
