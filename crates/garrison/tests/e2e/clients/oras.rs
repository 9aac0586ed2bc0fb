use testkit::Database;

use super::Scene;
use crate::hub::PASSWORD;
use crate::layout::NAME;

testkit::on_both_databases! {
    async fn pushes_artifacts_attaches_discovers_and_copies(database: Database) {
        let Some(scene) = Scene::with("oras", database) else { return };
        let [artifact, image, copy] =
            ["team/artifact:1", "team/app:1", "other/app:1"].map(|name| scene.reference(name));
        std::fs::write(scene.path().join("report.txt"), "all is well\n").unwrap();
        scene.does(&["login", "--plain-http", scene.host(), "-u", "admin", "-p", PASSWORD]);
        scene.does(&["push", "--plain-http", "--artifact-type", "application/vnd.test.report", &artifact, "report.txt:text/plain"]);
        std::fs::create_dir(scene.path().join("pulled")).unwrap();
        scene.does(&["pull", "--plain-http", "-o", "pulled", &artifact]);
        assert_eq!(std::fs::read_to_string(scene.path().join("pulled/report.txt")).unwrap(), "all is well\n");

        let layout = format!("{}:{NAME}", scene.layouts.index_directory());
        scene.does(&["cp", "--from-oci-layout", "--to-plain-http", &layout, &image]);
        assert_eq!(scene.digest("team/app", "1"), scene.layouts.index.to_string());
        for kind in ["application/vnd.test.sbom", "application/vnd.test.scan"] {
            scene.does(&["attach", "--plain-http", "--artifact-type", kind, &image, "report.txt:text/plain"]);
        }
        let discovered = scene.does(&["discover", "--plain-http", "--format", "json", &image]);
        let discovered: serde_json::Value = serde_json::from_str(&discovered).unwrap();
        assert_eq!(discovered["referrers"].as_array().unwrap().len(), 2, "{discovered}");
        let only = ["discover", "--plain-http", "--format", "json", "--artifact-type", "application/vnd.test.sbom", &image];
        let only: serde_json::Value = serde_json::from_str(&scene.does(&only)).unwrap();
        assert_eq!(only["referrers"].as_array().unwrap().len(), 1, "{only}");

        scene.does(&["cp", "--recursive", "--from-plain-http", "--to-plain-http", &image, &copy]);
        let referrers = format!("/v2/other/app/referrers/{}", scene.layouts.index);
        let referrers = scene.administrator().get(&referrers).unwrap().expect(200).json();
        assert_eq!(referrers["manifests"].as_array().unwrap().len(), 2, "{referrers}");
        assert_eq!(scene.does(&["repo", "tags", "--plain-http", &scene.reference("team/app")]), "1\n");
        scene.does(&["manifest", "delete", "--plain-http", "--force", &artifact]);
        scene.assert_absent("team/artifact", "1");
        scene.end();
    }
}
