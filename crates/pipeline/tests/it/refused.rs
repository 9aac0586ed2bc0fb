use std::collections::BTreeSet;

use pipeline::{Query, Readable, Tagged, Why};
use testkit::Database;

use crate::support::{DEBIAN, Hub, name, run, sha256};

db::statements! {
    FAIL_JOBS = "UPDATE jobs SET state = 'failed' WHERE kind = 'inventory' AND state = 'pending'";
    INSERT_IMAGE = "INSERT INTO inventory_images (digest, state, engine, reason, components, made_at_us) VALUES ($1, 2, 'test', 'it is bad', 0, 0)";
    INSERT_PLACEMENTS = "INSERT INTO inventory_placements (repository_id, image_id) \
        SELECT $1, id FROM inventory_images WHERE engine = 'test' AND digest = $2";
}

impl Hub {
    async fn refused(&self, readable: &Readable) -> Vec<String> {
        let refused = self.pipeline.refused(readable).await.unwrap();
        assert!(!refused.is_cut);
        let mut told: Vec<String> = Vec::new();
        for image in refused.images {
            let tags: Vec<&str> = image.tags.iter().map(oci::Tag::as_str).collect();
            assert!(image.reason.contains("is refused") && image.refused_at_us > Some(0), "{image:?}");
            told.push(format!("{}:{}", image.repository, tags.join(",")));
        }
        told.sort_unstable();
        told
    }

    async fn not_looked_into(&self, pattern: &str, images: (&Readable, Tagged)) -> Option<u64> {
        let query = Query::parse(pattern, None).unwrap();
        let page = self.pipeline.find(&query, images, None, 10).await.unwrap();
        page.not_looked_into.map(|refused| {
            assert!(!refused.more);
            refused.images
        })
    }
}

