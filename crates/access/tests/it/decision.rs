//! Decisions, their reasons, and what they give away.

use std::fmt::Write as _;

use access::{
    Access, Action, Actor, Because, Cause, Decision, Denial, Glob, Grant, GrantScope, PROJECT_ROLES, Request, Resource,
    Response, Role, Scopes, Visibility, allows, decide, decide_all, explain,
};
use insta::assert_snapshot;
use proptest::prelude::*;

fn user(name: &str, grants: &[(&str, &str)]) -> Access {
    let grants = grants.iter().map(|(role, project)| Grant {
        role: Role::parse(role).unwrap(),
        scope: GrantScope::Project((*project).to_owned()),
        source: String::new(),
    });
    Access::new(Actor::User { name: name.to_owned(), administrator: false }, grants.collect())
}

fn administrator() -> Access {
    Access::new(Actor::User { name: "admin".to_owned(), administrator: true }, Vec::new())
}

fn robot(project: Option<&str>, grants: &[(&str, &str)]) -> Access {
    let grants = grants.iter().map(|(role, pattern)| Grant {
        role: Role::parse(role).unwrap(),
        scope: GrantScope::Repositories(Glob::parse(pattern).unwrap()),
        source: "from project `team`".to_owned(),
    });
    let actor = Actor::Robot {
        name: "ci-web".to_owned(),
        project: project.map(str::to_owned),
        note: Some("expires 2027-01-01".to_owned()),
    };
    Access::new(actor, grants.collect())
}

fn request<'a>(action: &str, resource: &'a str, visibility: Visibility) -> Request<'a> {
    Request { action: action.parse().unwrap(), resource: Resource::parse(resource).unwrap(), visibility }
}

fn denial(access: &Access, action: &str, resource: &str, visibility: Visibility) -> Box<Denial> {
    decide(access, None, request(action, resource, visibility)).into_result().unwrap_err()
}

/// One line: the answer on the wire, then what is said with it.
fn answer(access: &Access, action: &str, resource: &str, visibility: Visibility) -> String {
    let request = request(action, resource, visibility);
    let decision = decide(access, None, request);
    assert_eq!(decision.is_allowed(), allows(access, None, request), "decide and allows agree");
    match decision {
        Decision::Allow(because) => format!("Allow: {because}"),
        Decision::Deny(denial) => format!("{:?}: {}", denial.response(), denial.message()),
    }
}

const PRIVATE: Visibility = Visibility::Private;
const PUBLIC: Visibility = Visibility::Public;

