use testkit::Database;

use super::{Scene, WRONG_PASSWORD, admin_credentials};
use crate::hub::PASSWORD;
use crate::layout::NAME;

const PLAIN: &str = "--tls-verify=false";

testkit::on_both_databases! {
    async fn copies_inspects_lists_and_deletes(database: Database) {
        let Some(scene) = Scene::with("skopeo", database) else { return };
        let image = format!("docker://{}", scene.reference("team/app:1"));
        let index = format!("docker://{}", scene.reference("team/app:all"));
        let from_image = format!("oci:{}:{NAME}", scene.layouts.image_directory());
        let from_index = format!("oci:{}:{NAME}", scene.layouts.index_directory());
        scene.does(&["login", PLAIN, scene.host(), "-u", "admin", "-p", PASSWORD]);
        scene.does(&["copy", "--dest-tls-verify=false", &from_image, &image]);
        scene.does(&["copy", "--all", "--dest-tls-verify=false", &from_index, &index]);
        assert_eq!(scene.digest("team/app", "1"), scene.layouts.image.to_string());
        assert_eq!(scene.digest("team/app", "all"), scene.layouts.index.to_string());

        let inspected: serde_json::Value = serde_json::from_str(&scene.does(&["inspect", PLAIN, &image])).unwrap();
        assert_eq!(inspected["Digest"], scene.layouts.image.to_string());
        let repository = format!("docker://{}", scene.reference("team/app"));
        let tags: serde_json::Value = serde_json::from_str(&scene.does(&["list-tags", PLAIN, &repository])).unwrap();
        assert_eq!(tags["Tags"], serde_json::json!(["1", "all"]));

        scene.does(&["copy", "--all", "--src-tls-verify=false", &index, "oci:back:all"]);
        let back = scene.path().join("back/blobs/sha256").join(scene.layouts.index.hex());
        assert_eq!(crate::content::sha256(&std::fs::read(back).unwrap()), scene.layouts.index);
        // Docker's own media types, as older tools make them.
        let schema2 = format!("docker://{}", scene.reference("team/app:schema2"));
        scene.does(&["copy", "--format=v2s2", "--dest-tls-verify=false", &from_image, &schema2]);
        scene.does(&["copy", "--src-tls-verify=false", &schema2, "docker-archive:back.tar:app:1"]);

        scene.does(&["delete", PLAIN, &image]);
        scene.assert_absent("team/app", "1");
        scene.does(&["logout", scene.host()]);
        scene.fails(&["inspect", PLAIN, &index]);
        scene.end();
    }

    async fn who_may_do_what(database: Database) {
        let Some(scene) = Scene::with("skopeo", database) else { return };
        scene.project("open", true);
        scene.project("closed", false);
        let secret = scene.robot("closed", "ci", "closed/app", "writer");
        let from = format!("oci:{}:{NAME}", scene.layouts.image_directory());
        let (open, closed, other) = ("open/app:1", "closed/app:1", "closed/other:1");
        let [open, closed, other] = [open, closed, other].map(|name| format!("docker://{}", scene.reference(name)));
        let copy = |credentials: &str, to: &str| {
            scene.run(&["copy", "--dest-tls-verify=false", "--dest-creds", credentials, &from, to])
        };
        copy(&admin_credentials(), &open).succeeded();
        let robot = format!("ci:{secret}");
        copy(&robot, &closed).succeeded();
        copy(&robot, &other).failed();
        copy(&robot, &open).failed();
        copy(&format!("admin:{WRONG_PASSWORD}"), &closed).failed();
        copy(&format!("ci:{secret}x"), &closed).failed();

        scene.does(&["inspect", PLAIN, "--no-creds", &open]);
        scene.fails(&["inspect", PLAIN, "--no-creds", &closed]);
        scene.does(&["inspect", PLAIN, "--creds", &robot, &closed]);
        scene.fails(&["copy", "--dest-tls-verify=false", "--dest-no-creds", &from, &open]);
        let said = scene.fails(&["login", PLAIN, scene.host(), "-u", "admin", "-p", WRONG_PASSWORD]);
        assert!(said.contains("invalid username/password"), "{said}");
        scene.end();
    }
}
