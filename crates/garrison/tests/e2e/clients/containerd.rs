use std::process::{Child, Command, Stdio};
use std::time::Duration;

use testkit::Database;

use super::{Scene, WRONG_PASSWORD, admin_credentials};
use crate::process::{Ended, eventually, run, wait};
use crate::skipped;

const START_DEADLINE: Duration = Duration::from_mins(2);

testkit::on_both_databases! {
    async fn ctr_pushes_and_pulls(database: Database) {
        let Some(scene) = Scene::with("ctr", database) else { return };
        let Some(containerd) = Containerd::start(&scene) else { return };
        let ctr = |arguments: &[&str]| containerd.ctr(&scene, arguments);
        let image = scene.reference("team/app:1");
        let archive = scene.path().join("index.tar");
        let directory = scene.layouts.index_directory();
        let mut tar = Command::new("tar");
        run(tar.arg("--create").arg("--file").arg(&archive).args(["--directory", &directory, "."])).succeeded();
        let import = ["images", "import", "--all-platforms", "--no-unpack", "--index-name", &image, "index.tar"];
        ctr(&import).succeeded();
        let push = |credentials: &str, manifest: &[&str]| {
            let push = ["images", "push", "--plain-http", "--user", credentials, &image];
            ctr(&[&push, manifest].concat())
        };
        push(&format!("admin:{WRONG_PASSWORD}"), &[]).failed();
        push(&admin_credentials(), &[]).succeeded();
        let pushed = scene.administrator().get("/v2/team/app/manifests/1").unwrap().expect(200).json();
        // The layout's own index is what is named; it lists the index.
        assert_eq!(pushed["manifests"][0]["digest"], scene.layouts.index.to_string(), "{pushed}");

        ctr(&["images", "rm", &image]).succeeded();
        ctr(&["content", "prune", "references"]).succeeded();
        let pull = ["images", "pull", "--plain-http", "--all-platforms", "--snapshotter", "native", "--user"];
        ctr(&[&pull[..], &[&format!("admin:{WRONG_PASSWORD}"), &image]].concat()).failed();
        ctr(&[&pull[..], &[&admin_credentials(), &image]].concat()).succeeded();
        let listed = ctr(&["images", "ls", "-q"]).succeeded();
        assert!(listed.contains(&image), "{listed}");
        drop(containerd);
        scene.end();
    }
}

/// A containerd of this test's own, killed when dropped.
struct Containerd {
    child: Child,
    socket: String,
}

impl Containerd {
    /// Starts it; `None`, said loudly, where it cannot run.
    fn start(scene: &Scene) -> Option<Self> {
        let program = crate::program("containerd")?;
        let at = |name: &str| scene.path().join(name).display().to_string();
        let socket = at("containerd.sock");
        let config = format!(
            "version = 2\nroot = '{}'\nstate = '{}'\ndisabled_plugins = ['io.containerd.grpc.v1.cri']\n\
             [grpc]\naddress = '{socket}'\n",
            at("containerd-root"),
            at("containerd-state"),
        );
        std::fs::write(scene.path().join("containerd.toml"), config).unwrap();
        let log = std::fs::File::create(scene.path().join("containerd.log")).unwrap();
        let mut command = Command::new(program);
        command.args(["--config", &at("containerd.toml")]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let mut containerd = Self { child: command.spawn().unwrap(), socket };
        let started = eventually(START_DEADLINE, || {
            if containerd.child.try_wait().unwrap().is_some() {
                return Some(false);
            }
            containerd.ctr(scene, &["version"]).is_success().then_some(true)
        });
        if started != Some(true) {
            let log = std::fs::read_to_string(scene.path().join("containerd.log")).unwrap_or_default();
            let last = log.lines().last().unwrap_or_default();
            skipped(&format!("containerd cannot run here: {last}"));
            return None;
        }
        Some(containerd)
    }

    fn ctr(&self, scene: &Scene, arguments: &[&str]) -> Ended {
        run(scene.command(&["--address", &self.socket, "--namespace", "test"]).args(arguments))
    }
}

impl Drop for Containerd {
    fn drop(&mut self) {
        // It unmounts what it mounted when it is asked to end; killing is for when it does not.
        let asked =
            rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), rustix::process::Signal::TERM);
        if asked.is_err() || wait(&mut self.child, START_DEADLINE).is_none() {
            let _ended = self.child.kill();
            let _ended = self.child.wait();
        }
    }
}
