//! A project: its repositories, and its members for those who may know them.

use access::Action;
use api::{Call, Failure, PageParameters};
use askama::Template;
use axum::response::Response;
use http::StatusCode;
use pipeline::Whose;
use tenancy::PageRequest;

use crate::frame::{Frame, ROWS_MAX, Section, Viewer, answer};
use crate::href;
use crate::pages::exceptions::{self, Exceptions};
use crate::pages::vex::{self, Vex};
use crate::words::{Moment, at_least};

/// Members on the page; the command lists all.
const MEMBERS_MAX: u32 = 40;

#[derive(Template)]
#[template(path = "project.html")]
struct ProjectPage {
    frame: Frame,
    name: String,
    public: bool,
    created: Moment,
    counted: String,
    is_first_page: bool,
    repositories: Vec<RepositoryRow>,
    next: Option<String>,
    /// None for who may not know them.
    members: Option<Vec<MemberRow>>,
    more_members: bool,
    exceptions: Option<Exceptions>,
    vex: Option<Vex>,
    host: String,
    registry_flags: &'static str,
}

struct RepositoryRow {
    href: String,
    name: String,
    created: Moment,
}

struct MemberRow {
    name: String,
    role: String,
    granted: Moment,
}

pub(crate) async fn get(call: Call) -> Result<Response, Failure> {
    let (tenancy, now_us) = (call.app.tenancy(), call.app.now_us());
    let project = tenancy.get_project(call.target.parameter("project")).await?;
    let after = PageParameters::of(&call.target)?.after.unwrap_or_default();
    let (repositories, more) = if call.may(Action::RepositoryList) {
        call.visible_repositories(Some(&project.name), &after, ROWS_MAX).await?
    } else {
        (Vec::new(), false)
    };
    let next = repositories
        .last()
        .filter(|_| more)
        .map(|last| format!("{}?after={}", href::project(&project.name), last.name));
    let (members, more_members) = if call.may(Action::MemberRead) {
        let request = PageRequest { after: None, limit: Some(MEMBERS_MAX) };
        let page = tenancy.list_members(&project.name, &request).await?;
        let row = |member: tenancy::Member| MemberRow {
            name: member.user,
            role: member.role,
            granted: Moment::new(member.granted_at_us, now_us),
        };
        (Some(page.items.into_iter().map(row).collect()), page.next.is_some())
    } else {
        (None, false)
    };
    let name = &project.name;
    let mut frame = Frame::new(&call, Section::Overview, name.clone())
        .command(format!("garrison project show {name}"))
        .command(format!("garrison repo list {name}"));
    if members.is_some() {
        frame = frame.command(format!("garrison project members {name}"));
    }
    let (host, registry_flags) = super::image::host(&call);
    // They name repositories, and say what is in them.
    let reads_decisions = call.pulls_from_all(&project.name).await?;
    let whose = Whose::Project(project.name.clone());
    let page = ProjectPage {
        frame,
        public: project.public,
        created: Moment::new(project.created_at_us, now_us),
        counted: at_least(repositories.len(), more, "repository"),
        is_first_page: after.is_empty(),
        repositories: repositories
            .iter()
            .map(|repository| RepositoryRow {
                href: href::repository(&repository.name),
                name: repository.name.to_string(),
                created: Moment::new(repository.created_at_us, now_us),
            })
            .collect(),
        next,
        members,
        more_members,
        exceptions: if reads_decisions { exceptions::part(&call, &whose).await? } else { None },
        vex: if reads_decisions { vex::part(&call, &whose).await? } else { None },
        host,
        registry_flags,
        name: project.name,
    };
    answer(StatusCode::OK, &page)
}
