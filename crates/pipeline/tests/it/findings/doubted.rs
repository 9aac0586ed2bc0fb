//! Where a vulnerability may be, of which nobody knows, and whether anyone could.

use pipeline::{Query, Readable, Recorded, Tagged};
use testkit::Database;
use vulndb::Level;

use super::{Known, Says, says};
use crate::support::Hub;

impl Hub {
    /// Tells of how many images nobody knows whether they have a vulnerability, `+` where there may be more, and the first of them.
    async fn doubted(&self, vulnerability: &str, (readable, tagged): (&Readable, Tagged)) -> (String, Vec<String>) {
        let query = Query::parse(vulnerability, None).unwrap();
        let page = self.pipeline.find(&query, (readable, tagged), None, 1).await.unwrap();
        if let Some(next) = page.next {
            let other = self.pipeline.find(&query, (readable, tagged), Some(&next), 1).await.unwrap();
            assert_eq!(other.not_known, None, "{vulnerability}");
        }
        let Some(doubted) = page.not_known else { return ("0".to_owned(), Vec::new()) };
        let row = |found: &pipeline::Found| {
            assert_eq!((found.in_range, &found.finding), (None, &None), "{vulnerability}");
            let tags: Vec<&str> = found.tags.iter().map(oci::Tag::as_str).collect();
            format!(
                "{} {} in {}:{} at {}",
                found.name,
                found.version,
                found.repository,
                tags.join(","),
                found.places.len()
            )
        };
        let more = if doubted.more { "+" } else { "" };
        (format!("{}{more}", doubted.images), doubted.items.iter().map(row).collect())
    }
}

