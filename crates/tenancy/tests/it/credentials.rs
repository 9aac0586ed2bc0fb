//! Basic credentials, sessions and tokens.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use tenancy::{SESSIONS_PER_ACCOUNT_MAX, SessionKind, UserUpdate};

use crate::world::{ADMIN_PASSWORD, World, code};

testkit::on_both_databases! {
    async fn a_wrong_password_and_an_unknown_user_get_one_answer(database: testkit::Database) {
        let world = World::new(&database).await;
        let wrong = "credentials are wrong or no longer valid";
        for (name, password, expected) in [
            ("admin", "not the password", wrong),
            ("nobody-here", ADMIN_PASSWORD, wrong),
            ("Admin", ADMIN_PASSWORD, wrong),
            ("", ADMIN_PASSWORD, wrong),
            ("admin\0", ADMIN_PASSWORD, wrong),
            ("admin", "", wrong),
            ("admin", ADMIN_PASSWORD, "ok"),
        ] {
            assert_eq!(code(world.basic(name, &world.password(password)).await), expected, "{name:?} {password:?}");
        }
    }
}

testkit::on_both_databases! {
    async fn wrong_passwords_are_throttled_and_a_remembered_one_is_not(database: testkit::Database) {
        let world = World::new(&database).await;
        let (right, wrong) = (world.password(ADMIN_PASSWORD), world.password("not the password"));
        let at = |secret, at_us| world.tenancy.authenticate_basic("admin", secret, world.source, at_us);
        let start_us = world.now_us;
        assert_eq!(code(at(&right, start_us).await), "ok");
        let mut answers = Vec::new();
        for _ in 0..7 {
            answers.push(code(at(&wrong, start_us).await));
        }
        let refused = "credentials are wrong or no longer valid";
        assert_eq!(answers[..5], [refused; 5]);
        assert_eq!(answers[5..], ["too many failed logins; try again in 1 s"; 2]);
        // Remembered for a minute and no longer.
        let end_us = start_us + tenancy::VERIFIED_LIFETIME_US;
        assert_eq!(code(at(&wrong, end_us - 1).await), refused);
        assert_eq!(code(at(&right, end_us - 1).await), "ok");
        assert_eq!(code(at(&right, end_us).await), "too many failed logins; try again in 2 s");
        assert_eq!(code(at(&right, end_us + 3_000_000).await), "ok");
    }
}

testkit::on_both_databases! {
    /// A cluster whose nodes pull with one account at once is not turned away.
    async fn many_logins_at_once_with_one_password_cost_one(database: testkit::Database) {
        let world = World::new(&database).await;
        let password = world.password(ADMIN_PASSWORD);
        let logins = (0..2 * identity::HASHES_WAITING_MAX).map(|_| world.basic("admin", &password));
        let answers: BTreeSet<_> = join_all(logins).await.into_iter().map(code).collect();
        assert_eq!(answers, BTreeSet::from(["ok".to_owned()]));
        // Where it is wrong, as many are looked at as are without that, and the rest told to wait.
        let wrong = world.password("not the password");
        let logins = (0..2 * identity::HASHES_WAITING_MAX).map(|_| world.basic("admin", &wrong));
        let refused = join_all(logins).await.into_iter().map(code).filter(|answer| answer.starts_with("credentials"));
        assert_eq!(refused.count(), 5);
    }
}

testkit::on_both_databases! {
    async fn a_remembered_password_ends_with_the_account(database: testkit::Database) {
        let world = World::new(&database).await;
        world.user("alice").await;
        let password = world.password("password of alice");
        assert_eq!(code(world.basic("alice", &password).await), "ok");
        assert_eq!(code(world.basic("alice", &password).await), "ok");
        let disabled = |disabled| UserUpdate { disabled: Some(disabled), ..UserUpdate::default() };
        world.tenancy.update_user(&world.admin, "alice", disabled(true)).await.unwrap();
        assert_eq!(code(world.basic("alice", &password).await), "account is disabled");
        world.tenancy.update_user(&world.admin, "alice", disabled(false)).await.unwrap();
        assert_eq!(code(world.basic("alice", &password).await), "ok");
        world.tenancy.set_password(&world.admin, "alice", &world.password("another password")).await.unwrap();
        assert_eq!(code(world.basic("alice", &password).await), "credentials are wrong or no longer valid");
        world.tenancy.delete_user(&world.admin, "alice").await.unwrap();
        let other = world.password("another password");
        assert_eq!(code(world.basic("alice", &other).await), "credentials are wrong or no longer valid");
    }
}

