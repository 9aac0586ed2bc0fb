//! What pages say, their headers and their files.

use std::fmt::Write as _;

use http::StatusCode;

use crate::world::{World, steady};

const PAGES: &[&str] = &[
    "/",
    "/login",
    "/repositories",
    "/repositories?name=team/api",
    "/repositories?name=team/api&view=manifests",
    "/image?name=team/api&reference=1.4",
    "/image?name=team/api&reference=1.4-multi",
    "/image?name=team/shop&reference=2.1",
    "/image?name=team/shop&reference=2.1&type=npm&license=MIT&q=ms",
    "/image/dependencies?name=team/shop&reference=2.1",
    "/image/component?name=team/shop&reference=2.1&component=none",
    "/components",
    "/components?query=libssl3",
    "/components?query=pkg:npm/lodash&range=%3C4.17.21",
    "/components?query=a*b",
    "/projects/team",
    "/search?q=api",
    "/search",
    "/projects/gone",
    "/nowhere",
];

testkit::on_both_databases! {
    async fn every_page_forbids_what_it_does_not_need(database: testkit::Database) {
        let world = World::new(database).await;
        world.furnish().await;
        let session = world.log_in("admin").await;
        for session in [None, Some(session.as_str())] {
            for path in PAGES {
                let answer = world.get(path, session).await;
                if answer.status == StatusCode::SEE_OTHER {
                    continue;
                }
                let header = |name| answer.header(name);
                assert_eq!(header("content-security-policy"), console::CONTENT_SECURITY_POLICY, "{path}");
                assert_eq!(header("content-type"), "text/html; charset=utf-8", "{path}");
                assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
                assert_eq!(header("referrer-policy"), "same-origin", "{path}");
                assert_eq!(header("cache-control"), "no-store", "{path}");
                assert!(answer.text.len() < console::PAGE_BYTES_MAX / 3, "{path} has {} bytes", answer.text.len());
                for forbidden in [" style=", "<style", "javascript:", " onclick=", "http://", "https://"] {
                    let text = answer.text.replace("https://git.example/team/api", "");
                    assert!(!text.contains(forbidden), "{path} holds {forbidden}");
                }
                let scripts = answer.text.matches("<script").count();
                assert_eq!((scripts, answer.text.matches("<script src=\"/assets/").count()), (1, 1), "{path}");
            }
        }
    }
}

#[test]
fn the_policy() {
    insta::assert_snapshot!(console::CONTENT_SECURITY_POLICY, @"default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'");
}

testkit::on_both_databases! {
    async fn files_are_kept_for_good_under_the_name_of_their_content(database: testkit::Database) {
        let world = World::new(database).await;
        let page = world.get("/", None).await;
        for (stem, media_type) in
            [("/assets/console.", "text/css; charset=utf-8"), ("/assets/garrison.", "image/svg+xml")]
        {
            let path = page.text.split('"').find(|text| text.starts_with(stem)).unwrap();
            let answer = world.get(path, None).await;
            assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, media_type));
            assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
        }
        for path in
            ["/assets/console.css", "/assets/console.0000000000000000.css", "/assets/..%2f..%2fCargo.toml", "/assets/"]
        {
            assert_eq!(world.get(path, None).await.status, StatusCode::NOT_FOUND, "{path}");
        }
    }
}

testkit::on_both_databases! {
    async fn every_address_on_a_page_leads_somewhere(database: testkit::Database) {
        let world = World::new(database).await;
        world.furnish().await;
        let session = world.log_in("admin").await;
        for path in PAGES {
            let page = world.get(path, Some(&session)).await;
            let mut links: Vec<String> = page
                .text
                .split("href=\"")
                .skip(1)
                .filter_map(|rest| rest.split('"').next())
                .map(ToOwned::to_owned)
                .collect();
            links.sort();
            links.dedup();
            for link in links {
                let link = link.replace("&#38;", "&").replace("&amp;", "&");
                match link.strip_prefix('#') {
                    Some(id) => assert!(page.text.contains(&format!("id=\"{id}\"")), "{path} has no #{id}"),
                    None => assert_eq!(world.get(&link, Some(&session)).await.status, StatusCode::OK, "{path}: {link}"),
                }
            }
        }
    }
}

testkit::on_both_databases! {
    async fn lists_go_on_where_a_page_ends(database: testkit::Database) {
        let world = World::new(database).await;
        let tags: Vec<String> = (0..60).map(|number| format!("v{number:03}")).collect();
        world
            .image(
                "team/api",
                &tags.iter().map(String::as_str).collect::<Vec<_>>(),
                &crate::world::config("amd64"),
                &[10],
            )
            .await;
        let session = world.log_in("reader").await;
        let mut path = "/repositories?name=team/api".to_owned();
        let mut seen = Vec::new();
        loop {
            let page = world.get(&path, Some(&session)).await;
            assert_eq!(page.status, StatusCode::OK, "{path}");
            seen.extend(tags.iter().filter(|tag| page.text.contains(&format!("reference={tag}\""))).cloned());
            let next = page.text.split("rel=\"next\"").next().filter(|before| before.len() < page.text.len());
            let Some(before) = next else { break };
            path = before.rsplit("href=\"").next().unwrap().split('"').next().unwrap().replace("&#38;", "&");
        }
        assert_eq!(seen, tags);
    }
}

testkit::on_both_databases! {
    async fn words_of_the_pages(database: testkit::Database) {
        let world = World::new(database).await;
        world.furnish().await;
        let reader = world.log_in("reader").await;
        let mut text = String::new();
        for path in PAGES {
            for (who, session) in [("nobody", None), ("reader", Some(reader.as_str()))] {
                let answer = world.get(path, session).await;
                let location = answer.header("location");
                let (status, words) = (answer.status.as_u16(), answer.words());
                let _infallible = write!(text, "==== {who} {path} -> {status} {location}\n{words}\n\n");
            }
        }
        let settings = filtered();
        settings.bind(|| insta::assert_snapshot!("words", text));
    }
}

testkit::on_both_databases! {
    async fn markup_of_an_image(database: testkit::Database) {
        let world = World::new(database).await;
        world.furnish().await;
        let session = world.log_in("admin").await;
        let answer = world.get("/image?name=team/api&reference=1.4", Some(&session)).await;
        filtered().bind(|| insta::assert_snapshot!("image", steady(&answer.text)));
    }
}

fn filtered() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_omit_expression(true);
    settings.set_prepend_module_to_snapshot(false);
    settings.add_filter(r"(just now|\d+ \w+ ago)", "[time]");
    settings
}
