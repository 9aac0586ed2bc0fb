use testkit::Database;

use super::{Scene, WRONG_PASSWORD};
use crate::hub::PASSWORD;
use crate::process::{Ended, run};

/// Runs buildah with storage of its own, which needs no help of the kernel.
fn buildah(scene: &Scene, arguments: &[&str]) -> Ended {
    let storage = |name: &str| scene.path().join(name).display().to_string();
    let global = ["--root", &storage("storage"), "--runroot", &storage("runroot"), "--storage-driver", "vfs"];
    let policy = scene.path().join("policy.json");
    std::fs::write(&policy, r#"{"default":[{"type":"insecureAcceptAnything"}]}"#).unwrap();
    let mut command = scene.command(&global);
    run(command.args(arguments).env("BUILDAH_ISOLATION", "chroot"))
}

testkit::on_both_databases! {
    async fn builds_from_scratch_pushes_and_pulls(database: Database) {
        let Some(scene) = Scene::with("buildah", database) else { return };
        let image = scene.reference("team/built:1");
        let to = format!("docker://{image}");
        std::fs::write(scene.path().join("Containerfile"), "FROM scratch\nCOPY root /\nENV MADE_BY=test\n").unwrap();
        let build = ["bud", "--isolation", "chroot", "--format", "oci", "-t", "built", "-f", "Containerfile", "."];
        buildah(&scene, &build).succeeded();
        let login = |password: &str| {
            buildah(&scene, &["login", "--tls-verify=false", "-u", "admin", "-p", password, scene.host()])
        };
        buildah(&scene, &["push", "--tls-verify=false", "built", &to]).failed();
        login(WRONG_PASSWORD).failed();
        login(PASSWORD).succeeded();
        buildah(&scene, &["push", "--tls-verify=false", "--digestfile", "digest", "built", &to]).succeeded();
        let digest = std::fs::read_to_string(scene.path().join("digest")).unwrap();
        assert_eq!(scene.digest("team/built", "1"), digest.trim());

        buildah(&scene, &["rmi", "--all", "--force"]).succeeded();
        buildah(&scene, &["pull", "--tls-verify=false", &to]).succeeded();
        let docker = format!("docker://{}", scene.reference("team/built:docker"));
        buildah(&scene, &["push", "--tls-verify=false", "--format", "v2s2", &image, &docker]).succeeded();
        buildah(&scene, &["manifest", "create", "list"]).succeeded();
        buildah(&scene, &["manifest", "add", "--tls-verify=false", "list", &to]).succeeded();
        let list = format!("docker://{}", scene.reference("team/built:list"));
        buildah(&scene, &["manifest", "push", "--all", "--tls-verify=false", "list", &list]).succeeded();
        scene.digest("team/built", "docker");
        scene.digest("team/built", "list");
        scene.end();
    }
}
