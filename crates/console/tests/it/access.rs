//! Who sees what.

use axum::body::Body;
use http::{Request, StatusCode, header};

use crate::world::{HOST, World};

/// Addresses of what is private, and of what does not exist.
fn private(digest: &oci::Digest) -> Vec<(String, String)> {
    [
        ("/projects/team".to_owned(), "/projects/gone".to_owned()),
        ("/repositories?name=team/api".to_owned(), "/repositories?name=gone/api".to_owned()),
        (
            "/repositories?name=team/api&view=manifests".to_owned(),
            "/repositories?name=gone/api&view=manifests".to_owned(),
        ),
        ("/image?name=team/api&reference=1.4".to_owned(), "/image?name=gone/api&reference=1.4".to_owned()),
        (format!("/image?name=team/api&reference={digest}"), format!("/image?name=gone/api&reference={digest}")),
        (
            "/image/dependencies?name=team/shop&reference=2.1".to_owned(),
            "/image/dependencies?name=gone/shop&reference=2.1".to_owned(),
        ),
        (
            "/image/component?name=team/shop&reference=2.1&component=0".to_owned(),
            "/image/component?name=gone/shop&reference=2.1&component=0".to_owned(),
        ),
        (
            "/image/findings?name=team/shop&reference=2.1".to_owned(),
            "/image/findings?name=gone/shop&reference=2.1".to_owned(),
        ),
        (
            "/image/explanation?name=team/shop&reference=2.1&vulnerability=CVE-2021-23337".to_owned(),
            "/image/explanation?name=gone/shop&reference=2.1&vulnerability=CVE-2021-23337".to_owned(),
        ),
        (
            format!("/image/sbom?name=team/shop&reference=2.1&document={digest}"),
            format!("/image/sbom?name=gone/shop&reference=2.1&document={digest}"),
        ),
    ]
    .into()
}

/// The request of a row: its address, and whether it tells of `team` alone, which only its members may know.
struct Case {
    row: &'static str,
    path: &'static str,
    is_of_team: bool,
}

const fn case(row: &'static str, path: &'static str, is_of_team: bool) -> Case {
    Case { row, path, is_of_team }
}

const CASES: &[Case] = &[
    case("page.overview", "/", false),
    case("page.login", "/login", false),
    case("page.login.post", "/login", false),
    case("page.logout", "/logout", false),
    case("page.project", "/projects/team", true),
    case("page.repositories", "/repositories?name=team/api", true),
    case("page.image", "/image?name=team/shop&reference=2.1", true),
    case("page.image.component", "/image/component?name=team/shop&reference=2.1&component=SHOP", true),
    case("page.image.dependencies", "/image/dependencies?name=team/shop&reference=2.1", true),
    case("page.image.sbom", "/image/sbom?name=team/shop&reference=2.1&document=SBOM", true),
    case("page.image.findings", "/image/findings?name=team/shop&reference=2.1", true),
    case(
        "page.image.explanation",
        "/image/explanation?name=team/shop&reference=2.1&vulnerability=CVE-2021-23337",
        true,
    ),
    case("page.findings", "/findings", false),
    case("page.advisories", "/advisories", false),
    case("page.vulnerability", "/vulnerability?id=CVE-2021-23337", false),
    case("page.components", "/components?query=lodash", false),
    case("page.search", "/search?q=shop", false),
    case("page.asset", "/assets/none", false),
];

