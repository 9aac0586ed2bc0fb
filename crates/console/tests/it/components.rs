//! What the pages tell of components: states, filters, trees, and where each is.
use std::fmt::Write as _;

use http::StatusCode;
use oci::media_type;
use serde_json::{Value, json};

use crate::software::{Files, debian, node_modules, package_json};
use crate::world::{World, config, steady};

const SHOP: &str = "/image?name=team/shop&reference=2.1";

/// The text between two marks of a page.
pub(crate) fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    text.split_once(from).map_or("", |(_, rest)| rest.split(to).next().unwrap_or(rest))
}

/// The address of the first link with this text.
pub(crate) fn link(text: &str, label: &str) -> String {
    let before = text.split(label).next().unwrap();
    before.rsplit("href=\"").next().unwrap().split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&")
}

fn count(text: &str, of: &str) -> usize {
    text.matches(of).count()
}

fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_omit_expression(true);
    settings.set_prepend_module_to_snapshot(false);
    settings.add_filter(r"(just now|\d+ \w+ ago)", "[time]");
    settings
}

/// A layer of so many packages that nothing joins.
fn loose(number: usize) -> Files {
    let names: Vec<String> = (0..number).map(|at| format!("package-{at:04}")).collect();
    let packages: Vec<(&str, &str, &str, &[&str])> =
        names.iter().map(|name| (&**name, "1.0.0", "MIT", &[][..])).collect();
    node_modules(&packages)
}

