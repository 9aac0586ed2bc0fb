//! What somebody pushed to mislead who looks at it.

use http::StatusCode;
use serde_json::{Value, json};

use crate::world::World;

const MARKUP: &str = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>\u{202e}\u{7}&lt;";

/// Returns a text of an odd kind and great length.
fn long(text: &str) -> String {
    text.repeat(100_000 / text.len())
}

fn hostile_config(text: &str) -> Value {
    let labels: serde_json::Map<String, Value> =
        (0..200).map(|index| (format!("{index}{text}"), Value::from(text))).collect();
    // As hostile as a configuration may be that is taken at all.
    let word: String = text.chars().filter(|character| !character.is_control()).take(32).collect();
    let diff_id = format!("sha256:{}", "0".repeat(64));
    let history: Vec<Value> = (0..100).map(|_| json!({ "created_by": text, "comment": text })).collect();
    json!({
        "os": word, "architecture": word, "variant": word, "created": text,
        "rootfs": { "type": "layers", "diff_ids": vec![diff_id; 100] },
        "config": {
            "User": text, "WorkingDir": text, "StopSignal": text, "Labels": labels,
            "Entrypoint": vec![text; 20], "Cmd": vec![text; 20], "Env": vec![text; 100],
            "ExposedPorts": { text: {} }, "Volumes": { text: {} },
        },
        "history": history,
    })
}

async fn push_hostile(world: &World, text: &str) -> oci::Digest {
    let config = serde_json::to_vec(&hostile_config(text)).unwrap();
    let config_digest = world.blob("team/api", &config).await;
    let layer = world.blob("team/api", b"layer").await;
    let layers: Vec<Value> = (0..100)
        .map(|_| {
            json!({ "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer.to_string(), "size": 5,
                         "annotations": { "org.opencontainers.image.title": text } })
        })
        .collect();
    let annotations: serde_json::Map<String, Value> =
        (0..100).map(|index| (format!("{index}{text}"), Value::from(text))).collect();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config_digest.to_string(), "size": config.len() },
        "layers": layers,
        "annotations": annotations,
    });
    world.manifest("team/api", &["hostile"], &manifest).await
}

/// Markup that is not ours: no element begins with what was pushed.
fn assert_harmless(text: &str) {
    for forbidden in
        ["<script>", "<img src=x", "alert(1)</script>", "\u{202e}", "\u{7}", "style=", " onerror=alert(1)>"]
    {
        assert!(!text.contains(forbidden), "the page holds {forbidden:?}");
    }
}

testkit::on_both_databases! {
    async fn what_was_pushed_is_text(database: testkit::Database) {
        let world = World::new(database).await;
        push_hostile(&world, MARKUP).await;
        let session = world.log_in("reader").await;
        let answer = world.get("/image?name=team/api&reference=hostile", Some(&session)).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(answer.text.contains("&#60;script&#62;"));
        assert_harmless(&answer.text);
    }
}

