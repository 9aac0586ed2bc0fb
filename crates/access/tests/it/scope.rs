//! Token scopes.

use access::{
    Access, Action, ActionKind, Actor, Glob, Grant, GrantScope, Resource, Role, SCOPE_TEXT_BYTES_MAX, SCOPES_MAX,
    ScopeAction, ScopeError, Scopes, Visibility, grant_scopes,
};
use proptest::prelude::*;

fn check(parameters: &[&str], expected: &str) {
    let scopes = Scopes::parse(parameters.iter().copied()).unwrap();
    assert_eq!(scopes.to_string(), expected, "{parameters:?}");
}

#[test]
fn parsing() {
    // docker login asks for nothing.
    check(&[], "");
    check(&[""], "");
    check(&["   "], "");
    check(&["repository:team/api:pull"], "repository:team/api:pull");
    check(&["repository:team/api:push,pull,push"], "repository:team/api:pull,push");
    check(&["repository:b/b:pull repository:a/a:push"], "repository:a/a:push repository:b/b:pull");
    check(
        &["repository:a/a:pull", "repository:a/a:push", "repository:b/b:pull"],
        "repository:a/a:pull,push repository:b/b:pull",
    );
    check(&["repository(plugin):a/b:pull,push"], "repository:a/b:pull,push");
    check(&["repository:alpine:pull"], "repository:alpine:pull");
    check(&["registry:catalog:*"], "registry:catalog:*");
    check(&["repository:a/b:*"], "repository:a/b:*");
}

#[test]
fn the_unknown_and_the_malformed_are_left_out() {
    for text in [
        "repository",
        "repository:",
        "repository:a/b",
        "repository:a/b:",
        "repository::pull",
        "repository:a//b:pull",
        "repository:/a:pull",
        "repository:a/:pull",
        "repository:A/b:pull",
        "repository:a/../b\0:pull",
        "repository:a b:pull",
        "repository:a/b:admin",
        "repository:a/b:PULL",
        "repository:a/b:pull%2cpush",
        "Repository:a/b:pull",
        "registry:catalog:pull",
        "registry:other:*",
        "repository(plugin:a/b:pull",
        "repository(:a/b:pull",
        "robot:a/b:*",
        "*:*:*",
        ":::",
        "repository:host:5000/a:pull",
    ] {
        check(&[text], "");
        check(&[text, "repository:a/b:pull"], "repository:a/b:pull");
    }
    // An unknown word is not mapped up to a known one.
    check(&["repository:a/b:pull,write,admin,**"], "repository:a/b:pull");
    check(&[&format!("repository:{}:pull", "a".repeat(256))], "");
}

#[test]
fn limits() {
    let many =
        |count: usize| (0..count).map(|index| format!("repository:a/{index}:pull")).collect::<Vec<_>>().join(" ");
    assert_eq!(Scopes::parse([many(SCOPES_MAX - 1).as_str()]).unwrap().as_slice().len(), SCOPES_MAX - 1);
    assert_eq!(Scopes::parse([many(SCOPES_MAX).as_str()]).unwrap().as_slice().len(), SCOPES_MAX);
    assert_eq!(Scopes::parse([many(SCOPES_MAX + 1).as_str()]), Err(ScopeError::TooMany));
    // Repeats are one.
    assert_eq!(Scopes::parse(vec!["repository:a/b:pull"; 100]).unwrap().as_slice().len(), 1);

    let long = |bytes: usize| " ".repeat(bytes);
    Scopes::parse([long(SCOPE_TEXT_BYTES_MAX - 1).as_str()]).unwrap();
    Scopes::parse([long(SCOPE_TEXT_BYTES_MAX).as_str()]).unwrap();
    let actual = SCOPE_TEXT_BYTES_MAX + 1;
    assert_eq!(Scopes::parse([long(actual).as_str()]), Err(ScopeError::TooLong { actual }));
    assert_eq!(Scopes::parse([long(SCOPE_TEXT_BYTES_MAX).as_str(), " "]), Err(ScopeError::TooLong { actual }));
}

