use testkit::Database;

use super::{Scene, WRONG_PASSWORD};
use crate::hub::PASSWORD;
use crate::layout::NAME;
use crate::process::{Ended, run};

/// Runs podman with storage of its own, which needs no help of the kernel.
fn podman(scene: &Scene, arguments: &[&str]) -> Ended {
    let storage = |name: &str| scene.path().join(name).display().to_string();
    let (root, runroot, scratch) = (storage("storage"), storage("runroot"), storage("scratch"));
    let global = ["--root", &root, "--runroot", &runroot, "--tmpdir", &scratch, "--storage-driver", "vfs"];
    let mut command = scene.command(&global);
    run(command.args(["--cgroup-manager", "cgroupfs", "--events-backend", "none"]).args(arguments))
}

testkit::on_both_databases! {
    async fn pushes_and_pulls(database: Database) {
        let Some(scene) = Scene::with("podman", database) else { return };
        let image = scene.reference("team/app:1");
        // Relative, because podman makes the name of an image from the path, and names are lower-case.
        let id = podman(&scene, &["pull", "--quiet", &format!("oci:image:{NAME}")]).succeeded();
        podman(&scene, &["tag", id.trim(), &image]).succeeded();
        podman(&scene, &["push", "--tls-verify=false", &image]).failed();
        let login = |password: &str| {
            podman(&scene, &["login", "--tls-verify=false", "-u", "admin", "-p", password, scene.host()])
        };
        login(WRONG_PASSWORD).failed();
        login(PASSWORD).succeeded();
        podman(&scene, &["push", "--tls-verify=false", "--digestfile", "digest", &image]).succeeded();
        let digest = std::fs::read_to_string(scene.path().join("digest")).unwrap();
        assert_eq!(scene.digest("team/app", "1"), digest.trim());

        podman(&scene, &["rmi", "--all", "--force"]).succeeded();
        let pulled = podman(&scene, &["pull", "--quiet", "--tls-verify=false", &image]).succeeded();
        assert_eq!(pulled.trim(), id.trim());
        let found = podman(&scene, &["search", "--tls-verify=false", "--list-tags", &scene.reference("team/app")]);
        let found = found.succeeded();
        assert!(found.contains(" 1"), "{found}");
        podman(&scene, &["logout", scene.host()]).succeeded();
        podman(&scene, &["pull", "--tls-verify=false", &image]).failed();
        scene.end();
    }
}
