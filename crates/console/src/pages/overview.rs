//! The first page: what there is for the caller.

use std::collections::BTreeMap;

use access::Action;
use api::{Call, Failure};
use askama::Template;
use axum::response::Response;
use http::StatusCode;
use pipeline::{RefusedImage, RefusedImages, Tagged};
use tenancy::PageRequest;

use crate::frame::{Frame, Section, Viewer, answer};
use crate::href;
use crate::pages::findings::{self, Bar, Freshness};
use crate::words::{Hash, Moment, at_least, foreign, plural};

/// Projects on the first page; the rest is found by search.
const PROJECTS_MAX: u32 = 40;
/// Repositories on the first page.
const REPOSITORIES_MAX: usize = 12;
/// Repositories among which the newest are looked for.
const REPOSITORIES_READ_MAX: u64 = 500;
/// Images that are not inventoried on the first page; the command lists more.
const REFUSED_MAX: usize = 12;
/// The longest reason why not.
const REASON_BYTES_MAX: usize = 240;

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
    refused_counted: String,
    refused: Vec<RefusedRow>,
    more_refused: bool,
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

/// An image that is not inventoried.
struct RefusedRow {
    href: String,
    name: String,
    repository_href: String,
    repository: String,
    reason: String,
    at: Option<Moment>,
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
    let refused = if call.may(Action::CatalogList) && !repositories.is_empty() {
        call.app.pipeline().refused(&call.readable().await?).await?
    } else {
        RefusedImages { images: Vec::new(), is_cut: false }
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
        refused_counted: match refused.images.len() {
            0 if !refused.is_cut => String::new(),
            number => at_least(number, refused.is_cut, "image"),
        },
        more_refused: refused.is_cut || refused.images.len() > REFUSED_MAX,
        refused: refused.images.iter().take(REFUSED_MAX).map(|image| refused_row(image, now_us)).collect(),
        host,
        registry_flags,
    };
    answer(StatusCode::OK, &page)
}

fn refused_row(image: &RefusedImage, now_us: i64) -> RefusedRow {
    RefusedRow {
        href: format!("{}#components", href::image(&image.repository, image.image)),
        name: image.tags.first().map_or_else(|| Hash(image.image).short(), ToString::to_string),
        repository_href: href::repository(&image.repository),
        repository: image.repository.to_string(),
        reason: foreign(&image.reason, REASON_BYTES_MAX),
        at: image.refused_at_us.map(|at_us| Moment::new(at_us, now_us)),
    }
}
