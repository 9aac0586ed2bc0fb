//! Projects, who sees them, and members.

use access::{Action, Resource, Visibility};
use tenancy::{Granted, PageRequest, ProjectUpdate};

use crate::world::{World, code};

testkit::on_both_databases! {
    async fn only_visible_projects_are_listed(database: testkit::Database) {
        let world = World::new(&database).await;
        for name in ["alpha", "beta", "gamma", "delta"] {
            world.project(name).await;
        }
        let public = ProjectUpdate { public: Some(true), ..ProjectUpdate::default() };
        world.tenancy.update_project(&world.admin, "delta", public).await.unwrap();
        world.user("alice").await;
        world.user("bob").await;
        world.grant("beta", "alice", "reader").await;
        world.grant("delta", "alice", "reader").await;
        world.robot("gamma", "of-gamma", "gamma/a*", "reader").await;
        world.hub_robot("wide", "*a/x", "reader").await;
        for (login, expected) in [
            (None, "delta"),
            (Some("bob"), "delta"),
            (Some("alice"), "beta delta"),
            (Some("of-gamma"), "delta gamma"),
            (Some("wide"), "alpha beta delta gamma"),
            (Some("admin"), "alpha beta delta gamma library"),
        ] {
            let caller = world.caller(login).await;
            let all = world.tenancy.list_projects(&caller, &PageRequest::default()).await.unwrap();
            let names: Vec<_> = all.items.iter().map(|project| project.name.as_str()).collect();
            assert_eq!(names.join(" "), expected, "{login:?}");
            let mut one_by_one = Vec::new();
            let mut request = PageRequest { after: None, limit: Some(1) };
            loop {
                let page = world.tenancy.list_projects(&caller, &request).await.unwrap();
                one_by_one.extend(page.items.into_iter().map(|project| project.name));
                match page.next {
                    Some(next) => request.after = Some(next),
                    None => break,
                }
            }
            assert_eq!(one_by_one.join(" "), expected, "{login:?} one by one");
        }
    }
}

testkit::on_both_databases! {
    async fn a_project_with_repositories_is_not_deleted(database: testkit::Database) {
        let world = World::new(&database).await;
        let project = world.project("team").await;
        world.repository(project.id, "team/api").await;
        let refused = world.tenancy.delete_project(&world.admin, "team").await;
        assert_eq!(code(refused), "project `team` holds repositories");
        world.no_repositories().await;
        world.tenancy.delete_project(&world.admin, "team").await.unwrap();
        assert_eq!(world.tenancy.project_visibility("team").await.unwrap(), None);
        assert_eq!(code(world.tenancy.delete_project(&world.admin, "team").await), "there is no project `team`");
    }
}

testkit::on_both_databases! {
    async fn a_project_made_again_starts_with_nobody(database: testkit::Database) {
        let world = World::new(&database).await;
        for name in ["team", "team-2"] {
            world.project(name).await;
        }
        world.user("alice").await;
        world.grant("team", "alice", "admin").await;
        world.robot("team", "ci", "team/**", "writer").await;
        let shared = world.hub_robot("shared", "team/api", "writer").await;
        world.grant("team-2", "shared", "reader").await;
        world.tenancy.delete_project(&world.admin, "team").await.unwrap();
        world.project("team").await;

        let alice = world.log_in("alice").await;
        assert_eq!(alice.grants.access().grants().count(), 0);
        let caller = world.basic("shared", &shared).await.unwrap();
        let left: Vec<_> = caller.grants.access().grants().map(ToString::to_string).collect();
        assert_eq!(left, ["`reader` on team-2/**"]);
        let gone = world.tenancy.explain("ci", Action::RepositoryPull, Resource::Repository("team/api"), world.now_us);
        assert_eq!(code(gone.await), "there is no user or robot `ci`");
    }
}

testkit::on_both_databases! {
    async fn a_role_is_granted_to_users_and_robots_that_may_have_it(database: testkit::Database) {
        let world = World::new(&database).await;
        for name in ["team", "other"] {
            world.project(name).await;
        }
        world.user("alice").await;
        world.robot("team", "ours", "team/x", "reader").await;
        world.robot("other", "theirs", "other/x", "reader").await;
        world.hub_robot("shared", "other/x", "reader").await;
        let writer = access::Role::parse("writer").unwrap();
        for (login, expected) in [
            ("alice", Ok(Granted::Member)),
            ("ours", Ok(Granted::Robot)),
            ("shared", Ok(Granted::Robot)),
            ("theirs", Err("there is no user or robot `theirs`")),
            ("nobody-here", Err("there is no user or robot `nobody-here`")),
            ("NOT A NAME", Err("there is no user or robot `NOT A NAME`")),
        ] {
            let granted = world.tenancy.grant(&world.admin, "team", login, writer).await;
            assert_eq!(granted.map_err(|error| error.to_string()), expected.map_err(str::to_owned), "{login}");
            let allowed = world
                .tenancy
                .explain(login, Action::RepositoryPush, Resource::Repository("team/api"), world.now_us)
                .await
                .is_ok_and(|explanation| explanation.allowed);
            assert_eq!(allowed, expected.is_ok(), "{login}");
            let revoked = world.tenancy.revoke(&world.admin, "team", login).await;
            assert_eq!(revoked.is_ok(), expected.is_ok(), "{login}");
            let again = world.tenancy.revoke(&world.admin, "team", login).await;
            assert!(again.is_err(), "{login}");
        }
        let missing = world.tenancy.grant(&world.admin, "no-such", "alice", writer).await;
        assert_eq!(code(missing), "there is no project `no-such`");
    }
}

testkit::on_both_databases! {
    async fn members_are_listed_with_their_newest_role(database: testkit::Database) {
        let world = World::new(&database).await;
        world.project("team").await;
        for name in ["carol", "bob"] {
            world.user(name).await;
            world.grant("team", name, "reader").await;
        }
        world.grant("team", "bob", "admin").await;
        let page = world.tenancy.list_members("team", &PageRequest::default()).await.unwrap();
        let members: Vec<_> = page.items.iter().map(|member| format!("{} {}", member.user, member.role)).collect();
        assert_eq!(members, ["bob admin", "carol reader"]);
        let absent = world.tenancy.list_members("no-such", &PageRequest::default()).await;
        assert_eq!(code(absent), "there is no project `no-such`");
    }
}

testkit::on_both_databases! {
    async fn visibility_follows_the_project_at_once(database: testkit::Database) {
        let world = World::new(&database).await;
        let visibility = || world.tenancy.project_visibility("team");
        assert_eq!(visibility().await.unwrap(), None);
        world.project("team").await;
        assert_eq!(visibility().await.unwrap(), Some(Visibility::Private));
        for public in [true, false, true] {
            let update = ProjectUpdate { public: Some(public), ..ProjectUpdate::default() };
            world.tenancy.update_project(&world.admin, "team", update).await.unwrap();
            let expected = if public { Visibility::Public } else { Visibility::Private };
            assert_eq!(visibility().await.unwrap(), Some(expected));
        }
        for name in ["", "a\0b", "Team", "v2"] {
            assert_eq!(world.tenancy.project_visibility(name).await.unwrap(), None, "{name:?}");
        }
    }
}