#[test]
fn a_denial_says_what_is_held_what_is_needed_and_who_gives_it() {
    let robot = robot(Some("team"), &[("reader", "team/*")]);
    assert_snapshot!(answer(&robot, "push", "team/api", PRIVATE), @"Forbidden: robot `ci-web` may not push to team/api (has `reader` on team/*; push needs `writer`); grant it: garrison project grant team ci-web writer");
    assert_snapshot!(explain(&robot, None, request("push", "team/api", PRIVATE)), @"
    No. ci-web (robot, expires 2027-01-01) has `reader` on team/* from project `team`; push needs `writer`.
    hint: garrison project grant team ci-web writer
    ");
    let alice = user("alice", &[("writer", "team")]);
    assert_snapshot!(answer(&alice, "tag.delete", "team/api", PRIVATE), @"Forbidden: user `alice` may not delete a tag in team/api (has `writer` on project `team`; tag.delete needs `maintainer`); grant it: garrison project grant team alice maintainer");
    assert_snapshot!(answer(&alice, "member.write", "team", PRIVATE), @"Forbidden: user `alice` may not change members of project `team` (has `writer` on project `team`; member.write needs `admin`); grant it: garrison project grant team alice admin");
    assert_snapshot!(answer(&alice, "project.create", "system", PRIVATE), @"Forbidden: user `alice` may not create projects on this hub (project.create needs an administrator)");
    assert_snapshot!(answer(&alice, "gc.read", "system", PRIVATE), @"Forbidden: user `alice` may not see collection on this hub (gc.read needs an administrator)");
    assert_snapshot!(answer(&alice, "push", "shop/web", PUBLIC), @"Forbidden: user `alice` may not push to shop/web (has pull, as everyone; push needs `writer`); grant it: garrison project grant shop alice writer");
    assert_snapshot!(explain(&alice, None, request("push", "shop/web", PUBLIC)), @"
    No. alice (user) has pull, as everyone; push needs `writer`.
    hint: garrison project grant shop alice writer
    ");
    assert_snapshot!(explain(&alice, None, request("push", "team/api", PRIVATE)), @"Yes. alice (user) has `writer` on project `team`.");
    assert_snapshot!(explain(&administrator(), None, request("gc.read", "system", PRIVATE)), @"Yes. admin (user, administrator) is an administrator.");
}

#[test]
fn needs_are_the_roles_that_suffice_smallest_first() {
    let alice = user("alice", &[("puller", "team")]);
    let check = |action: &str, resource: &str, expected: &[&str]| {
        let denial = denial(&alice, action, resource, PRIVATE);
        assert_eq!(denial.needs.iter().map(|role| role.name).collect::<Vec<_>>(), expected, "{action} {resource}");
    };
    check("push", "team/api", &["writer", "maintainer", "admin", "administrator"]);
    check("blob.delete", "team/api", &["maintainer", "admin", "administrator"]);
    check("audit.read", "team", &["admin", "administrator"]);
    check("audit.read", "system", &["administrator"]);
    check("user.write", "user:bob", &["administrator"]);
    check("project.create", "team", &["administrator"]);
}

#[test]
fn what_may_not_be_known_reads_like_what_does_not_exist() {
    let alice = user("alice", &[("admin", "team")]);
    // The engine is not told what exists; the sentence is one for both.
    assert_snapshot!(answer(&alice, "pull", "shop/web", PRIVATE), @"NotFound: shop/web does not exist, or user `alice` may not know of it; grant it: garrison project grant shop alice puller");
    assert_snapshot!(answer(&alice, "project.read", "shop", PRIVATE), @"NotFound: project `shop` does not exist, or user `alice` may not know of it; grant it: garrison project grant shop alice puller");
    assert_snapshot!(answer(&alice, "user.read", "user:bob", PRIVATE), @"NotFound: user `bob` does not exist, or user `alice` may not know of it");
    assert_snapshot!(answer(&alice, "robot.write", "robot:shop/ci", PRIVATE), @"NotFound: robot `ci` of project `shop` does not exist, or user `alice` may not know of it; grant it: garrison project grant shop alice admin");
    assert_snapshot!(answer(&alice, "robot.write", "robot:ci", PRIVATE), @"NotFound: robot `ci` does not exist, or user `alice` may not know of it");
    let robot = robot(Some("team"), &[("writer", "team/web")]);
    assert_snapshot!(answer(&robot, "pull", "team/api", PRIVATE), @"NotFound: team/api does not exist, or robot `ci-web` may not know of it; grant it: garrison project grant team ci-web puller");
    assert_snapshot!(answer(&robot, "pull", "shop/web", PRIVATE), @"NotFound: shop/web does not exist, or robot `ci-web` may not know of it; a robot of project `team` reaches nothing else; make one there: garrison robot create NAME --project shop");
}

#[test]
fn nobody_is_challenged_whether_or_not_it_exists() {
    let nobody = Access::anonymous();
    for (action, resource, visibility) in [
        ("pull", "team/api", PRIVATE),
        ("push", "team/api", PUBLIC),
        ("tag.move", "team/api", PUBLIC),
        ("project.read", "team", PRIVATE),
        ("member.read", "team", PUBLIC),
        ("user.read", "user:admin", PRIVATE),
        ("robot.read", "robot:team/ci", PUBLIC),
        ("self.read", "system", PRIVATE),
        ("metrics.read", "system", PRIVATE),
    ] {
        let denial = denial(&nobody, action, resource, visibility);
        assert_eq!(denial.response(), Response::Challenge, "{action} {resource}");
    }
    assert_snapshot!(answer(&nobody, "pull", "team/api", PUBLIC), @"Allow: may, as everyone: the project is public");
    assert_snapshot!(answer(&nobody, "push", "team/api", PUBLIC), @"Challenge: an anonymous caller may not push to team/api (has pull, as everyone; push needs `writer`); log in: garrison login, or your client's own login command");
    assert_snapshot!(answer(&nobody, "pull", "team/api", PRIVATE), @"Challenge: team/api does not exist, or an anonymous caller may not know of it; log in: garrison login, or your client's own login command");
    assert_snapshot!(answer(&nobody, "catalog.list", "system", PRIVATE), @"Allow: may, as everyone");
}

#[test]
fn making_a_tag_is_not_moving_one() {
    // No built-in role tells the two apart; the engine must, or a later role cannot.
    static CREATOR: Role = Role {
        name: "creator",
        title: "makes tags",
        harbor: None,
        actions: access::ActionSet::of(&[Action::RepositoryPush, Action::TagCreate]),
    };
    let scope = GrantScope::Project("team".to_owned());
    let grants = vec![Grant { role: &CREATOR, scope, source: String::new() }];
    let access = Access::new(Actor::User { name: "alice".to_owned(), administrator: false }, grants);
    let may = |action| allows(&access, None, request(action, "team/api", PRIVATE));
    assert!(may("tag.create"));
    assert!(!may("tag.move") && !may("tag.delete") && !may("manifest.delete"));
}

#[test]
fn a_grant_reaches_its_scope_and_nothing_else() {
    let alice = user("alice", &[("admin", "team"), ("reader", "teams")]);
    for action in Action::ALL {
        for other in ["tea", "teams2", "a", "zzz"] {
            let repository = format!("{other}/api");
            for resource in [
                Resource::Project(other),
                Resource::Repository(&repository),
                Resource::Robot { project: Some(other), name: "ci" },
                Resource::Robot { project: None, name: "ci" },
                Resource::User("alice"),
                Resource::User("bob"),
            ] {
                let request = Request { action: *action, resource, visibility: PRIVATE };
                assert!(!allows(&alice, None, request), "{action} {resource}");
            }
        }
    }
    assert!(!allows(&alice, None, request("push", "teams/api", PRIVATE)));
    assert!(allows(&alice, None, request("pull", "teams/api", PRIVATE)));
    assert!(allows(&alice, None, request("robot.write", "robot:team/ci", PRIVATE)));
}

#[test]
fn a_robot_of_a_project_stays_in_it() {
    // As if a faulty or altered row had given it more.
    let robot = robot(Some("team"), &[("admin", "**"), ("admin", "shop/**")]);
    assert!(allows(&robot, None, request("push", "team/api", PRIVATE)));
    for resource in ["shop/web", "teams/api", "a/b"] {
        let denial = denial(&robot, "pull", resource, PRIVATE);
        assert_eq!((denial.response(), denial.has.as_deref()), (Response::NotFound, None), "{resource}");
        assert!(allows(&robot, None, request("pull", resource, PUBLIC)), "what is public is public to robots");
    }
    let of_hub = self::robot(None, &[("writer", "*/web")]);
    assert!(allows(&of_hub, None, request("push", "shop/web", PRIVATE)));
    assert!(allows(&of_hub, None, request("push", "team/web", PRIVATE)));
    assert!(!allows(&of_hub, None, request("push", "team/api", PRIVATE)));
}

#[test]
fn a_robot_never_administers() {
    let actor = || Actor::Robot { name: "ci".to_owned(), project: None, note: None };
    let role = PROJECT_ROLES.last().unwrap();
    let everywhere = Grant { role, scope: GrantScope::Repositories(Glob::parse("**").unwrap()), source: String::new() };
    let member = Grant { role, scope: GrantScope::Project("team".to_owned()), source: String::new() };
    let access = Access::new(actor(), vec![everywhere, member]);
    for action in Action::ALL {
        let resource = match action.kind() {
            access::ActionKind::Repository => Resource::Repository("team/api"),
            access::ActionKind::Project => Resource::Project("team"),
            access::ActionKind::System | access::ActionKind::Own => Resource::System,
        };
        let expected = access::ROBOT_CEILING.contains(*action)
            || matches!(action, Action::CatalogList | Action::ProjectList | Action::SelfRead);
        let request = Request { action: *action, resource, visibility: PRIVATE };
        assert_eq!(allows(&access, None, request), expected, "{action}");
    }
    assert_snapshot!(answer(&access, "member.write", "team", PRIVATE), @"Forbidden: robot `ci` may not change members of project `team` (member.write is not for robots); do it as a user");
}

#[test]
fn an_action_on_the_wrong_kind_of_resource_is_denied_to_everyone() {
    let resources = [
        Resource::System,
        Resource::Project("team"),
        Resource::Repository("team/api"),
        Resource::User("alice"),
        Resource::Robot { project: Some("team"), name: "ci" },
        Resource::Robot { project: None, name: "ci" },
    ];
    let admin = administrator();
    let mut table = String::new();
    for action in Action::ALL {
        let mut accepted = Vec::new();
        for resource in resources {
            match decide(&admin, None, Request { action: *action, resource, visibility: PUBLIC }) {
                Decision::Allow(because) => {
                    assert_eq!(because, Because::Administrator);
                    accepted.push(resource.to_string());
                }
                Decision::Deny(denial) => assert_eq!(denial.cause, Cause::Misdirected),
            }
        }
        assert!(!accepted.is_empty(), "{action} can be asked of something");
        writeln!(table, "{action}: {}", accepted.join(" ")).unwrap();
    }
    assert_snapshot!(table, @"
    repository.pull: repository:team/api
    repository.push: repository:team/api
    repository.create: repository:team/api
    repository.delete: repository:team/api
    tag.create: repository:team/api
    tag.move: repository:team/api
    tag.delete: repository:team/api
    manifest.delete: repository:team/api
    blob.delete: repository:team/api
    repository.list: project:team
    project.read: project:team
    project.update: project:team
    project.delete: project:team
    member.read: project:team
    member.write: project:team
    robot.read: system project:team robot:team/ci robot:ci
    robot.write: system project:team robot:team/ci robot:ci
    audit.read: system project:team
    access.explain: system project:team
    catalog.list: system
    project.list: system
    project.create: system project:team
    user.read: system user:alice
    user.write: system user:alice
    job.read: system
    gc.read: system
    fsck.run: system
    metrics.read: system
    system.read: system
    system.update: system
    self.read: system
    self.update: system
    ");
}

#[test]
fn a_token_only_narrows() {
    let alice = user("alice", &[("maintainer", "team")]);
    let token = Scopes::parse(["repository:team/api:pull,push"]).unwrap();
    let check = |action: &str, resource: &str, expected: Result<(), (Cause, Response)>| {
        let decision = decide(&alice, Some(&token), request(action, resource, PRIVATE));
        let actual = decision.into_result().map(|_| ()).map_err(|denial| (denial.cause, denial.response()));
        assert_eq!(actual, expected, "{action} {resource}");
    };
    check("push", "team/api", Ok(()));
    check("tag.move", "team/api", Ok(()));
    // Grants allow it: another token would help, so the client is told to fetch one.
    check("tag.delete", "team/api", Err((Cause::TokenScope, Response::Challenge)));
    check("pull", "team/web", Err((Cause::TokenScope, Response::Challenge)));
    check("member.read", "team", Err((Cause::TokenScope, Response::Challenge)));
    // Grants do not: no token would help.
    check("pull", "shop/web", Err((Cause::NoGrant, Response::NotFound)));
    // A token outlives a grant; the grant counts.
    let was_member = user("alice", &[]);
    assert!(!allows(&was_member, Some(&token), request("pull", "team/api", PRIVATE)));
}

#[test]
fn several_needs_are_decided_together() {
    let alice = user("alice", &[("writer", "team"), ("reader", "base")]);
    let needs = |list: &[(&'static str, &'static str)]| {
        let requests: Vec<_> = list.iter().map(|(action, resource)| request(action, resource, PRIVATE)).collect();
        decide_all(&alice, None, requests).map_err(|denial| format!("{:?} {}", denial.response(), denial.resource))
    };
    assert_eq!(needs(&[]), Ok(()));
    assert_eq!(needs(&[("push", "team/api"), ("pull", "base/os")]), Ok(()));
    assert_eq!(needs(&[("push", "base/os"), ("pull", "team/api")]), Err("Forbidden repository:base/os".to_owned()));
    // The hidden one decides, wherever it stands.
    let hidden = Err("NotFound repository:shop/web".to_owned());
    assert_eq!(needs(&[("push", "base/os"), ("pull", "shop/web")]), hidden);
    assert_eq!(needs(&[("pull", "shop/web"), ("push", "base/os")]), hidden);
}

#[test]
fn resources_read_back() {
    for text in ["system", "project:team", "repository:team/api", "user:alice", "robot:ci", "robot:team/ci"] {
        assert_eq!(Resource::parse(text).unwrap().to_string(), text);
    }
    assert_eq!(Resource::parse("team"), Ok(Resource::Project("team")));
    assert_eq!(Resource::parse("team/a/b"), Ok(Resource::Repository("team/a/b")));
    for text in
        ["", "/", "a//b", "team/", "project:a/b", "repository:a", "user:", "robot:", "robot:/a", "x:y", "user:a:b"]
    {
        assert!(Resource::parse(text).is_err(), "{text}");
    }
}

#[test]
fn actors_have_one_form_in_records() {
    assert_eq!(administrator().actor().to_string(), "user:admin");
    assert_eq!(robot(None, &[]).actor().to_string(), "robot:ci-web");
    assert_eq!(Access::anonymous().actor().to_string(), "anonymous");
}

prop_compose! {
    fn any_access()(
        kind in 0..3,
        own in prop::option::of("[ab]"),
        grants in prop::collection::vec((0..5_usize, "[ab]", "[ab]/[ab*]{1,2}", any::<bool>()), 0..4),
    ) -> Access {
        let actor = match kind {
            0 => Actor::Anonymous,
            1 => Actor::User { name: "u".to_owned(), administrator: false },
            _ => Actor::Robot { name: "r".to_owned(), project: own, note: None },
        };
        let grants = grants.into_iter().map(|(role, project, pattern, on_project)| Grant {
            role: &PROJECT_ROLES[role],
            scope: if on_project {
                GrantScope::Project(project)
            } else {
                GrantScope::Repositories(Glob::parse(&pattern).unwrap())
            },
            source: String::new(),
        });
        Access::new(actor, grants.collect())
    }
}

proptest! {
    // The definition by the plainest means: look at every grant.
    #[test]
    fn agrees_with_the_definition(access in any_access(), action in 0..Action::ALL.len(), name in "[ab]/[ab]{1,2}", public in any::<bool>()) {
        let action = Action::ALL[action];
        let project = name.split('/').next().unwrap();
        let is_granted = access.grants().any(|grant| {
            let covers = match &grant.scope {
                GrantScope::Project(granted) => granted == project,
                GrantScope::Repositories(glob) => glob.matches(&name),
            };
            let in_bounds = match access.actor() {
                Actor::Robot { project: Some(own), .. } => own == project,
                _ => true,
            };
            covers && in_bounds && grant.role.permits(action)
        });
        let expected = action.kind() == access::ActionKind::Repository
            && (is_granted || (public && action == Action::RepositoryPull));
        let visibility = if public { PUBLIC } else { PRIVATE };
        let request = Request { action, resource: Resource::Repository(&name), visibility };
        prop_assert_eq!(allows(&access, None, request), expected);
        if let Decision::Deny(denial) = decide(&access, None, request) {
            let pull = Request { action: Action::RepositoryPull, ..request };
            let is_consistent = denial.visible || !allows(&access, None, pull);
            prop_assert!(is_consistent, "who may pull may know");
        }
    }
}

#[test]
fn what_the_hub_writes_is_read_by_everyone_who_is_logged_in() {
    let own = access::HUB_REPOSITORY;
    let maintainer = user("ada", &[("maintainer", "garrison")]);
    let anonymous = Access::anonymous();
    for (who, access) in [("user", user("bob", &[])), ("robot", robot(Some("team"), &[("reader", "team/**")]))] {
        assert_eq!(answer(&access, "repository.pull", own, PRIVATE), "Allow: may, as everyone", "{who}");
        // Nothing else there is everybody's.
        assert!(answer(&access, "repository.pull", "garrison/other", PRIVATE).starts_with("NotFound"), "{who}");
    }
    assert!(answer(&anonymous, "repository.pull", own, PRIVATE).starts_with("Challenge"));
    let writes = [
        "repository.push",
        "repository.create",
        "tag.create",
        "tag.move",
        "tag.delete",
        "manifest.delete",
        "blob.delete",
    ];
    for action in writes {
        for access in [&administrator(), &maintainer, &user("bob", &[])] {
            let denial = denial(access, action, own, PRIVATE);
            assert_eq!((denial.cause, denial.response()), (Cause::OfHub, Response::Forbidden), "{action}");
        }
        assert_eq!(denial(&anonymous, action, own, PRIVATE).response(), Response::Challenge, "{action}");
    }
    assert_eq!(
        denial(&administrator(), "repository.push", own, PRIVATE).message(),
        "user `admin` may not push to garrison/advisories (the hub alone writes it); `garrison db import --hub FILE` brings the hub a database"
    );
    assert_eq!(answer(&administrator(), "repository.delete", own, PRIVATE), "Allow: is an administrator");
}
