//! The complete truth table, and what must hold of it whatever roles come.

use access::{
    ADMINISTRATOR, Action, ActionKind, ActionSet, PROJECT_ROLES, PUBLIC_ACTIONS, ROBOT_CEILING, Role, matrix,
};

#[test]
fn every_role_and_every_action() {
    insta::assert_snapshot!(matrix());
}

#[test]
fn action_names_are_unique_and_read_back() {
    for (index, action) in Action::ALL.iter().enumerate() {
        assert_eq!(action.name().parse(), Ok(*action));
        assert!(Action::ALL[..index].iter().all(|other| other.name() != action.name()));
        assert!(action.description().ends_with('.'), "{action}");
    }
    assert_eq!("push".parse(), Ok(Action::RepositoryPush));
    assert_eq!("pull".parse(), Ok(Action::RepositoryPull));
    for name in ["", "delete", "repository", "repository.", "Repository.Pull", "*", "repository.pull "] {
        assert_eq!(name.parse::<Action>().unwrap_err().to_string(), format!("unknown action `{name}`"));
    }
}

#[test]
fn roles_grow_and_end_below_the_administrator() {
    for pair in PROJECT_ROLES.windows(2) {
        assert!(pair[1].actions.contains_all(pair[0].actions) && pair[1].actions != pair[0].actions, "{}", pair[1]);
    }
    for role in &PROJECT_ROLES {
        assert!(ADMINISTRATOR.actions.contains_all(role.actions));
        let of_projects = ActionSet::of_kind(ActionKind::Repository).union(ActionSet::of_kind(ActionKind::Project));
        assert!(of_projects.contains_all(role.actions), "{role} reaches beyond its project");
        assert!(role.actions.contains_all(PUBLIC_ACTIONS), "{role} has less than everyone");
        assert_eq!(Role::parse(role.name).unwrap(), role);
    }
    for name in ["", "administrator", "Writer", "owner"] {
        assert!(Role::parse(name).is_err(), "{name}");
    }
}

#[test]
fn who_adds_does_not_take_away() {
    let deleting = [Action::TagDelete, Action::ManifestDelete, Action::BlobDelete, Action::RepositoryDelete];
    let writer = Role::parse("writer").unwrap();
    assert!(deleting.iter().all(|action| !writer.permits(*action)));
    // Deleting a manifest deletes its tags, so that it must never be the lesser right.
    for role in &PROJECT_ROLES {
        assert!(!role.permits(Action::ManifestDelete) || role.permits(Action::TagDelete), "{role}");
    }
}

#[test]
fn robots_never_administer() {
    for action in ROBOT_CEILING.iter() {
        let is_harmless =
            action.kind() == ActionKind::Repository || matches!(action, Action::ProjectRead | Action::RepositoryList);
        assert!(is_harmless, "{action}");
    }
}