testkit::on_both_databases! {
    async fn an_image_tells_what_it_is_made_of(database: testkit::Database) {
        let world = World::new(database).await;
        world.shop("team/shop", &["2.1"]).await;
        let reader = world.log_in("reader").await;
        let page = world.get(SHOP, Some(&reader)).await;
        assert_eq!(page.status, StatusCode::OK);
        let section = format!("<section id=\"components\">{}</section>", between(&page.text, "<section id=\"components\">", "</section>"));
        settings().bind(|| insta::assert_snapshot!("components", steady(&section)));
        let page = world.get(&format!("{SHOP}&type=npm"), Some(&reader)).await;
        let ms = world.get(&link(&page.text, "<bdi>ms</bdi>"), Some(&reader)).await;
        settings().bind(|| insta::assert_snapshot!("component", ms.words()));
        let circle = world.get(&link(&page.text, "<bdi>es-abstract</bdi>"), Some(&reader)).await;
        assert!(circle.text.contains("needs what leads to it"), "{}", circle.text);
        let tree = world.get(&link(&page.text, "What needs what"), Some(&reader)).await;
        let tree = format!("<ul class=\"tree\">{}", between(&tree.text, "<ul class=\"tree\">", "</main>"));
        settings().bind(|| insta::assert_snapshot!("tree", steady(&tree)));
    }

    async fn what_others_say_is_shown_beside(database: testkit::Database) {
        let world = World::new(database).await;
        let shop = world.shop("team/shop", &["2.1"]).await;
        let kind = "application/vnd.cyclonedx+json";
        world.referrer("team/shop", &shop, kind, &crate::software::other_sbom()).await;
        let reader = world.log_in("reader").await;
        let page = world.get(SHOP, Some(&reader)).await;
        // The hub's own are not compared with themselves.
        assert_eq!(count(&page.text, "Compare with the hub"), 1);
        let compared = link(&page.text, "Compare with the hub");
        let page = world.get(&compared, Some(&reader)).await;
        settings().bind(|| insta::assert_snapshot!("differences", page.words()));
        let other = compared.replace(&shop.to_string(), "2.1");
        assert_eq!(world.get(&other, Some(&reader)).await.status, StatusCode::OK);
        for (text, status, words) in [
            ("<html>", 422, "is not understood"),
            ("{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.5\",\"components\":[{\"type\":\"library\",\"name\":\"<script>\\u202e\"}]}", 200, "Only the SBOM has"),
        ] {
            let manifest = world.referrer("team/shop", &shop, kind, text).await;
            let path = format!("/image/sbom?name=team/shop&reference=2.1&document={manifest}");
            let page = world.get(&path, Some(&reader)).await;
            assert_eq!(page.status, status, "{text}");
            assert!(page.words().contains(words) && !page.text.contains("<script>\u{fffd}"), "{}", page.text);
            assert!(!page.text.contains('\u{202e}'));
        }
        for (document, status) in [("", 400), ("x", 400), (&*shop.to_string(), 404)] {
            let page = world.get(&format!("/image/sbom?name=team/shop&reference=2.1&document={document}"), Some(&reader)).await;
            assert_eq!(page.status, status, "{document}");
        }
    }

    async fn what_builders_attest_of_an_image_is_shown_beside(database: testkit::Database) {
        let world = World::new(database).await;
        let shop = world.shop("team/shop", &["2.1"]).await;
        let kind = "application/vnd.in-toto+json";
        let statement = |number: u8| {
            let subject = json!([{"name": "_", "digest": {"sha256": shop.hex()}}]);
            let predicate: Value = serde_json::from_str(&crate::software::other_sbom()).unwrap();
            json!({"predicateType": "https://cyclonedx.org/bom", "subject": subject, "predicate": predicate, "number": number}).to_string()
        };
        let mut layers = Vec::new();
        for text in [statement(1), statement(2)] {
            let digest = world.blob("team/shop", text.as_bytes()).await;
            layers.push(json!({"mediaType": kind, "digest": digest, "size": text.len(), "annotations": {"in-toto.io/predicate-type": "https://cyclonedx.org/bom"}}));
        }
        let config = world.blob("team/shop", b"{}").await;
        let config = json!({"mediaType": media_type::OCI_CONFIG, "digest": config, "size": 2});
        let attestation = json!({"schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "config": config, "layers": layers});
        let attestation = world.manifest("team/shop", &[], &attestation).await;
        let index = json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": [
            {"mediaType": media_type::OCI_MANIFEST, "digest": shop, "size": world.manifest_size("team/shop", &shop).await, "platform": {"os": "linux", "architecture": "amd64"}},
            {"mediaType": media_type::OCI_MANIFEST, "digest": attestation, "size": world.manifest_size("team/shop", &attestation).await, "platform": {"os": "unknown", "architecture": "unknown"},
                "annotations": {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": shop}},
        ]});
        world.manifest("team/shop", &["index"], &index).await;
        let reader = world.log_in("reader").await;
        let page = world.get(SHOP, Some(&reader)).await;
        assert!(page.words().contains("other SBOMs"), "{}", page.words());
        assert_eq!(count(&page.text, "Compare with the hub"), 2);
        let compared = world.get(&link(&page.text, "Compare with the hub&#39;s (2)"), Some(&reader)).await;
        assert_eq!(compared.status, StatusCode::OK);
        assert!(compared.words().contains(&format!("--document {attestation}")), "{}", compared.words());
        // In the index it is told as what it is, and not among what waits for an inventory.
        let page = world.get("/image?name=team/shop&reference=index", Some(&reader)).await;
        let rows = between(&page.text, "<section id=\"platforms\">", "</section>");
        assert!(rows.contains("<td>attestation</td>") && !rows.contains("waiting"), "{rows}");
    }

    async fn the_overview_tells_which_images_could_not_be_inventoried(database: testkit::Database) {
        let world = World::new(database).await;
        let fine = world.shop("team/shop", &["2.1"]).await;
        let (reader, stranger) = (world.log_in("reader").await, world.log_in("stranger").await);
        let overview = async |session: &str| world.get("/", Some(session)).await;
        assert!(!overview(&reader).await.words().contains("Not inventoried"));
        let mut refused = Vec::new();
        for number in 1..=13 {
            let (tag, before) = (format!("bad-{number}"), refused.len());
            refused.push(world.image("team/api", &[&tag], &config("amd64"), &[10 + number]).await);
            world.settle(&refused[before..]).await;
            let expected = if number == 1 { "Nobody knows what is in 1 image: it is neither".to_owned() } else { format!("Nobody knows what is in {number} images: they are neither") };
            let page = overview(&reader).await;
            assert!(page.words().contains(&expected), "{}", page.words());
            let section = between(&page.text, "<section id=\"refused\">", "</section>");
            assert_eq!((count(section, "#components"), section.contains("There are more")), (number.min(12), number > 12));
        }
        let page = overview(&reader).await;
        let image = link(&page.text, "bad-13</a>");
        assert_eq!(image, format!("/image?name=team/api&reference={}#components", refused[12]));
        assert_eq!(world.get(image.split('#').next().unwrap(), Some(&reader)).await.status, StatusCode::OK);
        assert!(!page.text.contains(&fine.to_string()));
        // Who may not pull them is told of none.
        assert!(!overview(&stranger).await.words().contains("Not inventoried"));
        assert!(!world.get("/", None).await.words().contains("Not inventoried"));
    }

    async fn sboms_that_are_not_compared_are_counted(database: testkit::Database) {
        let world = World::new(database).await;
        let shop = world.shop("team/shop", &["2.1"]).await;
        let reader = world.log_in("reader").await;
        for (number, more) in [(20, ""), (21, "1 more SBOM beside it is not compared here"), (22, "2 more SBOMs beside it are not compared here")] {
            for at in 1..=number {
                let text = format!("{{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.5\",\"version\":{at}}}");
                world.referrer("team/shop", &shop, "application/vnd.cyclonedx+json", &text).await;
            }
            let page = world.get(SHOP, Some(&reader)).await;
            assert_eq!(count(&page.text, "Compare with the hub"), 20);
            assert!(page.words().contains(more) && (number > 20) == page.text.contains("not compared"), "{number}: {}", page.words());
        }
    }

    async fn differences_end_at_a_number_of_rows(database: testkit::Database) {
        let world = World::new(database).await;
        let shop = world.shop("team/shop", &["2.1"]).await;
        let reader = world.log_in("reader").await;
        for (number, rows, more) in [(59, 59, ""), (60, 60, ""), (61, 60, "And 1 more")] {
            let component = |at: usize| format!("{{\"type\":\"library\",\"name\":\"other-{at}\",\"purl\":\"pkg:npm/other-{at}@1\",\"version\":\"1\"}}");
            let components: Vec<String> = (0..number).map(component).collect();
            let text = format!("{{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.5\",\"components\":[{}]}}", components.join(","));
            let manifest = world.referrer("team/shop", &shop, "application/vnd.cyclonedx+json", &text).await;
            let page = world.get(&format!("/image/sbom?name=team/shop&reference=2.1&document={manifest}"), Some(&reader)).await;
            assert_eq!(count(&page.text, "<bdi>other-"), rows, "{number}");
            assert!(page.words().contains(more));
        }
    }

    async fn a_list_is_narrowed_by_text_type_and_licence(database: testkit::Database) {
        let world = World::new(database).await;
        world.shop("team/shop", &["2.1"]).await;
        let reader = world.log_in("reader").await;
        for (query, rows, words) in [
            ("", 25, ""),
            ("&q=", 25, ""),
            ("&q=nothing-is-called-so", 0, "None of 32 with `nothing-is-called-so` in name or purl."),
            ("&q=LODASH", 1, "1 of 32 with `LODASH` in name or purl."),
            ("&q=pkg:deb/debian/lib", 4, "4 of 32 with `pkg:deb/debian/lib` in name or purl."),
            ("&type=deb", 13, "13 of 32 of type deb."),
            ("&type=none-such", 0, "None of 32 of type none-such."),
            ("&license=BSD-3-Clause", 1, "1 of 32 under BSD-3-Clause."),
            ("&license=none", 2, "2 of 32 without a licence."),
            ("&type=npm&license=MIT&q=ms", 1, "1 of 32 of type npm, under MIT, with `ms` in name or purl."),
            ("&after=30", 2, ""),
            ("&after=18446744073709551615", 0, ""),
        ] {
            let page = world.get(&format!("{SHOP}{query}"), Some(&reader)).await;
            assert_eq!(page.status, StatusCode::OK, "{query}");
            assert_eq!(count(&page.text, "href=\"/image/component?"), rows, "{query}");
            assert!(page.words().contains(words), "{query}: {}", page.words());
        }
        for (query, status) in [("&after=x", 400), ("&after=-1", 400)] {
            assert_eq!(world.get(&format!("{SHOP}{query}"), Some(&reader)).await.status, status, "{query}");
        }
        for (length, status) in [(199, 200), (200, 200), (201, 400)] {
            let page = world.get(&format!("{SHOP}&q={}", "a".repeat(length)), Some(&reader)).await;
            assert_eq!(page.status, status, "{length}");
        }
    }

    /// Every choice on the page narrows to exactly the number beside it.
    async fn every_number_leads_to_what_it_counts(database: testkit::Database) {
        let world = World::new(database).await;
        world.shop("team/shop", &["2.1"]).await;
        let reader = world.log_in("reader").await;
        let page = world.get(SHOP, Some(&reader)).await;
        let choices: Vec<&str> = page.text.split("<li><a href=\"/image?").skip(1).collect();
        assert!(choices.len() > 5);
        for choice in choices {
            let address = format!("/image?{}", choice.split('"').next().unwrap().replace("&#38;", "&"));
            let number = between(choice, "<b>", "</b>");
            let narrowed = world.get(&address, Some(&reader)).await;
            assert!(narrowed.text.contains(&format!("<bdi>{number} of 32 ")), "{address} says {number}");
        }
    }

    async fn lists_end_at_a_number_of_rows_and_go_on(database: testkit::Database) {
        let world = World::new(database).await;
        let reader = world.log_in("reader").await;
        for (number, pages) in [(24, 1), (25, 1), (26, 2), (60, 3)] {
            let tag = number.to_string();
            world.software("team/api", &[&tag], &[loose(number)]).await;
            let (mut path, mut seen, mut turned) = (format!("/image?name=team/api&reference={tag}"), 0, 0);
            loop {
                let page = world.get(&path, Some(&reader)).await;
                turned += 1;
                seen += count(&page.text, "href=\"/image/component?");
                let Some((before, _)) = page.text.split_once("\" rel=\"next\"") else { break };
                path = before.rsplit('"').next().unwrap().replace("&#38;", "&");
            }
            assert_eq!((seen, turned), (number, pages));
        }
    }

    async fn each_state_of_an_inventory_is_told_with_what_to_do(database: testkit::Database) {
        let world = World::new(database).await;
        let admin = world.log_in("admin").await;
        let refused = world.image("team/api", &["refused"], &config("amd64"), &[10]).await;
        let empty = world.software("team/api", &["empty"], &[vec![("etc/motd".to_owned(), "hello".to_owned())]]).await;
        let made = world.shop("team/api", &["made"]).await;
        world.settle(&[refused]).await;
        let elsewhere = world.shop("library/shop", &["1"]).await;
        assert_eq!(elsewhere, made);
        // After all that has jobs run: they would take this one too.
        let waiting = world.unsettled("team/api", &["waiting"], &[loose(1)]).await;
        let without_layers = world.image("team/api", &["without-layers"], &config("riscv64"), &[]).await;
        let none = world.blob("team/api", b"{}").await;
        let none = json!({"mediaType": media_type::OCI_EMPTY, "digest": none, "size": 2});
        let chart = json!({"schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "artifactType": "application/vnd.cncf.helm.config.v1+json", "config": none, "layers": [none]});
        world.manifest("team/api", &["chart"], &chart).await;
        let images = [(refused, "arm"), (empty, "s390x"), (made, "amd64"), (waiting, "arm64"), (without_layers, "riscv64")];
        world.index_of("team/api", "index", &images).await;
        world.index_of("open/tool", "index", &[(made, "amd64")]).await;
        let mut told = String::new();
        for path in ["refused", "waiting", "empty"].map(|tag| format!("/image?name=team/api&reference={tag}")) {
            let page = world.get(&path, Some(&admin)).await;
            let words = page.words();
            let _infallible = write!(told, "==== {path}\n{}\n", between(&words, "\nComponents\n", "\nLayers\n"));
        }
        for (tag, end) in [("without-layers", "\nReferrers\n"), ("chart", "\nBlobs\n")] {
            let page = world.get(&format!("/image?name=team/api&reference={tag}"), Some(&admin)).await;
            let _infallible = write!(told, "==== {tag}\n{}\n", between(&page.words(), "\nComponents\n", end));
        }
        let index = world.get("/image?name=team/api&reference=index", Some(&admin)).await;
        let _infallible = write!(told, "==== index\n{}\n", between(&index.words(), "\nPlatforms\n", "\nReferrers\n"));
        let sparse = world.get("/image?name=open/tool&reference=index", None).await;
        let _infallible = write!(told, "==== an index of an image elsewhere\n{}\n", between(&sparse.words(), "\nPlatforms\n", "\nReferrers\n"));
        settings().bind(|| insta::assert_snapshot!("states", told));
        for path in [format!("/image/dependencies?name=team/api&reference={waiting}"), format!("/image/component?name=team/api&reference={refused}&component=0")] {
            let page = world.get(&path, Some(&admin)).await;
            assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
            assert!(page.text.contains("INVENTORY_UNKNOWN"), "{path}");
        }
        let page = world.get(&format!("/image/component?name=team/api&reference={made}&component=0"), Some(&admin)).await;
        assert!(page.status == StatusCode::NOT_FOUND && page.text.contains("lists all"), "{}", page.text);
    }

    async fn a_hub_that_makes_none_says_so(database: testkit::Database) {
        let world = World::without_inventories(database).await;
        world.unsettled("team/api", &["1"], &[loose(1)]).await;
        let reader = world.log_in("reader").await;
        let page = world.get("/image?name=team/api&reference=1", Some(&reader)).await;
        assert!(page.words().contains("This hub makes no inventories"), "{}", page.words());
        assert!(page.text.contains("garrison sbom team/api:1"));
    }

    async fn a_tree_ends_at_a_number_of_lines_and_goes_on(database: testkit::Database) {
        let world = World::new(database).await;
        let reader = world.log_in("reader").await;
        // Each of the first needs one of its own.
        for (number, pages) in [(19, 1), (20, 1), (21, 2)] {
            let names: Vec<String> = (0..number).flat_map(|at| [format!("a-{at:03}"), format!("b-{at:03}")]).collect();
            let needs: Vec<Vec<&str>> = names.iter().map(|name| if name.starts_with('a') { vec![names.iter().find(|other| other[1..] == name[1..] && other.starts_with('b')).unwrap().as_str()] } else { vec![] }).collect();
            let packages: Vec<(&str, &str, &str, &[&str])> = names.iter().zip(&needs).map(|(name, needs)| (&**name, "1.0.0", "MIT", &needs[..])).collect();
            let image = world.software("team/api", &["1"], &[node_modules(&packages)]).await;
            let (mut path, mut seen, mut turned) = (format!("/image/dependencies?name=team/api&reference={image}"), 0, 0);
            loop {
                let page = world.get(&path, Some(&reader)).await;
                turned += 1;
                seen += count(&page.text, "href=\"/image/component?");
                let Some((before, _)) = page.text.split_once("\" rel=\"next\"") else { break };
                path = before.rsplit('"').next().unwrap().replace("&#38;", "&");
            }
            assert_eq!((seen, turned), (2 * number, pages));
        }
        // One that needs many.
        for (number, lines, left_out) in [(138, 139, None), (139, 140, None), (140, 140, Some("Left out on this page: 1 "))] {
            let names: Vec<String> = (0..number).map(|at| format!("p{at:03}")).collect();
            let needs: Vec<&str> = names.iter().map(String::as_str).collect();
            let mut packages: Vec<(&str, &str, &str, &[&str])> = names.iter().map(|name| (&**name, "1.0.0", "MIT", &[][..])).collect();
            packages.push(("all", "1.0.0", "MIT", &needs));
            let image = world.software("team/api", &["2"], &[node_modules(&packages)]).await;
            let page = world.get(&format!("/image/dependencies?name=team/api&reference={image}"), Some(&reader)).await;
            assert_eq!(count(&page.text, "href=\"/image/component?"), lines, "{number}");
            assert_eq!(page.text.contains("Left out"), left_out.is_some());
            assert!(page.text.contains(left_out.unwrap_or("")), "{number}");
        }
    }

    async fn a_component_is_found_in_all_images_that_the_caller_may_pull(database: testkit::Database) {
        let world = World::new(database).await;
        world.shop("team/shop", &["2.1", "2.2"]).await;
        world.shop("open/shop", &["1"]).await;
        world.software("team/other", &["1"], &[debian(&[("openssl", "1.1.1w-1", "", "")])]).await;
        world.software("library/secret", &["1"], &[node_modules(&[("only-here", "1.0.0", "MIT", &[])])]).await;
        let (reader, admin) = (world.log_in("reader").await, world.log_in("admin").await);
        let mut told = String::new();
        for query in [
            "?query=openssl", "?query=openssl&range=%3C3", "?query=open*", "?query=only-here", "?query=pkg:npm/lodash&range=%3C4.17.21",
            "?query=pkg:npm/lodash@4.17.20", "?query=lod", "?query=lo*sh", "?query=*", "?query=pkg:", "?query=pkg:npm/lodash@1&range=%3C2",
            "?query=lodash&range=%3C%3C", "?query=pkg:generic/x&range=%3C2",
        ] {
            for (who, session) in [("nobody", None), ("reader", Some(reader.as_str())), ("admin", Some(admin.as_str()))] {
                let page = world.get(&format!("/components{query}"), session).await;
                let _infallible = write!(told, "==== {who} {query} -> {}\n{}\n", page.status.as_u16(), page.words());
            }
        }
        settings().bind(|| insta::assert_snapshot!("found", told));
        // Each place leads to the component in its image, and back.
        let page = world.get("/components?query=lodash", Some(&reader)).await;
        let component = world.get(&link(&page.text, "<bdi>lodash</bdi></a></td>"), Some(&reader)).await;
        assert!(component.words().contains("A component of type npm in team/shop."), "{}", component.words());
        assert!(component.text.contains("href=\"/components?query=pkg%3Anpm%2Flodash\""));
    }

    async fn places_end_at_a_number_of_rows_and_go_on(database: testkit::Database) {
        let world = World::new(database).await;
        let reader = world.log_in("reader").await;
        let mut pushed = 0;
        // The longest name there is: its cursor is longer than other parameters may be.
        let name = format!("team/{}", "n".repeat(240));
        for (number, pages) in [(29, 1), (30, 1), (31, 2)] {
            let mut images = Vec::new();
            while pushed < number {
                let files = vec![package_json("app/node_modules/found", ("found", &format!("1.0.{pushed}"), "MIT", &[]))];
                images.push(world.unsettled(&name, &[&format!("v{pushed}")], &[files]).await);
                pushed += 1;
            }
            world.settle(&images).await;
            let (mut path, mut seen, mut turned) = ("/components?query=found".to_owned(), 0, 0);
            loop {
                let page = world.get(&path, Some(&reader)).await;
                assert_eq!(page.status, StatusCode::OK, "{}", page.text);
                turned += 1;
                seen += count(&page.text, "href=\"/image/component?");
                let Some((before, _)) = page.text.split_once("\" rel=\"next\"") else { break };
                path = before.rsplit('"').next().unwrap().replace("&#38;", "&");
            }
            assert_eq!((seen, turned), (number, pages));
        }
    }

    async fn what_is_told_of_an_image_ends_at_a_number(database: testkit::Database) {
        let world = World::new(database).await;
        let reader = world.log_in("reader").await;
        for (number, choices, more) in [(13, 13, ""), (14, 14, ""), (15, 14, "and 1 more")] {
            let licenses: Vec<String> = (0..number).map(|at| format!("Our licence {at}")).collect();
            let names: Vec<String> = (0..number).map(|at| format!("p{at}")).collect();
            let packages: Vec<(&str, &str, &str, &[&str])> =
                names.iter().zip(&licenses).map(|(name, license)| (&**name, "1.0.0", &**license, &[][..])).collect();
            world.software("team/api", &["1"], &[node_modules(&packages)]).await;
            let page = world.get("/image?name=team/api&reference=1", Some(&reader)).await;
            assert_eq!(count(&page.text, "<bdi>Our licence ") - number, choices, "{number}");
            assert!(page.text.contains(more));
            assert_eq!(page.text.contains("and 1 more"), !more.is_empty());
        }
        for (number, rows, more) in [(11, 11, ""), (12, 12, ""), (13, 12, "1 more are in the documents")] {
            let damaged = (0..number).map(|at| (format!("opt/{at:02}.jar"), "PK\u{3}\u{4}".repeat(20))).collect();
            world.software("team/api", &["2"], &[damaged]).await;
            let page = world.get("/image?name=team/api&reference=2", Some(&reader)).await;
            assert!(page.text.contains(&format!("<summary>{number} things could not be named or read")), "{}", page.text);
            assert_eq!(count(&page.text, "<code><bdi>/opt/"), rows, "{number}");
            assert!(page.text.contains(more));
        }
    }

    async fn what_is_told_of_a_component_ends_at_a_number(database: testkit::Database) {
        let world = World::new(database).await;
        let reader = world.log_in("reader").await;
        let leaf = |number: usize, packages: Vec<(String, Vec<String>)>| {
            let (world, reader) = (&world, &reader);
            async move {
                let files = packages.iter().map(|(name, needs)| {
                    let needs: Vec<&str> = needs.iter().map(String::as_str).collect();
                    package_json(&format!("app/node_modules/{name}"), (name, "1.0.0", "MIT", &needs))
                });
                world.software("team/api", &["1"], &[files.collect()]).await;
                let page = world.get("/image?name=team/api&reference=1&q=leaf", Some(reader)).await;
                let page = world.get(&link(&page.text, "<bdi>leaf</bdi>"), Some(reader)).await;
                assert_eq!(page.status, StatusCode::OK, "{number}");
                page.text
            }
        };
        let names = |number: usize| (0..number).map(|at| format!("p{at:03}"));
        let section = |text: &str, id: &str| between(text, &format!("<section id=\"{id}\">"), "</section>").to_owned();
        for (number, rows, ways, more) in [(19, 19, 5, ""), (20, 20, 5, ""), (21, 20, 5, "And by 1 more."), (5, 5, 5, ""), (4, 4, 4, "")] {
            let needing = names(number).map(|name| (name, vec!["leaf".to_owned()])).chain([("leaf".to_owned(), vec![])]);
            let text = leaf(number, needing.collect()).await;
            assert_eq!(count(&section(&text, "needed-by"), "href="), rows, "{number}");
            assert!(section(&text, "needed-by").contains(more));
            assert_eq!(count(&section(&text, "ways"), "<ol "), ways, "{number}");
            assert_eq!(section(&text, "ways").contains("more a way leads here"), number > 5);
        }
        for (number, steps, gap) in [(7, 7, ""), (8, 8, ""), (9, 8, "<li class=\"quiet\">1 step</li>"), (20, 8, "12 steps")] {
            let chain = names(number - 1).enumerate().map(|(at, name)| {
                let next = if at + 2 == number { "leaf".to_owned() } else { format!("p{:03}", at + 1) };
                (name, vec![next])
            });
            let text = leaf(number, chain.chain([("leaf".to_owned(), vec![])]).collect()).await;
            let ways = section(&text, "ways");
            assert_eq!(count(&ways, "<bdi class=\"version\">"), steps, "{ways}");
            assert!(ways.contains(gap), "{ways}");
        }
        for (number, lines, more) in [(58, 59, ""), (59, 60, ""), (60, 60, "Left out: 1 lines")] {
            let needed = names(number).map(|name| (name, vec![])).chain([("leaf".to_owned(), names(number).collect())]);
            let text = leaf(number, needed.collect()).await;
            assert_eq!(count(&section(&text, "needs"), "href="), lines, "{number}");
            assert!(text.contains(more), "{text}");
        }
        for (number, rows, more) in [(19, 19, ""), (20, 20, ""), (21, 20, "1 more places")] {
            let copies = (0..number).map(|at| package_json(&format!("app/{at}/node_modules/leaf"), ("leaf", "1.0.0", "MIT", &[])));
            world.software("team/api", &["2"], &[copies.collect()]).await;
            let page = world.get("/image?name=team/api&reference=2", Some(&reader)).await;
            let page = world.get(&link(&page.text, "<bdi>leaf</bdi>"), Some(&reader)).await;
            assert_eq!(count(&section(&page.text, "places"), "<code>"), rows, "{number}");
            assert!(page.text.contains(more));
        }
    }

    /// Without JavaScript a form is a plain request, and keeps what the page was narrowed to.
    async fn forms_work_by_themselves(database: testkit::Database) {
        let world = World::new(database).await;
        world.shop("team/shop", &["2.1"]).await;
        let reader = world.log_in("reader").await;
        let page = world.get(&format!("{SHOP}&type=npm&license=MIT"), Some(&reader)).await;
        let form = between(&page.text, "<form class=\"filter\"", "</form>");
        let action = between(form, "action=\"", "\"");
        let value = |field: &str| between(between(form, &format!("name=\"{field}\""), ">"), "value=\"", "\"").to_owned();
        let fields = ["name", "reference", "type", "license"].map(|field| format!("{field}={}", value(field))).join("&");
        assert_eq!((action, fields.as_str()), ("/image#components", "name=team/shop&reference=2.1&type=npm&license=MIT"));
        let answer = world.get(&format!("/image?{fields}&q=es-"), Some(&reader)).await;
        assert_eq!(count(&answer.text, "href=\"/image/component?"), 2, "{}", answer.words());
        let page = world.get("/components?query=openssl", Some(&reader)).await;
        let form = between(&page.text, "<form class=\"filter\"", "</form>");
        assert!(form.contains("action=\"/components\"") && form.contains("value=\"openssl\"") && form.contains("<button>"));
        let search = world.get("/search?q=openssl", Some(&reader)).await;
        assert_eq!(link(&search.text, "All images that hold"), "/components?query=openssl");
        assert!(search.text.contains("<td>component</td>") && !search.words().contains("Nothing"), "{}", search.words());
        let nothing = world.get("/search?q=openss", Some(&reader)).await;
        assert!(nothing.words().contains("Nothing that you may see matches openss ."), "{}", nothing.words());
        // Nobody knows of it: that is no answer, and no "no" either.
        let unheard_of = world.get("/search?q=CVE-2021-99999", Some(&reader)).await;
        let told = "Not known: this hub has no advisories, so that nothing says which images have it.";
        assert!(unheard_of.words().contains(told), "{}", unheard_of.words());
    }
}