testkit::on_both_databases! {
    async fn no_page_grows_with_what_was_pushed(database: testkit::Database) {
        let world = World::new(database).await;
        for text in [MARKUP, "\"", "\u{1f980}", "a"] {
            let digest = push_hostile(&world, &long(text)[..].chars().take(2_000).collect::<String>()).await;
            let size = world.manifest_size("team/api", &digest).await;
            let platform = json!({ "os": "o".repeat(200), "architecture": "a".repeat(200) });
            let entries: Vec<Value> = (0..200)
                .map(|_| json!({ "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest.to_string(), "size": size, "platform": platform }))
                .collect();
            let index = json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": entries });
            let index = world.manifest("team/api", &["index"], &index).await;
            for number in 0..60 {
                let artifact_type = format!("application/{}{number}", "t".repeat(110));
                world.referrer("team/api", &index, &artifact_type, &number.to_string()).await;
                world.referrer("team/api", &digest, &artifact_type, &number.to_string()).await;
            }
            let session = world.log_in("reader").await;
            for path in [
                "/image?name=team/api&reference=hostile",
                "/image?name=team/api&reference=index",
                "/repositories?name=team/api&view=manifests",
                "/repositories?name=team/api",
            ] {
                let answer = world.get(path, Some(&session)).await;
                assert_eq!(answer.status, StatusCode::OK, "{path}");
                assert!(answer.text.len() < console::PAGE_BYTES_MAX, "{path} has {} bytes", answer.text.len());
                assert_harmless(&answer.text);
            }
        }
    }
}

/// Returns a layer of so many packages of npm whose every text is this one, with a number before it where they must differ.
fn hostile_packages(number: usize, text: &str) -> Vec<(String, String)> {
    let name = |at: usize| format!("{at:03}{text}");
    let package = |at: usize| {
        let needs: serde_json::Map<String, Value> = (0..number).map(|other| (name(other), Value::from("*"))).collect();
        let document = json!({
            "name": name(at), "version": format!("1.0.0-{at}{text}"), "license": format!("{at}{text}"), "author": text,
            "dependencies": needs,
        });
        (format!("app/node_modules/p{at:03}/package.json"), document.to_string())
    };
    (0..number).map(package).collect()
}

fn hostile_status(number: usize, text: &str) -> (String, String) {
    let needs: Vec<String> = (0..number).map(|at| format!("p{at:03}{text}")).collect();
    let entry = |at: usize| {
        format!(
            "Package: p{at:03}{text}\nStatus: install ok installed\nArchitecture: {text}\nVersion: {at}{text}\n\
             Maintainer: {text}\nSource: {text} ({text})\nDepends: {}\n\n",
            needs.join(", ")
        )
    };
    ("var/lib/dpkg/status".to_owned(), (0..number).map(entry).collect())
}

testkit::on_both_databases! {
    async fn what_is_in_images_is_text_and_makes_no_page_grow(database: testkit::Database) {
        let world = World::new(database).await;
        let long_name = format!("team/{}", "n".repeat(245));
        let session = world.log_in("reader").await;
        for text in [MARKUP, "\"<&>'", "\u{202e}\u{200b}\u{1f980}", "a", "log4j*' ; rm -rf /"] {
            let long: String = text.repeat(300).chars().take(150).collect();
            let os_release = format!("ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME='{}'\n", text.replace('\'', ""));
            let layer = vec![("etc/os-release".to_owned(), os_release), hostile_status(60, &long.replace(['\u{7}', '\n'], ""))];
            let mut layers = vec![layer, hostile_packages(60, &long)];
            // Paths that are known by nothing, and a program that cannot be read.
            layers.push((0..60).map(|at| (format!("opt/{at}{}", text.replace('/', "").chars().take(10).collect::<String>()), "\u{7f}ELF".repeat(30))).collect());
            let image = world.software(&long_name, &["1"], &layers).await;
            let page = world.get(&format!("/image?name={long_name}&reference=1"), Some(&session)).await;
            let mut paths = vec![
                format!("/image?name={long_name}&reference=1"),
                format!("/image?name={long_name}&reference={image}&q=0&after=7"),
                format!("/image/dependencies?name={long_name}&reference=1"),
                "/components?query=p00*".to_owned(),
                "/components?query=0*".to_owned(),
            ];
            let links = page.text.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
            let links = links.filter(|link| link.starts_with("/image") || link.starts_with("/components"));
            paths.extend(links.map(|link| link.replace("&#38;", "&").replace("&#39;", "'")).take(60));
            assert!(paths.len() > 25, "{}", page.words());
            for path in paths {
                let answer = world.get(&path, Some(&session)).await;
                assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
                assert!(answer.text.len() < console::PAGE_BYTES_MAX, "{path} has {} bytes", answer.text.len());
                assert_harmless(&answer.text);
                assert!(!answer.text.contains(['\u{200b}', '\u{202e}']), "{path}");
            }
        }
    }
}

testkit::on_both_databases! {
    async fn long_names_and_many_rows_stay_within_a_page(database: testkit::Database) {
        let world = World::new(database).await;
        let long_name = format!("team/{}", "n".repeat(245));
        let tags: Vec<String> = (0..60).map(|number| format!("{}{number:02}", "t".repeat(126))).collect();
        world.image(&long_name, &tags.iter().map(String::as_str).collect::<Vec<_>>(), &json!({}), &[1, 2]).await;
        for number in 0..60 {
            let name = format!("team/{}{number:02}", "m".repeat(243));
            world.image(&name, &["a"], &json!({}), &[1]).await;
        }
        let session = world.log_in("reader").await;
        for path in [
            "/",
            "/repositories",
            "/projects/team",
            "/search?q=m",
            "/search?q=a",
            &format!("/repositories?name={long_name}"),
        ] {
            let answer = world.get(path, Some(&session)).await;
            assert_eq!(answer.status, StatusCode::OK, "{path}");
            assert!(answer.text.len() < console::PAGE_BYTES_MAX, "{path} has {} bytes", answer.text.len());
        }
    }
}

testkit::on_both_databases! {
    async fn what_a_visitor_wrote_is_text(database: testkit::Database) {
        let world = World::new(database).await;
        let wrote = "%22%27%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E%E2%80%AE%3Cimg+src%3Dx+onerror%3Dalert(1)%3E";
        let session = world.log_in("admin").await;
        world.shop("team/shop", &["1"]).await;
        for path in [
            format!("/search?q={wrote}"),
            format!("/login?next={wrote}"),
            format!("/image?name=team/api&reference={wrote}"),
            format!("/image?name={wrote}&reference=a"),
            format!("/repositories?name={wrote}"),
            format!("/components?query={wrote}"),
            format!("/components?query=pkg:{wrote}&range={wrote}"),
            format!("/components?query=a&range={wrote}&after={wrote}"),
            format!("/image/component?name=team/api&reference=1&component={wrote}"),
            format!("/image/dependencies?name=team/api&reference=1&platform={wrote}&after={wrote}"),
            format!("/image/explanation?name=team/shop&reference=1&vulnerability={wrote}&component={wrote}"),
            format!("/image?name=team/shop&reference=1&q={wrote}&type={wrote}&license={wrote}&layer={wrote}"),
            format!("/repositories?after={wrote}"),
            format!("/repositories?name=team/api&view=manifests&after={wrote}"),
            format!("/repositories?name=team/api&view={wrote}"),
            format!("/projects/{}", wrote.replace('+', "%20").replace("%2F", "")),
            format!("/nowhere/{}", wrote.replace('+', "%20")),
        ] {
            for session in [None, Some(session.as_str())] {
                assert_harmless(&world.get(&path, session).await.text);
            }
        }
        let answer = world.post("/login", None, &format!("name={wrote}&password={wrote}&next={wrote}")).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert_harmless(&answer.text);
    }
}

testkit::on_both_databases! {
    async fn a_config_that_is_no_config_leaves_the_page_whole(database: testkit::Database) {
        let world = World::new(database).await;
        let session = world.log_in("reader").await;
        let large = format!("{{\"a\":\"{}\"}}", "a".repeat(1 << 20));
        for (bytes, expected) in [
            (b"not JSON".to_vec(), "It could not be read as an image&#39;s config."),
            (b"[]".to_vec(), "It could not be read as an image&#39;s config."),
            (vec![b'['; 100_000], "It could not be read as an image&#39;s config."),
            (large.into_bytes(), "It is too large for a page."),
        ] {
            let digest = world.blob("team/api", &bytes).await;
            let manifest = json!({
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest.to_string(), "size": bytes.len() },
                "layers": [],
            });
            world.manifest("team/api", &["odd"], &manifest).await;
            let answer = world.get("/image?name=team/api&reference=odd", Some(&session)).await;
            assert_eq!(answer.status, StatusCode::OK);
            assert!(answer.text.contains(expected), "{}", answer.text);
        }
    }
}
