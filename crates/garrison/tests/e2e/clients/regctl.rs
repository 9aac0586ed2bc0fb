use testkit::Database;

use super::Scene;
use crate::content::sha256;
use crate::hub::PASSWORD;
use crate::layout::NAME;
use crate::process::run;

testkit::on_both_databases! {
    async fn copies_lists_and_reads(database: Database) {
        let Some(scene) = Scene::with("regctl", database) else { return };
        let [image, copy] = ["team/app:1", "other/app:1"].map(|name| scene.reference(name));
        scene.does(&["registry", "set", "--skip-check", "--tls", "disabled", scene.host()]);
        scene.does(&["registry", "login", scene.host(), "-u", "admin", "-p", PASSWORD]);
        let layout = format!("ocidir://{}:{NAME}", scene.layouts.index_directory());
        scene.does(&["image", "copy", &layout, &image]);
        assert_eq!(scene.digest("team/app", "1"), scene.layouts.index.to_string());
        scene.does(&["image", "copy", "--referrers", &image, &copy]);
        assert_eq!(scene.does(&["repo", "ls", scene.host()]), "other/app\nteam/app\n");
        assert_eq!(scene.does(&["tag", "ls", &scene.reference("team/app")]), "1\n");
        assert_eq!(scene.does(&["manifest", "head", &image]).trim(), scene.layouts.index.to_string());

        let subject = format!("{}@{}", scene.reference("team/app"), scene.layouts.index);
        std::fs::write(scene.path().join("report.txt"), "all is well\n").unwrap();
        let put = ["artifact", "put", "--artifact-type", "application/vnd.test.sbom", "-f", "report.txt", "--subject", &subject];
        scene.does(&put);
        let tree = scene.does(&["artifact", "tree", &image]);
        assert!(tree.contains("application/vnd.test.sbom"), "{tree}");
        let layer = sha256(&scene.layouts.layer).to_string();
        scene.does(&["image", "export", &image, "export.tar"]);
        let mut get = scene.command(&["blob", "get", &scene.reference("team/app"), &layer]);
        get.stdout(std::process::Stdio::piped());
        assert_eq!(get.output().unwrap().stdout, scene.layouts.layer);
        scene.does(&["tag", "rm", &image]);
        scene.assert_absent("team/app", "1");
        scene.does(&["manifest", "delete", &format!("{}@{}", scene.reference("other/app"), scene.layouts.index)]);
        scene.assert_absent("other/app", "1");
        run(&mut scene.command(&["registry", "logout", scene.host()])).succeeded();
        scene.fails(&["tag", "ls", &scene.reference("team/app")]);
        scene.end();
    }
}
