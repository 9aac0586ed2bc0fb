//! Since when what images have is known of them: nobody is told since when images of others have it.

use pipeline::{Filter, Order, Query, Readable, Tagged};
use testkit::Database;
use vulndb::Level;

use super::{Known, says};
use crate::support::{Hub, name, query, run, sha256};

const HOUR_US: i64 = 3_600_000_000;

/// As in the pipeline: with more, not all that they hold is read at once.
const IMAGES_READ_MAX: i64 = 256;

db::statements! {
    INSERT_EMPTY_IMAGE = "INSERT INTO inventory_images (digest, state, engine, components, made_at_us) VALUES ($1, 1, 'test', 0, 0) \
        ON CONFLICT (digest) DO NOTHING";
    PLACE_EMPTY_IMAGES = "INSERT INTO inventory_placements (repository_id, image_id) SELECT $1, id FROM inventory_images WHERE engine = 'test'";
    FORGET_PLACED_AT = "UPDATE inventory_placements SET placed_at_us = 0";
    PLACE_AT = "UPDATE inventory_placements SET placed_at_us = $2 WHERE repository_id = $1";
    LIST_PLACED_AT = "SELECT placed_at_us FROM inventory_placements ORDER BY placed_at_us";
}

impl Hub {
    /// Tells since when images have a vulnerability, in hours since a time: each image that is found, then the list.
    async fn since(&self, vulnerability: &str, readable: &Readable, origin_us: i64) -> (Vec<String>, Option<i64>) {
        let asked = Query::parse(vulnerability, None).unwrap();
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = self.pipeline.find(&asked, (readable, Tagged::Any), after.as_deref(), 1).await.unwrap();
            for one in page.items {
                let hours = (one.finding.unwrap().since_us - origin_us) / HOUR_US;
                found.push(format!("{}:{} {hours}", one.repository, one.tags[0]));
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        found.sort();
        let listed = self.listed_by_age(readable, 1).await.into_iter().find(|(name, _)| name == vulnerability);
        (found, listed.map(|(_, since_us)| (since_us - origin_us) / HOUR_US))
    }

    /// Lists vulnerabilities with since when they are known, the newest first, by pages; no cursor has what is not told.
    async fn listed_by_age(&self, readable: &Readable, limit: usize) -> Vec<(String, i64)> {
        let filter = Filter { tagged: Tagged::Any, ..Filter::default() };
        let (mut listed, mut after) = (Vec::new(), None);
        loop {
            let listing = self.pipeline.list_vulnerabilities(filter, Order::Age, readable, after.as_deref(), limit);
            let page = listing.await.unwrap();
            listed.extend(page.items.into_iter().map(|one| (one.name, one.since_us)));
            after = page.next;
            let Some(cursor) = &after else { return listed };
            let cursor: serde_json::Value = serde_json::from_slice(&hex::decode(cursor).unwrap()).unwrap();
            let key = cursor.get("key").map(|key| key.as_i64().unwrap());
            assert!(key.is_none_or(|key| key == listed.last().unwrap().1), "{cursor}");
        }
    }

    /// Names the vulnerabilities that are known since a time or later, and before another, in the order of their names.
    async fn names_between(&self, readable: &Readable, order: Order, known: [Option<i64>; 2]) -> String {
        let [known_from_us, known_before_us] = known;
        let filter = Filter { tagged: Tagged::Any, known_from_us, known_before_us, ..Filter::default() };
        let (mut names, mut after) = (Vec::new(), None);
        loop {
            let page = self.pipeline.list_vulnerabilities(filter, order, readable, after.as_deref(), 1).await.unwrap();
            names.extend(page.items.into_iter().map(|one| one.name));
            after = page.next;
            if after.is_none() {
                names.sort();
                return names.join(" ");
            }
        }
    }

    async fn names_by_age(&self, readable: &Readable, limit: usize) -> String {
        let listed = self.listed_by_age(readable, limit).await;
        listed.into_iter().map(|(name, _)| name).collect::<Vec<_>>().join(" ")
    }

    /// Opens a hub to which two teams push the same packages, one an hour, in opposite orders; returns the time before the first of them.
    async fn with_two_teams(database: Database) -> (Self, i64) {
        let hub = Self::open(database).await;
        let says = |id, package| says(id, package, "2", Level::High);
        hub.advise(&Known::of(&[says("CVE-2024-0001", "a"), says("CVE-2024-0002", "b"), says("CVE-2024-0003", "c")]))
            .await;
        hub.wait(10 * HOUR_US);
        let origin_us = hub.now_us();
        for (repository, packages) in [("team/api", ["a", "b", "c"]), ("other/job", ["c", "b", "a"])] {
            for package in packages {
                hub.wait(HOUR_US);
                hub.push(repository, package, &[(package, "1")]).await;
                hub.settle().await;
            }
        }
        (hub, origin_us)
    }

    /// Puts so many images into a repository that not all that they hold is read at once.
    async fn fill(&self, repository: &str) {
        let id = self.registry.repository_id(&name(repository)).await.unwrap().number();
        for image in 0..=IMAGES_READ_MAX {
            let digest = sha256(&image.to_le_bytes());
            run(&self.index, &INSERT_EMPTY_IMAGE, vec![digest.to_bytes().into()]).await;
        }
        run(&self.index, &PLACE_EMPTY_IMAGES, vec![id.into()]).await;
    }
}

testkit::on_both_databases! {
    async fn nobody_is_told_since_when_images_of_others_have_something(database: Database) {
        let hub = Hub::open(database).await;
        hub.advise(&Known::of(&[says("CVE-2024-0001", "openssl", "2", Level::High)])).await;
        // From here on, the hub's clock is ahead of the database's: images come when the advisories are there.
        hub.wait(10 * HOUR_US);
        let origin_us = hub.now_us();
        let same = hub.push("team/api", "1", &[("openssl", "1")]).await;
        hub.settle().await;
        hub.wait(HOUR_US);
        assert_eq!(hub.push("other/job", "1", &[("openssl", "1")]).await, same);
        hub.settle().await;
        hub.wait(HOUR_US);
        hub.push("teamwork/web", "1", &[("openssl", "1"), ("zlib1g", "1")]).await;
        hub.settle().await;
        // Another push of the same is no news, nor is another tag.
        hub.wait(HOUR_US);
        for repository in ["team/api", "other/job", "teamwork/web"] {
            let packages: &[_] = if repository == "teamwork/web" { &[("openssl", "1"), ("zlib1g", "1")] } else { &[("openssl", "1")] };
            hub.push(repository, "1", packages).await;
        }
        hub.settle().await;
        let (team, other) = (hub.only(&["team/api"]).await, hub.only(&["other/job"]).await);
        let work = hub.only(&["teamwork/web"]).await;
        let told = async |readable: &Readable| hub.since("CVE-2024-0001", readable, origin_us).await;
        let one = |text: &str, hours: i64| (vec![format!("{text}:1 {hours}")], Some(hours));
        assert_eq!(told(&team).await, one("team/api", 0));
        assert_eq!(told(&other).await, one("other/job", 1));
        assert_eq!(told(&work).await, one("teamwork/web", 2));
        let all = ["other/job:1 1", "team/api:1 0", "teamwork/web:1 2"].map(str::to_owned).to_vec();
        assert_eq!(told(&Readable::All).await, (all, Some(0)));
        // To the microsecond: by a moment in between, the first could be told from the others.
        assert_eq!(hub.listed_by_age(&team, 10).await[0].1, origin_us);
        assert_eq!(hub.listed_by_age(&other, 10).await[0].1, origin_us + HOUR_US);
        // Nor when their inventory was made.
        for (repository, hours) in [("team/api", 0), ("other/job", 1)] {
            let record = hub.pipeline.find_image_in(&name(repository), same).await.unwrap().unwrap();
            assert_eq!(record.made_at_us, origin_us + hours * HOUR_US, "{repository}");
        }
        // Of many images, too.
        for repository in ["other/job", "teamwork/web"] {
            hub.fill(repository).await;
        }
        assert_eq!(told(&other).await, one("other/job", 1));
        assert_eq!(told(&work).await, one("teamwork/web", 2));
        // What is deleted and comes again is new.
        hub.registry.delete_manifest(&name("other/job"), &same, "user:ann").await.unwrap();
        hub.settle().await;
        hub.push("other/job", "1", &[("openssl", "1")]).await;
        hub.settle().await;
        assert_eq!(told(&other).await, one("other/job", 3));
    }

    async fn an_advisory_that_comes_later_is_known_since_then_of_all(database: Database) {
        let hub = Hub::open(database).await;
        hub.push("team/api", "1", &[("openssl", "1")]).await;
        hub.push("other/job", "1", &[("openssl", "1"), ("zlib1g", "1")]).await;
        hub.settle().await;
        hub.advise(&Known::of(&[says("CVE-2024-0001", "openssl", "2", Level::High)])).await;
        let mut told = Vec::new();
        for readable in [hub.only(&["team/api"]).await, hub.only(&["other/job"]).await, Readable::All] {
            told.extend(hub.listed_by_age(&readable, 1).await);
        }
        assert_eq!(told.len(), 3);
        assert!(told.iter().all(|one| *one == told[0] && one.1 > hub.now_us()), "{told:?}");
    }

    async fn the_newest_first_is_by_the_callers_images(database: Database) {
        let (hub, _) = Hub::with_two_teams(database).await;
        let (team, other) = (hub.only(&["team/api"]).await, hub.only(&["other/job"]).await);
        let (hubs, others) = ("CVE-2024-0003 CVE-2024-0002 CVE-2024-0001", "CVE-2024-0001 CVE-2024-0002 CVE-2024-0003");
        for limit in [1, 2, 10] {
            assert_eq!(hub.names_by_age(&Readable::All, limit).await, hubs, "{limit}");
            assert_eq!(hub.names_by_age(&team, limit).await, hubs, "{limit}");
            assert_eq!(hub.names_by_age(&other, limit).await, others, "{limit}");
        }
        // Among very many images it is by all of the hub, whose times are in no cursor.
        hub.fill("other/job").await;
        for limit in [1, 2, 10] {
            assert_eq!(hub.names_by_age(&other, limit).await, hubs, "{limit}");
        }
    }

    async fn what_is_listed_is_known_since_a_time_of_the_callers_images(database: Database) {
        let (hub, origin_us) = Hub::with_two_teams(database).await;
        let (team, other) = (hub.only(&["team/api"]).await, hub.only(&["other/job"]).await);
        let [one, two, three] = ["CVE-2024-0001", "CVE-2024-0002", "CVE-2024-0003"];
        let none = String::new();
        for is_many in [false, true] {
            if is_many {
                hub.fill("other/job").await;
                hub.fill("team/api").await;
            }
            for order in [Order::Worst, Order::Probability, Order::Age] {
                let names = async |readable: &Readable, from: Option<i64>, before: Option<i64>| {
                    let at = |hours: Option<i64>| hours.map(|hours| origin_us + hours * HOUR_US);
                    hub.names_between(readable, order, [at(from), at(before)]).await
                };
                for readable in [&Readable::All, &team] {
                    assert_eq!(names(readable, Some(1), None).await, format!("{one} {two} {three}"));
                    assert_eq!(names(readable, Some(2), None).await, format!("{two} {three}"));
                    assert_eq!(names(readable, None, Some(2)).await, one);
                    assert_eq!(names(readable, Some(2), Some(3)).await, two);
                    assert_eq!(names(readable, Some(4), None).await, none);
                }
                // The hub knows of them since other times, which are not the caller's to know.
                assert_eq!(names(&other, Some(4), None).await, format!("{one} {two} {three}"));
                assert_eq!(names(&other, None, Some(4)).await, none);
                assert_eq!(names(&other, Some(5), None).await, format!("{one} {two}"));
                assert_eq!(names(&other, Some(5), Some(6)).await, two);
                assert_eq!(names(&other, None, Some(5)).await, three);
                assert_eq!(names(&other, Some(7), None).await, none);
                let page = hub.pipeline.list_vulnerabilities(Filter::default(), order, &other, None, 1).await.unwrap();
                assert_eq!(page.is_hubs_order, is_many && order == Order::Age);
            }
        }
    }

    async fn what_changed_before_an_image_came_is_not_told_of_it(database: Database) {
        let hub = Hub::open(database).await;
        hub.push("team/api", "1", &[("openssl", "1")]).await;
        hub.push("other/job", "1", &[("openssl", "1")]).await;
        hub.settle().await;
        let says = |below| Known::of(&[says("CVE-2024-0001", "openssl", below, Level::High)]);
        hub.advise(&says("0.9")).await;
        hub.advise(&says("2")).await;
        let events = hub.pipeline.list_events(&Readable::All, None, 10).await.unwrap().items;
        assert_eq!(events.len(), 1);
        let repository = hub.registry.repository_id(&name("other/job")).await.unwrap();
        let other = hub.only(&["other/job"]).await;
        for is_many in [false, true] {
            if is_many {
                hub.fill("other/job").await;
            }
            for (placed_at_us, expected) in [(events[0].at_us - 1, 1), (events[0].at_us, 1), (events[0].at_us + 1, 0)] {
                run(&hub.index, &PLACE_AT, vec![repository.number().into(), placed_at_us.into()]).await;
                let told = hub.pipeline.list_events(&other, None, 10).await.unwrap().items;
                assert_eq!(told.len(), expected, "{placed_at_us} {is_many}");
            }
        }
    }

    async fn what_an_earlier_version_placed_is_dated_by_itself(database: Database) {
        let hub = Hub::open(database).await;
        hub.advise(&Known::of(&[says("CVE-2024-0001", "openssl", "2", Level::High)])).await;
        hub.wait(10 * HOUR_US);
        let origin_us = hub.now_us();
        for repository in ["team/api", "other/job"] {
            hub.push(repository, "1", &[("openssl", "1")]).await;
            hub.settle().await;
            hub.wait(HOUR_US);
        }
        run(&hub.index, &FORGET_PLACED_AT, Vec::new()).await;
        let other = hub.only(&["other/job"]).await;
        assert_eq!(hub.since("CVE-2024-0001", &other, origin_us).await.0, ["other/job:1 1"]);
        hub.pipeline.order_renewal().await.unwrap();
        hub.settle().await;
        assert_eq!(hub.since("CVE-2024-0001", &other, origin_us).await, (vec!["other/job:1 1".to_owned()], Some(1)));
        let rows = query(&hub.index, &LIST_PLACED_AT, Vec::new()).await;
        let placed: Vec<i64> = rows.iter().map(|row| row.get(0).unwrap()).collect();
        assert_eq!(placed, [origin_us, origin_us + HOUR_US]);
    }
}