#[test]
fn each_action_under_v2_belongs_to_exactly_one_word() {
    let expected = |action: Action| match action {
        Action::RepositoryPull => Some(ScopeAction::Pull),
        Action::RepositoryPush | Action::RepositoryCreate | Action::TagCreate | Action::TagMove => {
            Some(ScopeAction::Push)
        }
        Action::TagDelete | Action::ManifestDelete | Action::BlobDelete => Some(ScopeAction::Delete),
        // Not done under /v2/: `*` alone covers it.
        Action::RepositoryDelete => None,
        other => {
            assert_ne!(other.kind(), ActionKind::Repository, "{other} needs a word");
            None
        }
    };
    for action in Action::ALL {
        for word in [ScopeAction::Pull, ScopeAction::Push, ScopeAction::Delete] {
            assert_eq!(word.actions().contains(*action), expected(*action) == Some(word), "{} {action}", word.as_str());
        }
        assert_eq!(ScopeAction::All.actions().contains(*action), action.kind() == ActionKind::Repository, "{action}");
    }
}

#[test]
fn what_a_token_covers() {
    let covers = |scopes: &str, action: &str, resource: &str| {
        Scopes::parse([scopes]).unwrap().cover(action.parse().unwrap(), Resource::parse(resource).unwrap())
    };
    for (scopes, action, resource, expected) in [
        ("", "pull", "team/api", false),
        ("repository:team/api:push", "manifest.delete", "team/api", false),
        ("repository:team/api:push", "tag.delete", "team/api", false),
        ("repository:team/api:push", "blob.delete", "team/api", false),
        ("repository:team/api:push", "pull", "team/api", false),
        ("repository:team/api:delete", "push", "team/api", false),
        ("repository:team/api:delete", "tag.move", "team/api", false),
        ("repository:team/api:pull", "pull", "team/api2", false),
        ("repository:team/api:pull", "pull", "team/ap", false),
        ("repository:api:pull", "pull", "team/api", false),
        ("repository:library:pull", "pull", "library/alpine", false),
        ("repository:team/api:*", "member.write", "team", false),
        ("repository:team/api:*", "project.read", "team", false),
        ("repository:team/api:*", "catalog.list", "system", false),
        ("repository:team/api:pull", "project.create", "team", false),
        ("repository:team/api:push", "project.create", "system", false),
        ("repository:team/api:push", "project.create", "tea", false),
        ("registry:catalog:*", "project.list", "system", false),
        ("registry:catalog:*", "pull", "team/api", false),
        ("registry:catalog:*", "user.write", "system", false),
        ("repository:team/api:pull", "pull", "team/api", true),
        ("repository:team/api:push", "tag.move", "team/api", true),
        ("repository:team/api:push", "project.create", "team", true),
        ("repository:team/api:delete", "blob.delete", "team/api", true),
        ("repository:team/api:*", "repository.delete", "team/api", true),
        ("repository:alpine:pull", "pull", "library/alpine", true),
        ("repository:library/alpine:pull", "pull", "library/alpine", true),
        ("registry:catalog:*", "catalog.list", "system", true),
    ] {
        assert_eq!(covers(scopes, action, resource), expected, "{scopes} {action} {resource}");
    }
}

#[test]
fn granting_gives_what_the_caller_may_do_and_no_more() {
    let grant =
        |role: &str, scope: GrantScope| Grant { role: Role::parse(role).unwrap(), scope, source: String::new() };
    let user = |grants| Access::new(Actor::User { name: "alice".to_owned(), administrator: false }, grants);
    let on_team = |role| user(vec![grant(role, GrantScope::Project("team".to_owned()))]);
    let admin = Access::new(Actor::User { name: "admin".to_owned(), administrator: true }, Vec::new());
    let robot = Access::new(
        Actor::Robot { name: "ci".to_owned(), project: Some("team".to_owned()), note: None },
        vec![grant("writer", GrantScope::Repositories(Glob::parse("team/web").unwrap()))],
    );
    let visibility =
        |project: &str| if matches!(project, "open" | "library") { Visibility::Public } else { Visibility::Private };
    let check = |access: &Access, requested: &str, expected: &str| {
        let granted = grant_scopes(access, &Scopes::parse([requested]).unwrap(), visibility);
        assert_eq!(granted.to_string(), expected, "{requested}");
    };
    let all = "repository:team/api:*";
    check(&Access::anonymous(), all, "");
    check(&user(vec![]), all, "");
    check(&on_team("reader"), all, "repository:team/api:pull");
    check(&on_team("writer"), all, "repository:team/api:pull,push");
    check(&on_team("maintainer"), all, "repository:team/api:delete,pull,push");
    check(&admin, all, "repository:team/api:delete,pull,push");
    check(&on_team("maintainer"), "repository:team/api:push", "repository:team/api:push");
    check(&on_team("reader"), "repository:team/api:pull,push,delete", "repository:team/api:pull");
    check(&on_team("writer"), "repository:shop/web:pull repository:team/api:push", "repository:team/api:push");
    check(&robot, "repository:team/web:* repository:team/api:* repository:shop/web:*", "repository:team/web:pull,push");
    check(&Access::anonymous(), "repository:open/x:pull,push", "repository:open/x:pull");
    // A name of one segment is answered as it was asked, and is the one in `library`.
    check(&Access::anonymous(), "repository:alpine:pull", "repository:alpine:pull");
    check(&on_team("reader"), "registry:catalog:*", "registry:catalog:*");
}

