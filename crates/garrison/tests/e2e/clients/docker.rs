use testkit::Database;

use super::Scene;
use crate::hub::PASSWORD;
use crate::skipped;

testkit::on_both_databases! {
    async fn pushes_and_pulls(database: Database) {
        let Some(scene) = Scene::with("docker", database) else { return };
        // The daemon is the machine's, not the test's.
        let daemon = scene.run(&["info", "--format", "{{.ServerVersion}}"]);
        if !daemon.is_success() {
            skipped("docker is here, its daemon is not: not tested");
            return;
        }
        let image = scene.reference("team/app:1");
        std::fs::write(scene.path().join("Dockerfile"), "FROM scratch\nCOPY root /\n").unwrap();
        scene.does(&["build", "--tag", &image, "."]);
        scene.does(&["login", scene.host(), "-u", "admin", "-p", PASSWORD]);
        scene.does(&["push", &image]);
        scene.digest("team/app", "1");
        scene.does(&["image", "rm", &image]);
        scene.does(&["pull", &image]);
        scene.does(&["image", "rm", &image]);
        scene.end();
    }
}