testkit::on_both_databases! {
    async fn every_row_as_everybody(database: testkit::Database) {
        let world = World::new(database).await;
        world.furnish().await;
        let (reader, stranger, admin) =
            (world.log_in("reader").await, world.log_in("stranger").await, world.log_in("admin").await);
        let shop = world.get("/image?name=team/shop&reference=2.1&q=lodash", Some(&reader)).await;
        let sbom = crate::components::link(&shop.text, "Compare with the hub");
        let sbom = sbom.split("document=").nth(1).and_then(|rest| rest.split('&').next()).unwrap();
        let shop = crate::components::link(shop.text.split("id=\"component-list\"").nth(1).unwrap(), "<bdi>lodash</bdi>");
        let key = shop.rsplit('=').next().unwrap();
        let mut matrix = String::from("row: nobody, stranger, reader, administrator\n");
        for endpoint in console::endpoints() {
            let case = CASES.iter().find(|case| case.row == endpoint.name);
            let case = case.unwrap_or_else(|| panic!("`{}` ({}) has no case", endpoint.name, endpoint.path));
            let path = case.path.replace("SHOP", key).replace("SBOM", sbom);
            let mut line = endpoint.name.to_owned();
            for (session, is_member) in
                [(None, false), (Some(&stranger), false), (Some(&reader), true), (Some(&admin), true)]
            {
                let session = session.map(String::as_str);
                let answer = match endpoint.method.as_str() {
                    "POST" => world.post(&path, Some("none"), "").await,
                    _ => world.get(&path, session).await,
                };
                let is_shown = answer.status == StatusCode::OK && (case.is_of_team || answer.text.contains("team/shop"));
                let is_told = case.is_of_team || answer.text.contains("team/");
                assert!(is_member || !is_shown || !is_told, "{path} shows {line} what is of team");
                assert!(!case.is_of_team || is_member == is_shown, "{path}: {}", answer.status);
                line = format!("{line} {}", answer.status.as_u16());
            }
            matrix = format!("{matrix}{line}\n");
        }
        assert_eq!(CASES.len(), console::endpoints().len(), "a row is gone");
        insta::assert_snapshot!("matrix", matrix);
    }
}

testkit::on_both_databases! {
    async fn what_is_private_answers_as_what_does_not_exist(database: testkit::Database) {
        let world = World::new(database).await;
        let digest = world.furnish().await;
        let stranger = world.log_in("stranger").await;
        for session in [None, Some(stranger.as_str())] {
            for (there, gone) in private(&digest) {
                let (there_answer, gone_answer) = (world.get(&there, session).await, world.get(&gone, session).await);
                assert_eq!(there_answer.status, gone_answer.status, "{there}");
                assert_ne!(there_answer.status, StatusCode::OK, "{there}");
                assert_eq!(there_answer.text, gone_answer.text.replace("gone", "team"), "{there}");
            }
        }
    }
}

testkit::on_both_databases! {
    async fn lists_and_search_show_nothing_private(database: testkit::Database) {
        let world = World::new(database).await;
        let digest = world.furnish().await;
        let stranger = world.log_in("stranger").await;
        let searches =
            ["team", "api", "1.4", "team/api:1.4", "team/api", "a"].map(|query| format!("/search?q={query}"));
        let by_digest = [
            format!("/search?q={digest}"),
            format!("/search?q={}", digest.hex()),
            format!("/search?q=team/api@{digest}"),
        ];
        let paths = ["/", "/repositories", "/projects/open", "/components?query=lodash", "/components?query=pkg:deb/*"]
            .into_iter()
            .map(ToOwned::to_owned)
            .chain(searches)
            .chain(by_digest);
        for path in paths {
            for session in [None, Some(stranger.as_str())] {
                let answer = world.get(&path, session).await;
                assert_eq!(answer.status, StatusCode::OK, "{path}");
                for private in ["/projects/team", "name=team", "team/web", "team/worker"] {
                    assert!(!answer.text.contains(private), "{path} shows {private}");
                }
            }
        }
    }
}

testkit::on_both_databases! {
    async fn everyone_sees_what_is_public(database: testkit::Database) {
        let world = World::new(database).await;
        world.furnish().await;
        for path in ["/projects/open", "/repositories?name=open/tool", "/image?name=open/tool&reference=0.9.1"] {
            let answer = world.get(path, None).await;
            assert_eq!(answer.status, StatusCode::OK, "{path}");
            assert!(answer.text.contains("open/tool"), "{path}");
        }
        let first = world.get("/", None).await;
        assert!(first.text.contains("/projects/open") && first.text.contains("name=\"password\""));
    }
}

