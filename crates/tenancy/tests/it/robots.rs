//! Robots: owners, reach, secrets and their ends.

use tenancy::{
    LAST_USE_EVERY_US, Owner, PageRequest, ROBOT_LIFETIME_MAX_US, ROTATION_OVERLAP_MAX_US, RobotUpdate, SessionKind,
};

use crate::world::{World, code};

const DAY_US: i64 = 86_400_000_000;

testkit::on_both_databases! {
    async fn a_robot_is_found_only_at_its_owner(database: testkit::Database) {
        let world = World::new(&database).await;
        for name in ["team", "other"] {
            world.project(name).await;
        }
        let secret = world.robot("team", "ci", "team/**", "reader").await;
        world.hub_robot("shared", "team/**", "reader").await;
        let team = Owner::Project("team".into());
        for (owner, name) in [
            (Owner::Project("other".into()), "ci"),
            (Owner::Hub, "ci"),
            (team.clone(), "shared"),
            (Owner::Project("other".into()), "shared"),
            (team.clone(), "admin"),
            (team.clone(), "no-such"),
            (Owner::Project("no-such".into()), "ci"),
            (team.clone(), "a\0b"),
        ] {
            let expected = format!("there is no robot `{name}`");
            let (tenancy, admin) = (&world.tenancy, &world.admin);
            let answers = [
                code(tenancy.get_robot(&owner, name).await),
                code(tenancy.update_robot(admin, &owner, name, RobotUpdate::default()).await),
                code(tenancy.rotate_robot(admin, &owner, name, DAY_US).await),
                code(tenancy.revoke_robot(admin, &owner, name).await),
                code(tenancy.delete_robot(admin, &owner, name).await),
            ];
            assert_eq!(answers, [expected.as_str(); 5], "{owner:?} {name}");
        }
        let tenancy = &world.tenancy;
        let listed = |owner: Owner| async move {
            let page = tenancy.list_robots(&owner, &PageRequest::default()).await.unwrap();
            page.items.into_iter().map(|robot| robot.name).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(listed(team.clone()).await, "ci");
        assert_eq!(listed(Owner::Hub).await, "shared");
        assert_eq!(listed(Owner::Project("other".into())).await, "");
        assert_eq!(code(world.basic("ci", &secret).await), "ok");
        assert_eq!(world.audit("robot.create").await, ["robot:shared", "robot:team/ci"]);
    }
}

testkit::on_both_databases! {
    async fn a_project_robot_reaches_nothing_else(database: testkit::Database) {
        let world = World::new(&database).await;
        world.project("team").await;
        for (grants, expected) in [
            (vec![("other/**", "reader")], "`other/**` reaches outside project `team`"),
            (vec![("**", "reader")], "`**` reaches outside project `team`"),
            (vec![("team*/**", "reader")], "`team*/**` reaches outside project `team`"),
            (vec![("team2/x", "reader")], "`team2/x` reaches outside project `team`"),
            (vec![("*/api", "reader")], "`*/api` reaches outside project `team`"),
            (vec![("team/x", "reader"), ("t*/x", "reader")], "`t*/x` reaches outside project `team`"),
            (vec![("team/x", "reader"), ("team/x", "writer")], "`team/x` is granted twice"),
            (vec![("team/x", "reader"), ("team/y/**", "writer")], "ok"),
            (vec![], "ok"),
        ] {
            let name = format!("ci-{}", grants.len());
            let made = world.tenancy.create_robot(&world.admin, world.new_robot("team", &name, &grants)).await;
            assert_eq!(code(made), expected, "{grants:?}");
            if let Ok(robot) = world.tenancy.get_robot(&Owner::Project("team".into()), &name).await {
                let owner = robot.owner.clone();
                let outside = world.new_robot("team", "unused", &[("other/**", "reader")]).grants;
                let update = RobotUpdate { grants: Some(outside), ..RobotUpdate::default() };
                let refused = world.tenancy.update_robot(&world.admin, &owner, &name, update).await;
                assert_eq!(code(refused), "`other/**` reaches outside project `team`");
                world.tenancy.delete_robot(&world.admin, &owner, &name).await.unwrap();
            }
        }
        let absent = world.tenancy.create_robot(&world.admin, world.new_robot("no-such", "ci", &[])).await;
        assert_eq!(code(absent), "there is no project `no-such`");
    }
}

testkit::on_both_databases! {
    async fn limits_of_a_robot_end_where_they_say(database: testkit::Database) {
        let world = World::new(&database).await;
        world.project("team").await;
        let globs: Vec<String> = (0..65).map(|number| format!("team/{number}")).collect();
        for (count, expected) in [(63, "ok"), (64, "ok"), (65, "a robot has at most 64 grants, not 65")] {
            let grants: Vec<_> = globs[..count].iter().map(|glob| (glob.as_str(), "reader")).collect();
            let new = world.new_robot("team", &format!("ci-{count}"), &grants);
            assert_eq!(code(world.tenancy.create_robot(&world.admin, new).await), expected);
        }
        // The 64 are full; the 63 take one more.
        let writer = access::Role::parse("writer").unwrap();
        let full = world.tenancy.grant(&world.admin, "team", "ci-64", writer).await;
        assert_eq!(code(full), "a robot has at most 64 grants, not 65");
        assert_eq!(code(world.tenancy.grant(&world.admin, "team", "ci-63", writer).await), "ok");

        let life = "a robot ends within 366 days from now";
        for (offset_us, expected) in
            [(-DAY_US, life), (DAY_US, "ok"), (ROBOT_LIFETIME_MAX_US - DAY_US, "ok"), (ROBOT_LIFETIME_MAX_US + DAY_US, life)]
        {
            let mut new = world.new_robot("team", &format!("r{}", offset_us.unsigned_abs()), &[]);
            new.expires_at_us = world.now_us + offset_us;
            assert_eq!(code(world.tenancy.create_robot(&world.admin, new).await), expected, "{offset_us}");
        }
        let owner = Owner::Project("team".into());
        for (overlap_us, expected) in [
            (-1, "the old secret of a robot lives on for at most 7 days"),
            (0, "ok"),
            (ROTATION_OVERLAP_MAX_US - 1, "ok"),
            (ROTATION_OVERLAP_MAX_US, "ok"),
            (ROTATION_OVERLAP_MAX_US + 1, "the old secret of a robot lives on for at most 7 days"),
        ] {
            let rotated = world.tenancy.rotate_robot(&world.admin, &owner, "ci-64", overlap_us).await;
            assert_eq!(code(rotated), expected, "{overlap_us}");
        }
    }
}

testkit::on_both_databases! {
    async fn an_expired_or_disabled_robot_is_out_with_its_tokens(database: testkit::Database) {
        let world = World::new(&database).await;
        world.project("team").await;
        let secret = world.robot("team", "ci", "team/**", "writer").await;
        let owner = Owner::Project("team".into());
        let (tenancy, now_us) = (&world.tenancy, world.now_us);
        let robot = tenancy.get_robot(&owner, "ci").await.unwrap();
        let caller = world.basic("ci", &secret).await.unwrap();
        let token = world.token(&caller).await;
        for (at_us, expected) in [
            (robot.expires_at_us - 1, "ok"),
            (robot.expires_at_us, "robot or its secret has expired"),
            (robot.expires_at_us + 1, "robot or its secret has expired"),
        ] {
            assert_eq!(code(tenancy.authenticate_basic("ci", &secret, world.source, at_us).await), expected);
            assert_eq!(code(tenancy.grants_for(&caller.subject, at_us).await), expected);
        }
        assert_eq!(code(tenancy.authenticate_bearer(&token, now_us).await), "ok");
        for (disabled, expected) in [(true, "account is disabled"), (false, "ok")] {
            let update = RobotUpdate { disabled: Some(disabled), ..RobotUpdate::default() };
            tenancy.update_robot(&world.admin, &owner, "ci", update).await.unwrap();
            assert_eq!(code(world.basic("ci", &secret).await), expected);
            assert_eq!(code(tenancy.authenticate_bearer(&token, now_us).await), expected);
        }
        tenancy.delete_robot(&world.admin, &owner, "ci").await.unwrap();
        assert_eq!(code(world.basic("ci", &secret).await), "credentials are wrong or no longer valid");
        assert_eq!(code(tenancy.authenticate_bearer(&token, now_us).await), "credentials are wrong or no longer valid");
    }
}

testkit::on_both_databases! {
    async fn rotation_leaves_two_secrets_for_the_overlap(database: testkit::Database) {
        let world = World::new(&database).await;
        world.project("team").await;
        let first = world.robot("team", "ci", "team/**", "writer").await;
        let owner = Owner::Project("team".into());
        let (tenancy, admin) = (&world.tenancy, &world.admin);
        let second = tenancy.rotate_robot(admin, &owner, "ci", DAY_US).await.unwrap();
        let ends_us = second.robot.secrets[0].expires_at_us;
        assert_eq!(second.robot.secrets.len(), 2);
        assert_eq!(second.robot.secrets[1].expires_at_us, second.robot.expires_at_us);
        let at = |secret, at_us| tenancy.authenticate_basic("ci", secret, world.source, at_us);
        assert_eq!(code(at(&first, ends_us - 1).await), "ok");
        assert_eq!(code(at(&first, ends_us).await), "robot or its secret has expired");
        assert_eq!(code(at(&second.secret, ends_us).await), "ok");

        // A third secret: the first is gone, whatever its overlap was.
        let caller = world.basic("ci", &second.secret).await.unwrap();
        let token = world.token(&caller).await;
        let third = tenancy.rotate_robot(admin, &owner, "ci", DAY_US).await.unwrap();
        assert_eq!(third.robot.secrets.len(), 2);
        let now_us = world.now_us;
        assert_eq!(code(at(&first, now_us).await), "credentials are wrong or no longer valid");
        assert_eq!(code(at(&second.secret, now_us).await), "ok");
        assert_eq!(code(at(&third.secret, now_us).await), "ok");
        assert_eq!(code(tenancy.authenticate_bearer(&token, now_us).await), "ok");

        // Without an overlap nothing of before counts.
        let fourth = tenancy.rotate_robot(admin, &owner, "ci", 0).await.unwrap();
        assert_eq!(fourth.robot.secrets.len(), 1);
        for old in [&first, &second.secret, &third.secret] {
            assert_eq!(code(at(old, now_us).await), "credentials are wrong or no longer valid");
        }
        assert_eq!(code(tenancy.authenticate_bearer(&token, now_us).await), "credentials are wrong or no longer valid");
        assert_eq!(code(at(&fourth.secret, now_us).await), "ok");

        tenancy.revoke_robot(admin, &owner, "ci").await.unwrap();
        assert_eq!(code(at(&fourth.secret, now_us).await), "credentials are wrong or no longer valid");
        let fifth = tenancy.rotate_robot(admin, &owner, "ci", DAY_US).await.unwrap();
        assert_eq!(code(at(&fifth.secret, now_us).await), "ok");
        assert_eq!(world.audit("robot.revoke").await, ["robot:team/ci"]);
    }
}

testkit::on_both_databases! {
    /// Who stole a secret and got a refresh token by it is out when the secret is.
    async fn no_refresh_token_outlives_the_overlap_of_a_rotation(database: testkit::Database) {
        let world = World::new(&database).await;
        world.project("team").await;
        let first = world.robot("team", "ci", "team/**", "writer").await;
        let owner = Owner::Project("team".into());
        let (tenancy, kind) = (&world.tenancy, SessionKind::Refresh);
        let caller = world.basic("ci", &first).await.unwrap();
        let stolen = tenancy.begin_session(&caller, kind, world.now_us).await.unwrap();
        let rotated = tenancy.rotate_robot(&world.admin, &owner, "ci", DAY_US).await.unwrap();
        let ends_us = rotated.robot.secrets[0].expires_at_us;
        assert_eq!(code(tenancy.authenticate_session(&stolen, kind, ends_us - 1).await), "ok");
        let refused = code(tenancy.authenticate_session(&stolen, kind, ends_us).await);
        assert_eq!(refused, "credentials are wrong or no longer valid");
    }
}

testkit::on_both_databases! {
    async fn a_secret_is_no_password_and_belongs_to_one_name(database: testkit::Database) {
        let world = World::new(&database).await;
        world.project("team").await;
        world.user("alice").await;
        let secret = world.robot("team", "ci", "team/**", "reader").await;
        world.robot("team", "cd", "team/**", "writer").await;
        let password = world.password("password of alice");
        for (name, secret, expected) in [
            ("cd", &secret, "credentials are wrong or no longer valid"),
            ("alice", &secret, "credentials are wrong or no longer valid"),
            ("", &secret, "credentials are wrong or no longer valid"),
            ("ci", &password, "credentials are wrong or no longer valid"),
            ("ci", &secret, "ok"),
        ] {
            assert_eq!(code(world.basic(name, secret).await), expected, "{name}");
        }
    }
}

testkit::on_both_databases! {
    async fn last_use_is_written_once_a_minute(database: testkit::Database) {
        let world = World::new(&database).await;
        world.project("team").await;
        let secret = world.robot("team", "ci", "team/**", "reader").await;
        let owner = Owner::Project("team".into());
        let last_used = || async { world.tenancy.get_robot(&owner, "ci").await.unwrap().last_used_at_us };
        assert_eq!(last_used().await, None);
        let start_us = world.now_us;
        for (offset_us, expected_us) in [
            (0, 0),
            (1, 0),
            (LAST_USE_EVERY_US - 1, 0),
            (LAST_USE_EVERY_US, LAST_USE_EVERY_US),
            (LAST_USE_EVERY_US + 1, LAST_USE_EVERY_US),
        ] {
            let at_us = start_us + offset_us;
            world.tenancy.authenticate_basic("ci", &secret, world.source, at_us).await.unwrap();
            assert_eq!(last_used().await, Some(start_us + expected_us), "{offset_us}");
        }
    }
}
