//! Signing keys: made once, sealed, rotated while tokens of before live on.

use identity::{KEY_SIGNS_SECONDS, KEY_VERIFIES_AFTER_SECONDS, MasterKey, TOKEN_LIFETIME_SECONDS};
use tenancy::{KEYS_READ_EVERY_US, RecoveredKeys, Tenancy};

use crate::world::{World, code};

const SECOND_US: i64 = 1_000_000;

fn us(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap() * SECOND_US
}

testkit::on_both_databases! {
    async fn a_token_is_for_one_account_and_ends(database: testkit::Database) {
        let world = World::new(&database).await;
        let (tenancy, now_us) = (&world.tenancy, world.now_us);
        for login in [None, Some("admin")] {
            let caller = world.caller(login).await;
            let token = world.token(&caller).await;
            assert_eq!(tenancy.authenticate_bearer(&token, now_us).await.unwrap().caller, caller, "{login:?}");
            let ends_us = (now_us / SECOND_US) * SECOND_US + us(TOKEN_LIFETIME_SECONDS);
            for (at_us, expected) in [(ends_us - 1, "ok"), (ends_us, "token is not accepted")] {
                assert_eq!(code(tenancy.authenticate_bearer(&token, at_us).await), expected, "{login:?}");
            }
        }
        for token in ["", "a.b.c", "not a token"] {
            assert_eq!(code(tenancy.authenticate_bearer(token, now_us).await), "token is not accepted", "{token}");
        }
    }
}

testkit::on_both_databases! {
    async fn rotation_keeps_tokens_of_the_old_key(database: testkit::Database) {
        let world = World::new(&database).await;
        let (tenancy, now_us) = (&world.tenancy, world.now_us);
        assert!(!tenancy.rotate_keys(now_us).await.unwrap());
        let half_us = now_us + us(KEY_SIGNS_SECONDS) / 2 + SECOND_US;
        let caller = world.caller(Some("admin")).await;
        let old = tenancy.issue_token(&caller, access::Scopes::default(), half_us).await.unwrap().text;
        assert!(tenancy.rotate_keys(half_us).await.unwrap());
        assert!(!tenancy.rotate_keys(half_us).await.unwrap());
        let new = tenancy.issue_token(&caller, access::Scopes::default(), half_us).await.unwrap().text;
        // A second hub knows nothing of what the first remembers.
        let other = world.other_hub();
        other.bootstrap(None).await.unwrap();
        for token in [&old, &new] {
            assert_eq!(code(tenancy.authenticate_bearer(token.expose(), half_us).await), "ok");
            assert_eq!(code(other.authenticate_bearer(token.expose(), half_us).await), "ok");
        }
        assert_ne!(header(old.expose()), header(new.expose()));
        // The first key is gone once its last token has ended.
        let over_us = now_us + us(KEY_SIGNS_SECONDS + KEY_VERIFIES_AFTER_SECONDS) + SECOND_US;
        assert_eq!(world.key_count("token").await, 2);
        tenancy.rotate_keys(over_us).await.unwrap();
        assert_eq!(world.key_count("audit").await, 1);
        let token = tenancy.issue_token(&caller, access::Scopes::default(), over_us).await.unwrap().text;
        assert_eq!(code(tenancy.authenticate_bearer(token.expose(), over_us).await), "ok");
    }
}

testkit::on_both_databases! {
    async fn an_unknown_key_is_looked_for_once_in_a_while(database: testkit::Database) {
        let world = World::new(&database).await;
        let other = world.other_hub();
        other.bootstrap(None).await.unwrap();
        let half_us = world.now_us + us(KEY_SIGNS_SECONDS) / 2 + SECOND_US;
        let caller = world.caller(Some("admin")).await;
        // The other hub reads its keys now; the first one rotates after that.
        assert!(!other.rotate_keys(world.now_us).await.unwrap());
        world.tenancy.rotate_keys(half_us).await.unwrap();
        let token = world.tenancy.issue_token(&caller, access::Scopes::default(), half_us).await.unwrap().text;
        assert_eq!(code(other.authenticate_bearer(token.expose(), half_us).await), "ok");

        // A token of a key that nobody has: read again at most once in the interval.
        let (header, rest) = token.expose().split_once('.').unwrap();
        let invented = format!("{}.{rest}", header.chars().rev().collect::<String>());
        let late_us = half_us + KEYS_READ_EVERY_US;
        for at_us in [late_us, late_us, late_us + 1] {
            assert_eq!(code(other.authenticate_bearer(&invented, at_us).await), "token is not accepted");
        }
    }
}

testkit::on_both_databases! {
    async fn another_master_key_opens_nothing(database: testkit::Database) {
        let world = World::new(&database).await;
        let id = world.tenancy.instance_id().await.unwrap();
        let again = world.other_hub();
        assert!(!again.bootstrap(None).await.unwrap().made_admin);
        assert_eq!(again.instance_id().await.unwrap(), id);
        assert_eq!(again.audit_keys().await.unwrap().verifying, world.tenancy.audit_keys().await.unwrap().verifying);

        let mut bytes = crate::world::MASTER_KEY;
        bytes[0] ^= 1;
        let wrong = Tenancy::new(world.database.clone(), MasterKey::from_bytes(&bytes).unwrap()).unwrap();
        let refused = code(wrong.bootstrap(None).await);
        assert!(refused.starts_with("signing key `") && refused.contains("does not open with master key"), "{refused}");
    }
}

