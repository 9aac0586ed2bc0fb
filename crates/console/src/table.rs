//! The console's rows of the endpoint table.

use access::{Action, Resource};
use api::{Endpoint, Guard, Need, Needs, Surface, Target};
use http::Method;

use crate::{assets, pages};

macro_rules! rows {
    ($($method:ident $path:literal $name:literal $summary:literal,
       $guard:expr, [$($parameter:literal),*] => $status:literal, $handler:path;)+) => {
        &[$(Endpoint {
            method: Method::$method,
            path: $path,
            name: $name,
            summary: $summary,
            guard: $guard,
            surface: Surface::Page,
            parameters: &[$($parameter),*],
            request: None,
            answer: ($status, None),
            handler: |call| Box::pin($handler(call)),
        }),+]
    };
}

/// Returns every endpoint of the console.
pub fn endpoints() -> Vec<&'static Endpoint> {
    ROWS.iter().collect()
}

static ROWS: &[Endpoint] = rows![
    GET "/" "page.overview" "Shows projects and repositories that the caller may see",
        Guard::Needs(overview), [] => 200, pages::overview::get;
    GET "/login" "page.login" "Shows the form to log in",
        Guard::Open, ["next"] => 200, pages::login::get;
    POST "/login" "page.login.post" "Begins a browser's session",
        Guard::Open, [] => 303, pages::login::post;
    POST "/logout" "page.logout" "Ends the browser's session",
        Guard::Open, [] => 303, pages::login::logout;
    GET "/projects/{project}" "page.project" "Shows a project's repositories and members",
        Guard::Needs(project), ["after"] => 200, pages::project::get;
    GET "/repositories" "page.repositories" "Shows repositories that the caller may pull from, or one of them by its name",
        Guard::Needs(repositories), ["name", "view", "after"] => 200, pages::repositories::get;
    GET "/image" "page.image" "Shows an image's manifest, config, layers, platforms, components and referrers",
        Guard::Needs(image), ["name", "reference", "q", "type", "license", "after"] => 200, pages::image::get;
    GET "/image/component" "page.image.component" "Shows a component of an image: where it is, what needs it, what it needs",
        Guard::Needs(image), ["name", "reference", "platform", "component"] => 200, pages::component::get;
    GET "/image/dependencies" "page.image.dependencies" "Shows what needs what in an image as a tree",
        Guard::Needs(image), ["name", "reference", "platform", "after"] => 200, pages::dependencies::get;
    GET "/image/sbom" "page.image.sbom" "Shows how an SBOM that someone pushed beside an image differs from what the hub found",
        Guard::Needs(image), ["name", "reference", "platform", "document", "blob"] => 200, pages::differences::get;
    GET "/image/findings" "page.image.findings" "Shows what is known to be wrong with an image, and why",
        Guard::Needs(image), ["name", "reference", "platform", "suppressed", "after"] => 200, pages::image_findings::get;
    GET "/image/explanation" "page.image.explanation" "Shows why a vulnerability is found in an image, or why not",
        Guard::Needs(image), ["name", "reference", "platform", "vulnerability", "component"] => 200, pages::explanation::get;
    GET "/findings" "page.findings" "Shows what is known to be wrong with all images that the caller may pull, worst first",
        Guard::Needs(findings), ["severity", "epss", "exploited", "fixable", "since", "older_than", "tagged", "order", "project", "after"] => 200, pages::findings::get;
    GET "/advisories" "page.advisories" "Shows how fresh each feed of advisories is, and which fail",
        Guard::Needs(findings), [] => 200, pages::advisories::get;
    GET "/vulnerability" "page.vulnerability" "Shows a vulnerability, and which images have it since when",
        Guard::Needs(search), ["id", "tagged", "after"] => 200, pages::vulnerability::get;
    GET "/components" "page.components" "Finds where a component is, in all images that the caller may pull",
        Guard::Needs(search), ["query", "range", "tagged", "after"] => 200, pages::components::get;
    GET "/search" "page.search" "Finds repositories by name, tag or digest",
        Guard::Needs(search), ["q", "after"] => 200, pages::search::get;
    GET "/assets/{file}" "page.asset" "Returns a style sheet, script or picture of the pages",
        Guard::Open, [] => 200, assets::get;
];

/// Nobody is sent away from the first page: it shows what is public, and the way in.
fn overview(_: &Target) -> Needs<'_> {
    vec![Need::optional(Action::ProjectList, Resource::System), Need::optional(Action::CatalogList, Resource::System)]
}

fn project(target: &Target) -> Needs<'_> {
    let resource = Resource::Project(target.parameter("project"));
    vec![
        Need::required(Action::ProjectRead, resource),
        Need::optional(Action::RepositoryList, resource),
        Need::optional(Action::MemberRead, resource),
    ]
}

fn repositories(target: &Target) -> Needs<'_> {
    match target.query("name") {
        Some(_) => image(target),
        None => search(target),
    }
}

fn image(target: &Target) -> Needs<'_> {
    vec![Need::required(Action::RepositoryPull, Resource::Repository(target.repository()))]
}

/// Who may know the hub's settings is shown the exceptions of all projects, and which feeds fail.
fn findings(_: &Target) -> Needs<'_> {
    vec![Need::required(Action::CatalogList, Resource::System), Need::optional(Action::SystemRead, Resource::System)]
}

fn search(_: &Target) -> Needs<'_> {
    vec![Need::required(Action::CatalogList, Resource::System)]
}
