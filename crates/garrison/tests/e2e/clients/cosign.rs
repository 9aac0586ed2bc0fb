use testkit::Database;

use super::Scene;
use crate::hub::PASSWORD;
use crate::process::{Ended, run};

const PLAIN: [&str; 2] = ["--allow-http-registry", "--allow-insecure-registry"];

/// Runs cosign without a service of the outside world.
fn cosign(scene: &Scene, arguments: &[&str]) -> Ended {
    run(scene.command(arguments).env("COSIGN_PASSWORD", "").env("COSIGN_YES", "true"))
}

testkit::on_both_databases! {
    async fn signs_and_verifies(database: Database) {
        let Some(scene) = Scene::with("cosign", database) else { return };
        let path = format!("/v2/team/app/blobs/uploads/?digest={}", crate::content::sha256(b"layer"));
        scene.administrator().send("POST", &path, &[], b"layer").unwrap().expect(201);
        let manifest = crate::content::image_manifest(b"layer", &[b"layer"]);
        let manifest_type = [("Content-Type", crate::content::IMAGE_MANIFEST)];
        scene.administrator().send("PUT", "/v2/team/app/manifests/1", &manifest_type, &manifest).unwrap().expect(201);
        let image = format!("{}@{}", scene.reference("team/app"), scene.digest("team/app", "1"));

        cosign(&scene, &["login", scene.host(), "-u", "admin", "-p", PASSWORD]).succeeded();
        cosign(&scene, &["generate-key-pair"]).succeeded();
        let offline = ["--use-signing-config=false", "--tlog-upload=false", "--key", "cosign.key"];
        let verify = ["verify", "--key", "cosign.pub", "--insecure-ignore-tlog=true"];
        let verified = || cosign(&scene, &[&verify[..], &PLAIN, &[&image]].concat());
        verified().failed();
        cosign(&scene, &[&["sign"], &offline[..], &PLAIN, &[&image]].concat()).succeeded();
        verified().succeeded();
        let referrers = format!("/v2/team/app/referrers/{}", scene.digest("team/app", "1"));
        let referrers = scene.administrator().get(&referrers).unwrap().expect(200).json();
        assert_eq!(referrers["manifests"].as_array().unwrap().len(), 1, "{referrers}");
        let tags = scene.administrator().get("/v2/team/app/tags/list").unwrap().expect(200).json();
        assert_eq!(tags["tags"], serde_json::json!(["1"]), "a signature is a referrer, not a tag");
        scene.end();
    }
}