#[test]
fn intersection() {
    let check = |left: &str, right: &str, expected: &str| {
        let (left, right) = (Scopes::parse([left]).unwrap(), Scopes::parse([right]).unwrap());
        assert_eq!(left.intersect(&right).to_string(), expected);
        assert_eq!(right.intersect(&left).to_string(), expected);
    };
    check("", "repository:a/b:pull", "");
    check("repository:a/b:pull", "repository:a/c:pull", "");
    check("repository:a/b:pull", "repository:a/b:push", "");
    check("repository:a/b:pull,push", "repository:a/b:push,delete", "repository:a/b:push");
    check("repository:a/b:*", "repository:a/b:push,delete", "repository:a/b:delete,push");
    check("repository:a/b:*", "repository:a/b:*", "repository:a/b:*");
}

#[test]
fn the_access_claim_is_read_strictly() {
    let json = r#"[{"type":"registry","name":"catalog","actions":["*"]},{"type":"repository","name":"a/b","actions":["pull","push"]}]"#;
    let scopes: Scopes = serde_json::from_str(json).unwrap();
    assert_eq!(serde_json::to_string(&scopes).unwrap(), json);
    for json in [
        "{}",
        "[{}]",
        r#"[{"type":"repository","name":"a/b"}]"#,
        r#"[{"type":"repository","name":"a/b","actions":[]}]"#,
        r#"[{"type":"repository","name":"a/b","actions":["admin"]}]"#,
        r#"[{"type":"repository","name":"A","actions":["pull"]}]"#,
        r#"[{"type":"project","name":"a","actions":["pull"]}]"#,
        r#"[{"type":"repository","name":"a/b","actions":["pull"],"more":1}]"#,
        r#"[{"type":"repository","name":"a/b","name":"a/c","actions":["pull"]}]"#,
    ] {
        assert!(serde_json::from_str::<Scopes>(json).is_err(), "{json}");
    }
    let entry = r#"{"type":"repository","name":"a/N","actions":["pull"]}"#;
    let list = |count: usize| {
        let entries: Vec<_> = (0..count).map(|index| entry.replace('N', &index.to_string())).collect();
        serde_json::from_str::<Scopes>(&format!("[{}]", entries.join(",")))
    };
    assert!(list(SCOPES_MAX).is_ok());
    assert!(list(SCOPES_MAX + 1).is_err());
}

proptest! {
    #[test]
    fn parsing_never_panics_and_its_text_reads_back(texts in prop::collection::vec("[a-z:,/()* ]{0,40}|.{0,40}", 0..6)) {
        if let Ok(scopes) = Scopes::parse(texts.iter().map(String::as_str)) {
            prop_assert_eq!(&Scopes::parse([scopes.to_string().as_str()]).unwrap(), &scopes);
            let json = serde_json::to_string(&scopes).unwrap();
            prop_assert_eq!(serde_json::from_str::<Scopes>(&json).unwrap(), scopes);
        }
    }

    #[test]
    fn granting_never_widens(words in prop::sample::subsequence(vec!["pull", "push", "delete", "*"], 0..=4), role in 0..5_usize) {
        let requested = Scopes::parse([format!("repository:team/api:{}", words.join(",")).as_str()]).unwrap();
        let grants = vec![Grant { role: &access::PROJECT_ROLES[role], scope: GrantScope::Project("team".to_owned()), source: String::new() }];
        let access = Access::new(Actor::User { name: "a".to_owned(), administrator: false }, grants);
        let granted = grant_scopes(&access, &requested, |_| Visibility::Private);
        for action in Action::ALL {
            let resource = Resource::Repository("team/api");
            prop_assert!(!granted.cover(*action, resource) || requested.cover(*action, resource));
        }
    }
}
