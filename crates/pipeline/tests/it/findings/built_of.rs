//! What a distribution built of the source package that is looked for.

use pipeline::{Query, Readable, Tagged};
use testkit::Database;

use super::Known;
use crate::support::{DEBIAN, Hub, STATUS};

fn built(packages: &[(&str, &str)]) -> String {
    let entry = |(name, source): &(&str, &str)| {
        format!(
            "Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nSource: {source}\nVersion: 3.0.11-1\nMaintainer: A <a@b>\n\n"
        )
    };
    packages.iter().map(entry).collect()
}

testkit::on_both_databases! {
    async fn what_is_built_of_a_source_is_told_beside_what_has_its_name(database: Database) {
        let hub = Hub::open(database).await;
        for (repository, tag, packages) in [
            ("team/api", "1", &[("libssl3", "openssl")][..]),
            ("team/api", "2", &[("libssl3", "openssl"), ("openssl", "openssl")]),
            ("team/web", "1", &[("libssl-dev", "openssl"), ("zlib1g", "zlib")]),
            ("other/job", "1", &[("libssl3", "openssl (3.0.11-0)"), ("tar", "tar")]),
        ] {
            hub.image(repository, tag, &[&[DEBIAN], &[(STATUS, &built(packages))]]).await;
        }
        hub.settle().await;
        let told = async |pattern: &str, readable: &Readable, tagged| {
            let query = Query::parse(pattern, None).unwrap();
            let page = hub.pipeline.find(&query, (readable, tagged), None, 1).await.unwrap();
            if let Some(next) = page.next {
                let other = hub.pipeline.find(&query, (readable, tagged), Some(&next), 1).await.unwrap();
                assert_eq!(other.built_of, None, "{pattern}");
            }
            page.built_of.map(|built| format!("{} in {}{}", built.names.join(", "), built.images, if built.more { "+" } else { "" }))
        };
        // What a package is built of is known once it is matched.
        assert_eq!(told("openssl", &Readable::All, Tagged::Any).await, None);
        hub.advise(&Known::of(&[])).await;
        let (team, other) = (hub.only(&["team/api", "team/web"]).await, hub.only(&["other/job"]).await);
        for (pattern, readable, expected) in [
            ("openssl", &Readable::All, Some("libssl-dev, libssl3 in 4")),
            ("OpenSSL", &Readable::All, Some("libssl-dev, libssl3 in 4")),
            ("openssl", &team, Some("libssl-dev, libssl3 in 3")),
            ("openssl", &other, Some("libssl3 in 1")),
            ("zlib", &team, Some("zlib1g in 1")),
            ("zlib", &other, None),
            ("tar", &other, None),
            ("zlib1g", &Readable::All, None),
            ("openss*", &Readable::All, None),
            ("pkg:deb/debian/openssl", &Readable::All, None),
        ] {
            assert_eq!(told(pattern, readable, Tagged::Any).await.as_deref(), expected, "{pattern} {readable:?}");
        }
        assert_eq!(told("openssl", &Readable::All, Tagged::No).await, None);
    }
}
