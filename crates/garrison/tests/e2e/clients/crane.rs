use testkit::Database;

use super::{Scene, WRONG_PASSWORD};
use crate::hub::PASSWORD;

testkit::on_both_databases! {
    async fn pushes_pulls_copies_changes_and_deletes(database: Database) {
        let Some(scene) = Scene::with("crane", database) else { return };
        let [image, index, copy, longer] =
            ["team/app:1", "team/app:all", "other/app:1", "team/app:longer"].map(|name| scene.reference(name));
        scene.fails(&["push", &scene.layouts.image_directory(), &image]);
        scene.does(&["auth", "login", scene.host(), "-u", "admin", "-p", PASSWORD]);
        scene.does(&["push", &scene.layouts.image_directory(), &image]);
        scene.does(&["push", &scene.layouts.index_directory(), &index]);
        assert_eq!(scene.does(&["digest", &image]).trim(), scene.layouts.image.to_string());
        assert_eq!(scene.does(&["digest", &index]).trim(), scene.layouts.index.to_string());
        let amd64 = scene.does(&["digest", "--platform", "linux/amd64", &index]);
        assert_eq!(amd64.trim(), scene.layouts.image.to_string());
        assert_eq!(scene.does(&["ls", &scene.reference("team/app")]), "1\nall\n");
        assert_eq!(scene.does(&["catalog", scene.host()]), "team/app\n");

        scene.does(&["pull", &image, "image.tar"]);
        scene.does(&["pull", "--format=oci", &index, "pulled"]);
        assert!(scene.path().join("pulled/blobs/sha256").join(scene.layouts.index.hex()).is_file());
        scene.does(&["validate", "--remote", &image]);
        // A mount from the other project.
        scene.does(&["copy", &index, &copy]);
        assert_eq!(scene.digest("other/app", "1"), scene.layouts.index.to_string());
        scene.does(&["append", "-b", &image, "-f", "layer.tar.gz", "-t", &longer]);
        scene.does(&["mutate", &longer, "--label", "changed=yes", "-t", &longer]);
        scene.does(&["validate", "--remote", &longer]);
        scene.does(&["tag", &longer, "newest"]);
        assert_eq!(scene.digest("team/app", "newest"), scene.digest("team/app", "longer"));

        scene.does(&["delete", &format!("{}@{}", scene.reference("team/app"), scene.layouts.image)]);
        scene.assert_absent("team/app", "1");
        scene.does(&["auth", "login", scene.host(), "-u", "admin", "-p", WRONG_PASSWORD]);
        scene.fails(&["digest", &index]);
        scene.end();
    }

    async fn pulls_from_a_public_project_without_login(database: Database) {
        let Some(scene) = Scene::with("crane", database) else { return };
        scene.project("open", true);
        let secret = scene.robot("open", "ci", "open/**", "writer");
        let image = scene.reference("open/deep/app:1");
        scene.does(&["auth", "login", scene.host(), "-u", "ci", "-p", &secret]);
        scene.does(&["push", &scene.layouts.image_directory(), &image]);
        let deleted = format!("{}@{}", scene.reference("open/deep/app"), scene.layouts.image);
        let said = scene.fails(&["delete", &deleted]);
        assert!(said.contains("DENIED"), "{said}");
        scene.does(&["auth", "logout", scene.host()]);
        scene.does(&["pull", &image, "image.tar"]);
        // What is there already is not pushed.
        scene.does(&["push", &scene.layouts.image_directory(), &image]);
        scene.fails(&["push", &scene.layouts.index_directory(), &image]);
        scene.end();
    }
}