testkit::on_both_databases! {
    async fn where_a_vulnerability_may_be_is_told_beside_where_it_is(database: Database) {
        let hub = Hub::open(database).await;
        let asks = |text| ("app/requirements.txt", text);
        hub.image("team/api", "1", &[&[asks("django==3.2\n")]]).await;
        hub.image("team/api", "2", &[&[asks("django>=2\n")]]).await;
        hub.image("team/api", "3", &[&[asks("django==4.0\n")]]).await;
        hub.image("team/api", "4", &[&[asks("jinja2\n")]]).await;
        hub.image("team/web", "1", &[&[asks("django==3.1\ndjango-extensions\n")]]).await;
        hub.image("other/job", "1", &[&[asks("django>=2\njinja2\n")]]).await;
        let lodash = ("app/node_modules/lodash/package.json", r#"{"name": "lodash", "version": "4.17"}"#);
        hub.image("other/job", "2", &[&[lodash]]).await;
        hub.settle().await;
        let all = (&Readable::All, Tagged::Any);
        // Without a database of advisories nothing is known of what it might say.
        assert_eq!(hub.doubted("CVE-2023-0001", all).await, ("0".to_owned(), Vec::new()));
        hub.advise(&Known::of(&[
            says("CVE-2023-0001", "pypi/django", "3.3", Level::High),
            says("CVE-2023-0002", "pypi/jinja2", "3", Level::High),
            says("CVE-2023-0003", "pypi/jinja2", "2", Level::High).denied(),
            Says { withdrawn: true, ..says("CVE-2023-0004", "pypi/jinja2", "3", Level::High) },
            Says { below: None, ..says("CVE-2023-0005", "pypi/jinja2", "", Level::High) },
            says("CVE-2023-0006", "jinja2", "3", Level::High),
            says("CVE-2023-0007", "npm/lodash", "4.17.21", Level::High),
        ]))
        .await;
        assert_eq!(hub.affected("CVE-2023-0001", &Readable::All).await.len(), 2);
        let everywhere = ["django  in other/job:1 at 1", "django  in team/api:2 at 1"];
        let (images, told) = hub.doubted("CVE-2023-0001", all).await;
        assert_eq!((images.as_str(), told), ("2", everywhere.map(str::to_owned).to_vec()));
        // A version that has no place in the order is one of which nobody knows.
        let (images, told) = hub.doubted("CVE-2023-0007", all).await;
        assert_eq!((images.as_str(), told), ("1", vec!["lodash 4.17 in other/job:2 at 1".to_owned()]));
        // Nobody learns of what they may not read.
        let (images, told) = hub.doubted("CVE-2023-0001", (&hub.only(&["team/api", "team/web"]).await, Tagged::Any)).await;
        assert_eq!((images.as_str(), told), ("1", vec![everywhere[1].to_owned()]));
        for repositories in [&["team/web"][..], &[]] {
            let (images, _) = hub.doubted("CVE-2023-0001", (&hub.only(repositories).await, Tagged::Any)).await;
            assert_eq!(images, "0", "{repositories:?}");
        }
        // Also where nothing is known to have it; not where all versions are meant, or none.
        for (vulnerability, expected) in [
            ("CVE-2023-0002", "2"), ("CVE-2023-0003", "0"), ("CVE-2023-0004", "0"), ("CVE-2023-0005", "0"), ("CVE-2023-0006", "0"),
            ("CVE-2023-9999", "0"),
        ] {
            assert_eq!(hub.doubted(vulnerability, all).await.0, expected, "{vulnerability}");
        }
        hub.untag("team/api", "2").await.unwrap();
        hub.settle().await;
        for (tagged, expected) in [(Tagged::Any, "2"), (Tagged::Yes, "1"), (Tagged::No, "1")] {
            assert_eq!(hub.doubted("CVE-2023-0001", (&Readable::All, tagged)).await.0, expected, "{tagged:?}");
        }
        // What another database says counts at once.
        hub.advise(&Known::of(&[says("CVE-2023-0001", "pypi/jinja2", "3", Level::High)])).await;
        let (images, told) = hub.doubted("CVE-2023-0001", all).await;
        assert_eq!((images.as_str(), told.first().map(String::as_str)), ("2", Some("jinja2  in other/job:1 at 1")));
    }

    async fn where_a_vulnerability_may_be_is_looked_for_within_limits(database: Database) {
        let hub = Hub::open(database).await;
        let asked: String = std::iter::once("django>=2\n".to_owned()).chain((0..64).map(|other| format!("other-{other}\n"))).collect();
        for repository in ["team/a", "team/b", "team/c", "team/d"] {
            hub.image(repository, "1", &[&[("app/requirements.txt", &asked)]]).await;
        }
        hub.settle().await;
        // 64 packages in four images are 256 places.
        for (others, expected) in [(62, "4"), (63, "4"), (64, "4+")] {
            hub.advise(&Known::of(&[says("CVE-2023-0001", "pypi/django", "3.3", Level::High).and_others(others)])).await;
            let (images, told) = hub.doubted("CVE-2023-0001", (&Readable::All, Tagged::Any)).await;
            assert_eq!((images.as_str(), told.len()), (expected, 20), "{others}");
        }
        hub.advise(&Known::of(&[says("CVE-2023-0001", "pypi/django", "3.3", Level::High).and_others(63)])).await;
        hub.image("team/e", "1", &[&[("app/requirements.txt", &asked)]]).await;
        hub.settle().await;
        let (images, _) = hub.doubted("CVE-2023-0001", (&Readable::All, Tagged::Any)).await;
        assert!(images.ends_with('+'), "{images}");
    }

    async fn what_others_hold_hides_nothing_of_where_a_vulnerability_may_be(database: Database) {
        let hub = Hub::open(database).await;
        let versions: Vec<(String, String)> = (0..300)
            .map(|of| (format!("app/{of}/node_modules/lodash/package.json"), format!(r#"{{"name":"lodash","version":"4.{of}"}}"#)))
            .collect();
        let flood: Vec<(&str, &str)> = versions.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        hub.image("other/flood", "1", &[&flood]).await;
        hub.settle().await;
        hub.image("team/api", "1", &[&[("app/node_modules/lodash/package.json", r#"{"name":"lodash","version":"5.0"}"#)]]).await;
        hub.settle().await;
        hub.advise(&Known::of(&[says("CVE-2023-0001", "npm/lodash", "9.0.0", Level::High)])).await;
        let team = hub.only(&["team/api"]).await;
        let (images, told) = hub.doubted("CVE-2023-0001", (&team, Tagged::Any)).await;
        assert_eq!((images.as_str(), told), ("1", vec!["lodash 5.0 in team/api:1 at 1".to_owned()]));
        let (images, told) = hub.doubted("CVE-2023-0001", (&Readable::All, Tagged::Any)).await;
        assert_eq!((images.as_str(), told.len()), ("1+", 20));
    }

    async fn it_is_told_whether_any_advisory_speaks_of_a_vulnerability(database: Database) {
        let hub = Hub::open(database).await;
        hub.push("team/api", "1", &[("openssl", "1")]).await;
        hub.settle().await;
        let recorded = async |pattern: &str| {
            let query = Query::parse(pattern, None).unwrap();
            let page = hub.pipeline.find(&query, (&Readable::All, Tagged::Any), None, 10).await.unwrap();
            (page.items.len(), page.recorded)
        };
        assert_eq!(recorded("CVE-2024-0001").await, (0, Some(Recorded::NoDatabase)));
        let one = says("CVE-2024-0001", "openssl", "2", Level::Low);
        let fixed = says("CVE-2024-0002", "openssl", "1", Level::Low);
        hub.advise(&Known::of(&[one, fixed])).await;
        assert_eq!(recorded("CVE-2024-0001").await, (1, Some(Recorded::Present)));
        assert_eq!(recorded("cve-2024-0002").await, (0, Some(Recorded::Present)));
        assert_eq!(recorded("CVE-2024-0003").await, (0, Some(Recorded::Absent)));
        assert_eq!(recorded("openssl").await, (1, None));
        // It is scored and known to be exploited, and nobody says what it is in.
        let scored = Known {
            says: vec![fixed],
            probabilities: vec![("CVE-2024-0003", 0.4)],
            exploited: vec!["CVE-2024-0003"],
        };
        hub.advise(&scored).await;
        assert_eq!(recorded("CVE-2024-0003").await, (0, Some(Recorded::Absent)));
    }
}
