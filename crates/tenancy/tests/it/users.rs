//! Users, their passwords, and the last administrator.

use tenancy::{NewUser, PageRequest, SessionKind, UserUpdate};

use crate::world::{World, code};

testkit::on_both_databases! {
    async fn users_and_robots_share_one_namespace(database: testkit::Database) {
        let world = World::new(&database).await;
        world.project("team").await;
        world.robot("team", "ci", "team/**", "reader").await;
        world.user("alice").await;
        for (name, expected) in [
            ("admin", "there is a user or robot `admin` already"),
            ("alice", "there is a user or robot `alice` already"),
            ("ci", "there is a user or robot `ci` already"),
            ("bob", "ok"),
        ] {
            let new = NewUser { name: name.parse().unwrap(), password: world.password("a password"), administrator: false };
            assert_eq!(code(world.tenancy.create_user(&world.admin, new).await), expected, "{name}");
        }
        for (name, expected) in [
            ("alice", "there is a user or robot `alice` already"),
            ("ci", "there is a user or robot `ci` already"),
            ("ci-2", "ok"),
        ] {
            let new = world.new_robot("team", name, &[("team/**", "reader")]);
            assert_eq!(code(world.tenancy.create_robot(&world.admin, new).await), expected, "{name}");
        }
        assert_eq!(world.audit("user.create").await, ["user:admin", "user:alice", "user:bob"]);
    }
}

testkit::on_both_databases! {
    async fn the_last_administrator_stays(database: testkit::Database) {
        let world = World::new(&database).await;
        let last = "this is the last administrator who can log in";
        let disable = UserUpdate { disabled: Some(true), ..UserUpdate::default() };
        let demote = UserUpdate { administrator: Some(false), ..UserUpdate::default() };
        let promote = UserUpdate { administrator: Some(true), ..UserUpdate::default() };
        let admin = &world.admin;
        assert_eq!(code(world.tenancy.delete_user(admin, "admin").await), last);
        assert_eq!(code(world.tenancy.update_user(admin, "admin", disable).await), last);
        assert_eq!(code(world.tenancy.update_user(admin, "admin", demote).await), last);

        world.user("alice").await;
        assert_eq!(code(world.tenancy.delete_user(admin, "admin").await), last);
        world.tenancy.update_user(admin, "alice", promote).await.unwrap();
        world.tenancy.update_user(admin, "alice", disable).await.unwrap();
        // A disabled administrator is none who could help.
        assert_eq!(code(world.tenancy.update_user(admin, "admin", demote).await), last);
        let enable = UserUpdate { disabled: Some(false), ..UserUpdate::default() };
        world.tenancy.update_user(admin, "alice", enable).await.unwrap();
        world.tenancy.delete_user(admin, "admin").await.unwrap();
        assert_eq!(code(world.tenancy.delete_user(admin, "alice").await), last);
        assert_eq!(code(world.tenancy.grants_for(admin, world.now_us).await), "credentials are wrong or no longer valid");
    }
}

testkit::on_both_databases! {
    async fn two_administrators_cannot_remove_each_other(database: testkit::Database) {
        let world = World::new(&database).await;
        world.user("alice").await;
        let promote = UserUpdate { administrator: Some(true), ..UserUpdate::default() };
        world.tenancy.update_user(&world.admin, "alice", promote).await.unwrap();
        let alice = world.subject("alice").await;
        let (first, second) = tokio::join!(
            world.tenancy.delete_user(&world.admin, "alice"),
            world.tenancy.delete_user(&alice, "admin")
        );
        assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
    }
}

