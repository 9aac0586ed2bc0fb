//! The first page: what there is for the caller.

use std::collections::BTreeMap;

use access::Action;
use api::{Call, Failure};
use askama::Template;
use axum::response::Response;
use http::StatusCode;
use pipeline::Tagged;
use tenancy::PageRequest;

use crate::frame::{Frame, Section, Viewer, answer};
use crate::href;
use crate::pages::findings::{self, Bar, Freshness};
use crate::words::{Moment, at_least, plural};

/// Projects on the first page; the rest is found by search.
const PROJECTS_MAX: u32 = 40;
/// Repositories on the first page.
const REPOSITORIES_MAX: usize = 12;
/// Repositories among which the newest are looked for.
const REPOSITORIES_READ_MAX: u64 = 500;

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    frame: Frame,
    viewer: Option<String>,
    projects_counted: String,
    repositories_counted: String,
    projects: Vec<ProjectRow>,
    more_projects: bool,
    repositories: Vec<RepositoryRow>,
    /// Whether all were compared; else they are the first by name.
    is_newest: bool,
    findings: Option<String>,
    bars: Vec<Bar>,
    freshness: Option<Freshness>,
    host: String,
    registry_flags: &'static str,
}

struct ProjectRow {
    href: String,
    name: String,
    public: bool,
    repositories: String,
    created: Moment,
}

struct RepositoryRow {
    href: String,
    name: String,
    created: Moment,
}

pub(crate) async fn get(call: Call) -> Result<Response, Failure> {
    let now_us = call.app.now_us();
    let request = PageRequest { after: None, limit: Some(PROJECTS_MAX) };
    let (projects, more_projects) = if call.may(Action::ProjectList) {
        let page = call.app.tenancy().list_projects(call.caller.tenant(), &request).await?;
        (page.items, page.next.is_some())
    } else {
        (Vec::new(), false)
    };
    let (mut repositories, is_cut) = if call.may(Action::CatalogList) {
        call.visible_repositories(None, "", REPOSITORIES_READ_MAX).await?
    } else {
        (Vec::new(), false)
    };
    let mut of_project: BTreeMap<String, usize> = BTreeMap::new();
    for repository in &repositories {
        *of_project.entry(repository.name.project().to_owned()).or_default() += 1;
    }
    let projects_counted = at_least(projects.len(), more_projects, "project");
    let repositories_counted = at_least(repositories.len(), is_cut, "repository");
    if !is_cut {
        repositories.sort_by(|a, b| b.created_at_us.cmp(&a.created_at_us).then_with(|| a.name.cmp(&b.name)));
    }
    let project_row = |project: tenancy::Project| {
        let count = of_project.get(&project.name).copied().unwrap_or(0);
        let count = crate::words::count(count);
        ProjectRow {
            href: href::project(&project.name),
            repositories: if is_cut { "repositories".to_owned() } else { plural(count, "repository") },
            public: project.public,
            created: Moment::new(project.created_at_us, now_us),
            name: project.name,
        }
    };
    let (host, registry_flags) = super::image::host(&call);
    let totals = if call.may(Action::CatalogList) && !repositories.is_empty() {
        Some(call.app.pipeline().totals(&call.readable().await?, Tagged::Yes).await?)
    } else {
        None
    };
    let page = OverviewPage {
        frame: Frame::new(&call, Section::Overview, "Overview")
            .command("garrison project list")
            .command("garrison repo list"),
        viewer: call.caller.subject().name().map(ToOwned::to_owned),
        projects_counted,
        repositories_counted,
        projects: projects.into_iter().map(project_row).collect(),
        more_projects,
        repositories: repositories
            .iter()
            .take(REPOSITORIES_MAX)
            .map(|repository| RepositoryRow {
                href: href::repository(&repository.name),
                name: repository.name.to_string(),
                created: Moment::new(repository.created_at_us, now_us),
            })
            .collect(),
        is_newest: !is_cut,
        findings: totals.map(|totals| findings::sentence(totals, Tagged::Yes)),
        bars: totals.map(|totals| findings::bars(totals, findings::list_of)).unwrap_or_default(),
        freshness: findings::freshness(&call).await?,
        host,
        registry_flags,
    };
    answer(StatusCode::OK, &page)
}