testkit::on_both_databases! {
    async fn a_session_is_of_one_kind_and_ends(database: testkit::Database) {
        let world = World::new(&database).await;
        let caller = world.caller(Some("admin")).await;
        let (tenancy, now_us) = (&world.tenancy, world.now_us);
        for kind in [SessionKind::Browser, SessionKind::Refresh] {
            let other = if kind == SessionKind::Browser { SessionKind::Refresh } else { SessionKind::Browser };
            let secret = tenancy.begin_session(&caller, kind, now_us).await.unwrap();
            let ends_us = now_us + kind.lifetime_us();
            let at = |kind, at_us| tenancy.authenticate_session(&secret, kind, at_us);
            assert_eq!(code(at(kind, ends_us - 1).await), "ok");
            assert_eq!(at(kind, now_us).await.unwrap().subject, caller.subject);
            assert_eq!(code(at(kind, ends_us).await), "credentials are wrong or no longer valid");
            assert_eq!(code(at(other, now_us).await), "credentials are wrong or no longer valid");
            assert_eq!(code(tenancy.authenticate_basic("admin", &secret, world.source, now_us).await), "credentials are wrong or no longer valid");
            tenancy.end_session(&secret, other).await.unwrap();
            assert_eq!(code(at(kind, now_us).await), "ok");
            tenancy.end_session(&secret, kind).await.unwrap();
            tenancy.end_session(&secret, kind).await.unwrap();
            assert_eq!(code(at(kind, now_us).await), "credentials are wrong or no longer valid");
        }
        let guess = world.password("no session at all");
        assert_eq!(code(tenancy.authenticate_session(&guess, SessionKind::Browser, now_us).await), "credentials are wrong or no longer valid");
    }
}

testkit::on_both_databases! {
    async fn a_robot_has_refresh_tokens_but_no_browser(database: testkit::Database) {
        let world = World::new(&database).await;
        world.project("team").await;
        let secret = world.robot("team", "ci", "team/**", "reader").await;
        let caller = world.basic("ci", &secret).await.unwrap();
        let browser = world.tenancy.begin_session(&caller, SessionKind::Browser, world.now_us).await;
        assert_eq!(code(browser), "this account has no password of its own");
        let refresh = world.tenancy.begin_session(&caller, SessionKind::Refresh, world.now_us).await.unwrap();
        let owner = tenancy::Owner::Project("team".into());
        let again = world.tenancy.authenticate_session(&refresh, SessionKind::Refresh, world.now_us).await.unwrap();
        assert_eq!(again.subject, caller.subject);
        world.tenancy.revoke_robot(&world.admin, &owner, "ci").await.unwrap();
        let after = world.tenancy.authenticate_session(&refresh, SessionKind::Refresh, world.now_us).await;
        assert_eq!(code(after), "credentials are wrong or no longer valid");
    }
}

testkit::on_both_databases! {
    async fn the_oldest_session_makes_room(database: testkit::Database) {
        let world = World::new(&database).await;
        let caller = world.caller(Some("admin")).await;
        let (tenancy, now_us) = (&world.tenancy, world.now_us);
        let browser = tenancy.begin_session(&caller, SessionKind::Browser, now_us).await.unwrap();
        let first = tenancy.begin_session(&caller, SessionKind::Refresh, now_us).await.unwrap();
        let second = tenancy.begin_session(&caller, SessionKind::Refresh, now_us + 1).await.unwrap();
        for number in 2..SESSIONS_PER_ACCOUNT_MAX {
            tenancy.begin_session(&caller, SessionKind::Refresh, now_us + number).await.unwrap();
        }
        let is = |secret, kind| tenancy.authenticate_session(secret, kind, now_us);
        assert_eq!(code(is(&first, SessionKind::Refresh).await), "ok");
        let newest = now_us + SESSIONS_PER_ACCOUNT_MAX;
        tenancy.begin_session(&caller, SessionKind::Refresh, newest).await.unwrap();
        assert_eq!(code(is(&first, SessionKind::Refresh).await), "credentials are wrong or no longer valid");
        assert_eq!(code(is(&second, SessionKind::Refresh).await), "ok");
        assert_eq!(code(is(&browser, SessionKind::Browser).await), "ok");
    }
}

testkit::on_both_databases! {
    async fn expired_sessions_are_deleted_a_batch_at_a_time(database: testkit::Database) {
        let world = World::new(&database).await;
        let caller = world.caller(Some("admin")).await;
        let long_ago_us = world.now_us - 2 * SessionKind::Browser.lifetime_us();
        for number in 0..3 {
            world.tenancy.begin_session(&caller, SessionKind::Browser, long_ago_us + number).await.unwrap();
        }
        let live = world.tenancy.begin_session(&caller, SessionKind::Browser, world.now_us).await.unwrap();
        let expire = || world.database.write(|tx| Box::pin(tenancy::expire_sessions(tx)));
        assert_eq!(expire().await.unwrap(), 3);
        assert_eq!(expire().await.unwrap(), 0);
        let left = world.tenancy.authenticate_session(&live, SessionKind::Browser, world.now_us).await;
        assert_eq!(code(left), "ok");
    }
}
