//! The permission matrix, for the documentation.

use std::fmt::Write as _;

use crate::action::{Action, ActionKind};
use crate::actor::Actor;
use crate::decision::{Request, allows};
use crate::grant::{Access, Grant, GrantScope};
use crate::resource::{Resource, Visibility};
use crate::role::PROJECT_ROLES;

/// Returns who may do what as a Markdown table: a row an action, a column a kind of caller. Each cell is the answer of
/// [`decide`](crate::decide), asked in a project where the caller holds the role; nothing is written down twice.
///
/// `anyone` is a caller without credentials in a public project; `user` has an account and no role, in a private one.
pub fn matrix() -> String {
    let user = || Actor::User { name: "user".to_owned(), administrator: false };
    let mut columns = vec![
        ("anyone", Access::anonymous(), Visibility::Public),
        ("user", Access::new(user(), Vec::new()), Visibility::Private),
    ];
    for role in &PROJECT_ROLES {
        let scope = GrantScope::Project("team".to_owned());
        let grants = vec![Grant { role, scope, source: String::new() }];
        columns.push((role.name, Access::new(user(), grants), Visibility::Private));
    }
    let robot = Actor::Robot { name: "robot".to_owned(), project: Some("team".to_owned()), note: None };
    if let (Some(role), Ok(glob)) = (PROJECT_ROLES.last(), crate::Glob::whole_project("team")) {
        let grants = vec![Grant { role, scope: GrantScope::Repositories(glob), source: String::new() }];
        columns.push(("robot at most", Access::new(robot, grants), Visibility::Private));
    }
    let administrator = Actor::User { name: "user".to_owned(), administrator: true };
    columns.push(("administrator", Access::new(administrator, Vec::new()), Visibility::Private));

    let mut table = String::from("| action |");
    for (name, ..) in &columns {
        let _ = write!(table, " {name} |");
    }
    table.push_str(" covers |\n|---|");
    table.push_str(&":-:|".repeat(columns.len()));
    table.push_str("---|\n");
    for action in Action::ALL {
        let _ = write!(table, "| `{action}` |");
        let resource = match action.kind() {
            ActionKind::Repository => Resource::Repository("team/api"),
            ActionKind::Project => Resource::Project("team"),
            ActionKind::System | ActionKind::Own => Resource::System,
        };
        for (_, access, visibility) in &columns {
            let may = allows(access, None, Request { action: *action, resource, visibility: *visibility });
            table.push_str(if may { " x |" } else { " |" });
        }
        let _ = writeln!(table, " {} |", action.description());
    }
    table
}