testkit::on_both_databases! {
    async fn images_that_could_not_be_inventoried_are_told_to_who_may_read_them(database: Database) {
        let hub = Hub::open(database).await;
        let only = async |repositories: &[&str]| {
            let mut ids = BTreeSet::new();
            for repository in repositories {
                ids.insert(hub.registry.repository_id(&name(repository)).await.unwrap());
            }
            Readable::Repositories(ids)
        };
        let bad = |text: &str| vec![format!("{text} is no archive").into_bytes()];
        hub.image("team/api", "fine", &[&[DEBIAN]]).await;
        for (repository, tag, text) in [("team/api", "1", "a"), ("other/job", "1", "a"), ("other/job", "2", "b")] {
            hub.image_of(repository, tag, &bad(text), &bad(text)).await;
        }
        hub.settle().await;
        let all = ["other/job:1", "other/job:2", "team/api:1"];
        assert_eq!(hub.refused(&Readable::All).await, all);
        assert_eq!(hub.refused(&only(&["team/api", "other/job"]).await).await, all);
        assert_eq!(hub.refused(&only(&["team/api"]).await).await, all[2..]);
        assert_eq!(hub.refused(&only(&[]).await).await, Vec::<String>::new());
        for (readable, tagged, expected) in [
            (&Readable::All, Tagged::Any, Some(3)),
            (&Readable::All, Tagged::Yes, Some(3)),
            (&Readable::All, Tagged::No, None),
            (&only(&["team/api"]).await, Tagged::Any, Some(1)),
            (&only(&[]).await, Tagged::Any, None),
        ] {
            assert_eq!(hub.not_looked_into("openssl", (readable, tagged)).await, expected, "{readable:?} {tagged:?}");
        }
        assert_eq!(hub.not_looked_into("CVE-2024-0001", (&Readable::All, Tagged::Any)).await, Some(3));
        // What is gone is no more, wherever else it is.
        let gone = hub.registry.find_manifest(&name("other/job"), &"1".parse().unwrap()).await.unwrap();
        hub.registry.delete_manifest(&name("other/job"), &gone.digest, "user:ann").await.unwrap();
        assert_eq!(hub.refused(&Readable::All).await, all[1..]);
    }

    async fn images_that_wait_or_whose_inventory_failed_are_not_looked_into(database: Database) {
        let hub = Hub::open(database).await;
        hub.image("team/api", "1", &[&[DEBIAN]]).await;
        hub.settle().await;
        assert_eq!(hub.not_looked_into("openssl", (&Readable::All, Tagged::Any)).await, None);
        hub.image("team/api", "2", &[&[("etc/two", "2")]]).await;
        hub.image("other/job", "1", &[&[("etc/three", "3")]]).await;
        let api = hub.registry.repository_id(&name("team/api")).await.unwrap();
        let of_team = Readable::Repositories(BTreeSet::from([api]));
        for (readable, tagged, expected) in [
            (&Readable::All, Tagged::Any, Some(2)),
            (&Readable::All, Tagged::Yes, Some(2)),
            (&Readable::All, Tagged::No, None),
            (&of_team, Tagged::Any, Some(1)),
            (&Readable::Repositories(BTreeSet::new()), Tagged::Any, None),
        ] {
            assert_eq!(hub.not_looked_into("openssl", (readable, tagged)).await, expected, "{readable:?} {tagged:?}");
        }
        let listed = hub.pipeline.refused(&of_team).await.unwrap().images;
        let told: Vec<_> = listed.iter().map(|image| (image.repository.as_str(), image.why, image.refused_at_us)).collect();
        assert_eq!(told, [("team/api", Why::Waiting, None)]);
        // Whoever ended the job did not look either.
        run(&hub.db, &FAIL_JOBS, vec![]).await;
        assert_eq!(hub.not_looked_into("openssl", (&Readable::All, Tagged::Any)).await, Some(2));
        // What is gone needs no looking at.
        let gone = hub.registry.find_manifest(&name("other/job"), &"1".parse().unwrap()).await.unwrap();
        hub.registry.delete_manifest(&name("other/job"), &gone.digest, "user:ann").await.unwrap();
        assert_eq!(hub.not_looked_into("openssl", (&Readable::All, Tagged::Any)).await, Some(1));
    }

    async fn a_hub_that_makes_no_inventories_looked_into_none(database: Database) {
        let hub = Hub::open_with(database, false, pipeline::Options::default()).await;
        assert_eq!(hub.not_looked_into("openssl", (&Readable::All, Tagged::Any)).await, None);
        hub.image("team/api", "1", &[&[DEBIAN]]).await;
        hub.image("other/job", "1", &[&[DEBIAN]]).await;
        let api = hub.registry.repository_id(&name("team/api")).await.unwrap();
        let of_team = Readable::Repositories(BTreeSet::from([api]));
        for (readable, tagged, expected) in [
            (&Readable::All, Tagged::Yes, Some(2)),
            (&Readable::All, Tagged::No, None),
            (&of_team, Tagged::Any, Some(1)),
        ] {
            assert_eq!(hub.not_looked_into("openssl", (readable, tagged)).await, expected, "{readable:?} {tagged:?}");
        }
        let listed = hub.pipeline.refused(&of_team).await.unwrap().images;
        assert_eq!(listed.iter().map(|image| image.why).collect::<Vec<_>>(), [Why::Off]);
    }

    async fn what_was_pushed_while_no_inventories_were_made_waits_for_them(database: Database) {
        let hub = Hub::open(database).await;
        hub.image("team/api", "1", &[&[DEBIAN]]).await;
        hub.settle().await;
        let hub = hub.making_none();
        hub.pipeline.order_sweep_for_later().await.unwrap();
        hub.image("team/api", "2", &[&[("etc/two", "2")]]).await;
        hub.image("other/job", "1", &[&[("etc/three", "3")]]).await;
        let hub = hub.making_inventories();
        let all = (&Readable::All, Tagged::Any);
        assert_eq!(hub.not_looked_into("openssl", all).await, Some(2));
        // Of what comes now, there is an order.
        hub.image("team/api", "3", &[&[("etc/four", "4")]]).await;
        assert_eq!(hub.not_looked_into("openssl", all).await, Some(3));
        let listed = hub.pipeline.refused(&Readable::All).await.unwrap().images;
        assert_eq!(listed.iter().map(|image| image.why).collect::<Vec<_>>(), [Why::Waiting; 3]);
        hub.settle().await;
        assert_eq!(hub.not_looked_into("openssl", all).await, None);
    }

    async fn refused_images_are_listed_up_to_a_number(database: Database) {
        let hub = Hub::open(database).await;
        hub.image("team/api", "1", &[&[DEBIAN]]).await;
        hub.settle().await;
        let repository = hub.registry.repository_id(&name("team/api")).await.unwrap();
        for number in 1_u32..=201 {
            let digest = sha256(&number.to_be_bytes()).to_bytes();
            run(&hub.index, &INSERT_IMAGE, vec![digest.clone().into()]).await;
            run(&hub.index, &INSERT_PLACEMENTS, vec![repository.number().into(), digest.into()]).await;
            if number < 199 {
                continue;
            }
            for readable in [Readable::All, Readable::Repositories(BTreeSet::from([repository]))] {
                let refused = hub.pipeline.refused(&readable).await.unwrap();
                // The repository holds none of them.
                assert_eq!((refused.images.len(), refused.is_cut), (0, number > 200), "{number}");
                let query = Query::parse("openssl", None).unwrap();
                let page = hub.pipeline.find(&query, (&readable, Tagged::Any), None, 10).await.unwrap();
                let counted = page.not_looked_into.map(|counted| (counted.images, counted.more));
                assert_eq!(counted, Some((u64::from(number.min(200)), number > 200)), "{number}");
            }
        }
    }
}