testkit::on_both_databases! {
    async fn members_are_shown_to_who_may_know_them(database: testkit::Database) {
        let world = World::new(database).await;
        for (user, role, is_shown) in
            [("reader", "puller", false), ("reader", "maintainer", true), ("stranger", "admin", true)]
        {
            world.grant("team", user, role).await;
            let session = world.log_in(user).await;
            let answer = world.get("/projects/team", Some(&session)).await;
            assert_eq!(answer.status, StatusCode::OK);
            assert_eq!(answer.text.contains("id=\"members\""), is_shown, "{role}");
        }
        let answer = world.get("/projects/open", None).await;
        assert!(!answer.text.contains("id=\"members\""));
    }
}

testkit::on_both_databases! {
    async fn search_finds_names_tags_and_digests(database: testkit::Database) {
        let world = World::new(database).await;
        let digest = world.furnish().await;
        let reader = world.log_in("reader").await;
        for (query, expected) in [
            ("api".to_owned(), "/repositories?name=team/api"),
            ("TEAM/AP".to_owned(), "/repositories?name=team/api"),
            ("1.4-multi".to_owned(), "/image?name=team/api&#38;reference=1.4-multi"),
            ("team/api:1.4".to_owned(), "/image?name=team/api&#38;reference=1.4"),
            (format!("{HOST}/team/api:1.4"), "/image?name=team/api&#38;reference=1.4"),
            (digest.to_string(), "/image?name=team/api&#38;reference=sha256:"),
            (digest.hex(), "/image?name=team/api&#38;reference=sha256:"),
            (format!("team/api:1.4@{digest}"), "/image?name=team/api&#38;reference=sha256:"),
        ] {
            let answer = world.get(&format!("/search?q={query}"), Some(&reader)).await;
            assert!(answer.text.contains(expected), "{query}: {}", answer.text);
        }
    }
}

testkit::on_both_databases! {
    async fn search_goes_on_where_a_page_ends(database: testkit::Database) {
        let world = World::new(database).await;
        let names: Vec<String> = (0..90).map(|number| format!("team/part-{number:02}")).collect();
        for name in names.iter().map(String::as_str).chain(["team/other", "open/part-xx"]) {
            world.image(name, &["1"], &crate::world::config("amd64"), &[10]).await;
        }
        let reader = world.log_in("reader").await;
        let (mut path, mut found, mut pages) = ("/search?q=part".to_owned(), Vec::new(), 0);
        loop {
            let answer = world.get(&path, Some(&reader)).await;
            let links = answer.text.split("<a class=\"name\" href=\"/repositories?name=").skip(1);
            found.extend(links.filter_map(|rest| rest.split('"').next()).map(ToOwned::to_owned));
            pages += 1;
            assert!(pages < 10, "{path}");
            let Some((before, _)) = answer.text.split_once("\" rel=\"next\"") else { break };
            path = before.rsplit('"').next().unwrap().replace("&#38;", "&");
        }
        let expected: Vec<String> = ["open/part-xx".to_owned()].into_iter().chain(names).collect();
        assert_eq!((found, pages), (expected, 3));
    }
}

testkit::on_both_databases! {
    async fn a_question_has_a_longest(database: testkit::Database) {
        let world = World::new(database).await;
        for (length, expected) in [(511, StatusCode::OK), (512, StatusCode::OK), (513, StatusCode::BAD_REQUEST)] {
            let answer = world.get(&format!("/search?q={}", "a".repeat(length)), None).await;
            assert_eq!(answer.status, expected, "{length}");
        }
    }
}

testkit::on_both_databases! {
    async fn wrong_credentials_in_a_header_are_told_on_a_page(database: testkit::Database) {
        let world = World::new(database).await;
        let request = Request::get("/")
            .header(header::HOST, HOST)
            .header(header::AUTHORIZATION, "Basic YWRtaW46d3Jvbmc=")
            .body(Body::empty())
            .unwrap();
        let answer = world.send(request).await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (StatusCode::UNAUTHORIZED, ""));
        assert!(answer.text.contains("The credentials are refused"));
    }
}
