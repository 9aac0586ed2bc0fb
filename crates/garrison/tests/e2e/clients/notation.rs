use testkit::Database;

use super::Scene;
use crate::hub::PASSWORD;
use crate::process::{Ended, run};

fn notation(scene: &Scene, arguments: &[&str]) -> Ended {
    let credentials = [("NOTATION_USERNAME", "admin"), ("NOTATION_PASSWORD", PASSWORD)];
    run(scene.command(arguments).envs(credentials))
}

testkit::on_both_databases! {
    async fn signs_and_verifies(database: Database) {
        let Some(scene) = Scene::with("notation", database) else { return };
        let path = format!("/v2/team/app/blobs/uploads/?digest={}", crate::content::sha256(b"layer"));
        scene.administrator().send("POST", &path, &[], b"layer").unwrap().expect(201);
        let manifest = crate::content::image_manifest(b"layer", &[b"layer"]);
        let manifest_type = [("Content-Type", crate::content::IMAGE_MANIFEST)];
        scene.administrator().send("PUT", "/v2/team/app/manifests/1", &manifest_type, &manifest).unwrap().expect(201);
        let image = format!("{}@{}", scene.reference("team/app"), scene.digest("team/app", "1"));

        notation(&scene, &["cert", "generate-test", "--default", "test.example"]).succeeded();
        let policy = serde_json::json!({"version": "1.0", "trustPolicies": [{
            "name": "all", "registryScopes": ["*"], "signatureVerification": {"level": "strict"},
            "trustStores": ["ca:test.example"], "trustedIdentities": ["*"],
        }]});
        let directory = scene.path().join(".config/notation");
        std::fs::write(directory.join("trustpolicy.json"), policy.to_string()).unwrap();
        notation(&scene, &["verify", "--insecure-registry", &image]).failed();
        notation(&scene, &["sign", "--insecure-registry", &image]).succeeded();
        notation(&scene, &["verify", "--insecure-registry", &image]).succeeded();
        scene.end();
    }
}