testkit::on_both_databases! {
    async fn replaced_token_keys_end_every_token_at_once(database: testkit::Database) {
        let world = World::new(&database).await;
        let caller = world.caller(Some("admin")).await;
        let old = world.token(&caller).await;
        let audit = world.tenancy.audit_keys().await.unwrap().verifying;
        let offline = world.other_hub();
        assert_eq!(offline.replace_token_keys(world.now_us).await.unwrap(), 1);
        assert_eq!((world.key_count("token").await, world.key_count("audit").await), (1, 1));
        let again = world.other_hub();
        assert_eq!(code(again.authenticate_bearer(&old, world.now_us).await), "token is not accepted");
        let new = again.issue_token(&caller, access::Scopes::default(), world.now_us).await.unwrap().text;
        assert_eq!(code(again.authenticate_bearer(new.expose(), world.now_us).await), "ok");
        assert_eq!(again.audit_keys().await.unwrap().verifying, audit);
        assert_eq!(world.audit("key.replace").await, ["system"]);
        // Not with a master key that would leave the hub with keys that it cannot open.
        assert!(code(hub_with(&world, 1).replace_token_keys(world.now_us).await).contains("does not open with master key"));
    }
}

testkit::on_both_databases! {
    async fn a_lost_master_key_costs_tokens_and_nothing_else(database: testkit::Database) {
        let world = World::new(&database).await;
        let caller = world.caller(Some("admin")).await;
        let old = world.token(&caller).await;
        let mut verifying = world.tenancy.audit_keys().await.unwrap().verifying;
        assert_eq!(world.tenancy.recover_keys(world.now_us).await.unwrap(), None, "nothing is lost");
        for lost in 1..=2_u8 {
            let hub = hub_with(&world, lost);
            assert!(code(hub.bootstrap(None).await).contains("does not open with master key"));
            let recovered = hub.recover_keys(world.now_us + i64::from(lost) * SECOND_US).await.unwrap().unwrap();
            assert_eq!(recovered, RecoveredKeys { token_keys: 1, audit_keys: lost.into() });
            assert_eq!(hub.recover_keys(world.now_us).await.unwrap(), None, "once is enough");

            let hub = hub_with(&world, lost);
            assert!(!hub.bootstrap(None).await.unwrap().made_admin);
            let keys = hub.audit_keys().await.unwrap();
            verifying.insert(0, *keys.signing.public());
            let sorted = |mut keys: Vec<[u8; 32]>| { keys.sort_unstable(); keys };
            assert_eq!(keys.verifying[0], verifying[0]);
            assert_eq!(sorted(keys.verifying), sorted(verifying.clone()), "what was signed can be proved");
            assert_eq!(code(hub.authenticate_bearer(&old, world.now_us).await), "token is not accepted");
            let password = world.password(crate::world::ADMIN_PASSWORD);
            assert_eq!(code(hub.authenticate_basic("admin", &password, world.source, world.now_us).await), "ok");
        }
        assert_eq!(world.audit("key.recover").await, ["system", "system"]);
        assert!(code(world.other_hub().audit_keys().await).contains("does not open with master key"));
    }
}

testkit::on_both_databases! {
    async fn a_database_without_a_hub_says_so(database: testkit::Database) {
        let (tenancy, _, _) = World::bare(&database).await;
        assert_eq!(code(tenancy.instance_id().await), "this database has no hub yet");
        assert_eq!(code(tenancy.audit_keys().await), "there is no `audit` signing key");
    }
}

testkit::on_both_databases! {
    async fn only_the_first_start_looks_at_a_password(database: testkit::Database) {
        let (tenancy, _, _) = World::bare(&database).await;
        let secret = |text: &str| Some(identity::Secret::new(text.to_owned()));
        assert_eq!(code(tenancy.bootstrap(secret("short")).await), "password is refused");
        let first = tenancy.bootstrap(secret("a first password")).await.unwrap();
        assert!(first.made_admin && first.generated_password.is_none());
        let second = tenancy.bootstrap(secret("a second password")).await.unwrap();
        assert!(!second.made_admin);
        let source = std::net::IpAddr::from([127, 0, 0, 1]);
        for (password, expected) in [("a first password", "ok"), ("a second password", "credentials are wrong or no longer valid")] {
            let answer = tenancy.authenticate_basic("admin", &secret(password).unwrap(), source, 1_000_000).await;
            assert_eq!(code(answer), expected, "{password}");
        }
    }
}

/// A hub that was started with another master key.
fn hub_with(world: &World, change: u8) -> Tenancy {
    let mut bytes = crate::world::MASTER_KEY;
    bytes[0] ^= change;
    Tenancy::new(world.database.clone(), MasterKey::from_bytes(&bytes).unwrap()).unwrap()
}

fn header(token: &str) -> &str {
    token.split('.').next().unwrap()
}
