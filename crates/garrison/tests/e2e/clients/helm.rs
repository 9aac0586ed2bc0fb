use testkit::Database;

use super::Scene;
use crate::hub::PASSWORD;

testkit::on_both_databases! {
    async fn pushes_and_pulls_a_chart(database: Database) {
        let Some(scene) = Scene::with("helm", database) else { return };
        scene.does(&["create", "chart"]);
        scene.does(&["package", "chart", "--version", "1.2.3"]);
        scene.does(&["registry", "login", "--plain-http", scene.host(), "-u", "admin", "-p", PASSWORD]);
        let charts = format!("oci://{}", scene.reference("charts"));
        scene.does(&["push", "--plain-http", "chart-1.2.3.tgz", &charts]);
        scene.digest("charts/chart", "1.2.3");
        std::fs::create_dir(scene.path().join("pulled")).unwrap();
        let chart = format!("{charts}/chart");
        scene.does(&["pull", "--plain-http", "--version", "1.2.3", "-d", "pulled", &chart]);
        let read = |name: &str| std::fs::read(scene.path().join(name)).unwrap();
        assert_eq!(read("pulled/chart-1.2.3.tgz"), read("chart-1.2.3.tgz"));
        scene.does(&["show", "chart", "--plain-http", "--version", "1.2.3", &chart]);
        scene.end();
    }
}