testkit::on_both_databases! {
    async fn a_password_change_ends_what_rested_on_the_old_one(database: testkit::Database) {
        let world = World::new(&database).await;
        world.user("alice").await;
        let (tenancy, now_us) = (&world.tenancy, world.now_us);
        let caller = world.log_in("alice").await;
        let browser = tenancy.begin_session(&caller, SessionKind::Browser, now_us).await.unwrap();
        let refresh = tenancy.begin_session(&caller, SessionKind::Refresh, now_us).await.unwrap();
        let token = world.token(&caller).await;

        let (old, new) = (world.password("password of alice"), world.password("another password"));
        let refused = tenancy.change_own_password(&caller.subject, &new, &new, world.source, now_us).await;
        assert_eq!(code(refused), "old password was not accepted");
        assert_eq!(code(tenancy.authenticate_session(&browser, SessionKind::Browser, now_us).await), "ok");
        assert_eq!(code(tenancy.authenticate_bearer(&token, now_us).await), "ok");

        tenancy.change_own_password(&caller.subject, &old, &new, world.source, now_us).await.unwrap();
        let wrong = "credentials are wrong or no longer valid";
        assert_eq!(code(tenancy.authenticate_session(&browser, SessionKind::Browser, now_us).await), wrong);
        assert_eq!(code(tenancy.authenticate_session(&refresh, SessionKind::Refresh, now_us).await), wrong);
        assert_eq!(code(tenancy.authenticate_bearer(&token, now_us).await), wrong);
        assert_eq!(code(tenancy.authenticate_basic("alice", &old, world.source, now_us).await), wrong);
        assert_eq!(code(tenancy.authenticate_basic("alice", &new, world.source, now_us).await), "ok");
        let late = tenancy.begin_session(&caller, SessionKind::Refresh, now_us).await;
        assert_eq!(code(late), "account changed while it logged in");
        assert_eq!(world.audit("user.set-password").await, ["user:alice"]);
    }
}

testkit::on_both_databases! {
    async fn a_password_is_reset_offline(database: testkit::Database) {
        let world = World::new(&database).await;
        let new = world.tenancy.reset_password("admin", None).await.unwrap();
        let old = world.password(crate::world::ADMIN_PASSWORD);
        let basic = |secret| world.tenancy.authenticate_basic("admin", secret, world.source, world.now_us);
        assert_eq!(code(basic(&old).await), "credentials are wrong or no longer valid");
        assert_eq!(code(basic(&new).await), "ok");
        assert_eq!(code(world.tenancy.reset_password("nobody-here", None).await), "there is no user `nobody-here`");
        assert_eq!(code(world.tenancy.reset_password("a\0b", None).await), "there is no user `a\0b`");
    }
}

testkit::on_both_databases! {
    async fn a_deleted_user_is_not_its_successor(database: testkit::Database) {
        let world = World::new(&database).await;
        world.project("team").await;
        world.user("alice").await;
        world.grant("team", "alice", "admin").await;
        let caller = world.log_in("alice").await;
        let token = world.token(&caller).await;
        world.tenancy.delete_user(&world.admin, "alice").await.unwrap();
        assert_eq!(code(world.tenancy.authenticate_bearer(&token, world.now_us).await), "credentials are wrong or no longer valid");
        world.user("alice").await;
        assert_eq!(code(world.tenancy.authenticate_bearer(&token, world.now_us).await), "credentials are wrong or no longer valid");
        let successor = world.log_in("alice").await;
        assert_eq!(successor.grants.access().grants().count(), 0);
    }
}

testkit::on_both_databases! {
    async fn users_are_listed_in_pages(database: testkit::Database) {
        let world = World::new(&database).await;
        for name in ["carol", "bob", "dave"] {
            world.user(name).await;
        }
        let mut names = Vec::new();
        let mut request = PageRequest { after: None, limit: Some(2) };
        loop {
            let page = world.tenancy.list_users(&request).await.unwrap();
            names.push(page.items.into_iter().map(|user| user.name).collect::<Vec<_>>().join(" "));
            match page.next {
                Some(next) => request.after = Some(next),
                None => break,
            }
        }
        assert_eq!(names, ["admin bob", "carol dave"]);
    }
}

testkit::on_both_databases! {
    async fn of_two_who_take_a_name_at_once_one_gets_it(database: testkit::Database) {
        let world = World::new(&database).await;
        world.project("team").await;
        let password = world.password("a password");
        let user = NewUser { name: "same".parse().unwrap(), password, administrator: false };
        let (user, robot) = tokio::join!(
            world.tenancy.create_user(&world.admin, user),
            world.tenancy.create_robot(&world.admin, world.new_robot("team", "same", &[]))
        );
        let taken = "there is a user or robot `same` already";
        let answers = [code(user), code(robot)];
        assert!(answers == ["ok", taken] || answers == [taken, "ok"], "{answers:?}");

        let new = || tenancy::NewProject { name: "twin".parse().unwrap(), public: false };
        let (first, second) = tokio::join!(
            world.tenancy.create_project(&world.admin, new()),
            world.tenancy.create_project(&world.admin, new())
        );
        let mut answers = [code(first), code(second)];
        answers.sort();
        assert_eq!(answers, ["ok", "there is a project `twin` already"]);
    }
}
