//! The table of endpoints.

use access::{Action, Resource};
use http::Method;

use crate::endpoint::{Endpoint, Guard, Need, Needs, Schema, Surface, Target};
use crate::v2::mounts_source;
use crate::{health, metrics, openapi, token, v1, v2};

macro_rules! rows {
    ($($method:ident $path:literal $name:literal $summary:literal,
       $guard:expr, $surface:ident, [$($parameter:literal),*], $request:expr => $status:literal $answer:expr, $handler:path;)+) => {
        &[$(Endpoint {
            method: Method::$method,
            path: $path,
            name: $name,
            summary: $summary,
            guard: $guard,
            surface: Surface::$surface,
            parameters: &[$($parameter),*],
            request: $request,
            answer: ($status, $answer),
            handler: |call| Box::pin($handler(call)),
        }),+]
    };
}

/// Returns every endpoint of this crate.
pub fn endpoints() -> Vec<&'static Endpoint> {
    [REGISTRY, HUB, TENANCY, OPERATION].into_iter().flatten().collect()
}

const fn schema<T: schemars::JsonSchema>() -> Schema {
    schemars::SchemaGenerator::subschema_for::<T>
}

const NONE: Option<Schema> = None;

static REGISTRY: &[Endpoint] = rows![
    GET "/v2/" "registry.ping" "Says that this is a registry, to callers who have logged in",
        Guard::Open, Registry, [], NONE => 200 NONE, v2::base::ping;
    GET "/v2/_catalog" "catalog.list" "Lists repositories that the caller may pull from",
        Guard::Needs(catalog), Registry, ["n", "last"], NONE => 200 NONE, v2::lists::catalog;
    GET "/v2/{name}/tags/list" "tag.list" "Lists tags in ASCII order",
        Guard::Needs(pull), Registry, ["n", "last"], NONE => 200 NONE, v2::lists::tags;
    GET "/v2/{name}/referrers/{digest}" "referrer.list" "Lists manifests whose subject is a digest",
        Guard::Needs(pull), Registry, ["artifactType", "n", "last"], NONE => 200 NONE, v2::lists::referrers;
    GET "/v2/{name}/manifests/{reference}" "manifest.get" "Returns a manifest by tag or digest, bit for bit",
        Guard::Needs(pull), Registry, [], NONE => 200 NONE, v2::manifests::get;
    PUT "/v2/{name}/manifests/{reference}" "manifest.push" "Stores a manifest and sets its tags",
        Guard::Needs(push_manifest), Registry, ["tag"], NONE => 201 NONE, v2::manifests::put;
    DELETE "/v2/{name}/manifests/{reference}" "manifest.delete" "Deletes a tag, or a manifest with its tags",
        Guard::Needs(delete_manifest), Registry, [], NONE => 202 NONE, v2::manifests::delete;
    GET "/v2/{name}/blobs/{digest}" "blob.get" "Returns a blob or a range of it",
        Guard::Needs(pull), Registry, [], NONE => 200 NONE, v2::blobs::get;
    DELETE "/v2/{name}/blobs/{digest}" "blob.delete" "Takes a blob out of this repository",
        Guard::Needs(delete_blob), Registry, [], NONE => 202 NONE, v2::blobs::delete;
    POST "/v2/{name}/blobs/uploads/" "upload.start" "Begins an upload, takes a whole blob, or mounts one from another repository",
        Guard::Needs(start_upload), Registry, ["digest", "digest-algorithm", "mount", "from"], NONE => 202 NONE, v2::uploads::start;
    GET "/v2/{name}/blobs/uploads/{upload}" "upload.status" "Says how much of an upload is here",
        Guard::Needs(push), Registry, [], NONE => 204 NONE, v2::uploads::status;
    PATCH "/v2/{name}/blobs/uploads/{upload}" "upload.append" "Appends a chunk to an upload",
        Guard::Needs(push), Registry, [], NONE => 202 NONE, v2::uploads::append;
    PUT "/v2/{name}/blobs/uploads/{upload}" "upload.finish" "Ends an upload; the blob is in the repository",
        Guard::Needs(push), Registry, ["digest"], NONE => 201 NONE, v2::uploads::finish;
    DELETE "/v2/{name}/blobs/uploads/{upload}" "upload.cancel" "Cancels an upload",
        Guard::Needs(push), Registry, [], NONE => 204 NONE, v2::uploads::cancel;
];

static HUB: &[Endpoint] = rows![
    GET "/token" "token.get" "Gives a token for what the caller asks and may do",
        Guard::Open, Registry, ["service", "scope", "account", "offline_token"], NONE => 200 NONE, token::get;
    POST "/token" "token.post" "Gives a token for a password or a refresh token",
        Guard::Open, Registry, [], NONE => 200 NONE, token::post;
    GET "/livez" "health.live" "Says that the process answers",
        Guard::Open, Api, [], NONE => 200 NONE, health::live;
    GET "/readyz" "health.ready" "Says that the hub can serve",
        Guard::Open, Api, [], NONE => 200 NONE, health::ready;
    GET "/metrics" "metrics.get" "Returns metrics in the OpenMetrics text format",
        Guard::Needs(read_metrics), Api, [], NONE => 200 NONE, metrics::get;
    GET "/api/v1/openapi.json" "openapi.get" "Returns this document",
        Guard::Open, Api, [], NONE => 200 NONE, openapi::get;
    GET "/api/v1/me" "self.get" "Says who the caller is and what it was granted",
        Guard::Needs(own), Api, [], NONE => 200 Some(schema::<v1::me::Me>()), v1::me::get;
    GET "/api/v1/system" "system.get" "Says which hub this is",
        Guard::Needs(read_system), Api, [], NONE => 200 Some(schema::<v1::system::System>()), v1::system::get;
    GET "/api/v1/access/explain" "access.explain" "Says whether an account may do something, and why",
        Guard::Needs(explain), Api, ["as", "action", "resource"], NONE => 200 Some(schema::<v1::explain::Explanation>()), v1::explain::get;
];

static TENANCY: &[Endpoint] = rows![
    GET "/api/v1/projects" "project.list" "Lists projects that the caller may see",
        Guard::Needs(list_projects), Api, ["limit", "after"], NONE => 200 Some(schema::<v1::projects::ProjectPage>()), v1::projects::list;
    POST "/api/v1/projects" "project.create" "Creates a project",
        Guard::Needs(create_project), Api, [], Some(schema::<v1::projects::NewProject>()) => 201 Some(schema::<v1::projects::Project>()), v1::projects::create;
    GET "/api/v1/projects/{project}" "project.get" "Returns a project",
        Guard::Needs(read_project), Api, [], NONE => 200 Some(schema::<v1::projects::Project>()), v1::projects::get;
    PATCH "/api/v1/projects/{project}" "project.update" "Makes a project public or private",
        Guard::Needs(update_project), Api, [], Some(schema::<v1::projects::ProjectUpdate>()) => 200 Some(schema::<v1::projects::Project>()), v1::projects::update;
    DELETE "/api/v1/projects/{project}" "project.delete" "Deletes a project that holds no repositories",
        Guard::Needs(delete_project), Api, [], NONE => 204 NONE, v1::projects::delete;
    GET "/api/v1/projects/{project}/repositories" "project.repositories" "Lists a project's repositories that the caller may pull from",
        Guard::Needs(list_repositories), Api, ["limit", "after"], NONE => 200 Some(schema::<v1::repositories::RepositoryPage>()), v1::repositories::list_in_project;
    GET "/api/v1/projects/{project}/members" "member.list" "Lists members and their roles",
        Guard::Needs(read_members), Api, ["limit", "after"], NONE => 200 Some(schema::<v1::projects::MemberPage>()), v1::projects::members;
    PUT "/api/v1/projects/{project}/members/{account}" "member.grant" "Gives an account a role in the project",
        Guard::Needs(write_members), Api, [], Some(schema::<v1::projects::NewRole>()) => 204 NONE, v1::projects::grant;
    DELETE "/api/v1/projects/{project}/members/{account}" "member.revoke" "Takes an account's role in the project away",
        Guard::Needs(write_members), Api, [], NONE => 204 NONE, v1::projects::revoke;

    GET "/api/v1/projects/{project}/exceptions" "project.exceptions.get" "Returns a project's exceptions: owners' dated decisions that findings do not count",
        Guard::Needs(read_project), Api, ["digest", "limit", "after"], NONE => 200 Some(schema::<v1::exceptions::ExceptionSet>()), v1::exceptions::get;
    PUT "/api/v1/projects/{project}/exceptions" "project.exceptions.set" "Sets a project's exceptions by a document; an empty one takes all back",
        Guard::Needs(update_project), Api, ["replaces"], NONE => 200 Some(schema::<v1::exceptions::ExceptionSet>()), v1::exceptions::set;
    GET "/api/v1/projects/{project}/vex" "project.vex.list" "Lists the VEX documents that count for a project's images",
        Guard::Needs(read_project), Api, ["limit", "after"], NONE => 200 Some(schema::<v1::vex::VexPage>()), v1::vex::list;
    GET "/api/v1/projects/{project}/vex/{digest}" "project.vex.get" "Returns a VEX document as it was given",
        Guard::Needs(read_project), Api, [], NONE => 200 NONE, v1::vex::get;
    PUT "/api/v1/projects/{project}/vex/{digest}" "project.vex.add" "Has a VEX document count for a project's images: OpenVEX, CSAF or CycloneDX",
        Guard::Needs(update_project), Api, [], NONE => 200 Some(schema::<v1::vex::Vex>()), v1::vex::add;
    DELETE "/api/v1/projects/{project}/vex/{digest}" "project.vex.remove" "Has a VEX document count no more",
        Guard::Needs(update_project), Api, [], NONE => 204 NONE, v1::vex::remove;
    GET "/api/v1/projects/{project}/robots" "project.robots" "Lists a project's robots",
        Guard::Needs(read_robots), Api, ["limit", "after"], NONE => 200 Some(schema::<v1::robots::RobotPage>()), v1::robots::list;
    POST "/api/v1/projects/{project}/robots" "project.robot.create" "Creates a robot of the project; its secret is shown once",
        Guard::Needs(write_robots), Api, [], Some(schema::<v1::robots::NewRobot>()) => 201 Some(schema::<v1::robots::RobotWithSecret>()), v1::robots::create;
    GET "/api/v1/projects/{project}/robots/{robot}" "project.robot.get" "Returns a robot of the project",
        Guard::Needs(read_robots), Api, [], NONE => 200 Some(schema::<v1::robots::Robot>()), v1::robots::get;
    PATCH "/api/v1/projects/{project}/robots/{robot}" "project.robot.update" "Changes a robot of the project",
        Guard::Needs(write_robots), Api, [], Some(schema::<v1::robots::RobotUpdate>()) => 200 Some(schema::<v1::robots::Robot>()), v1::robots::update;
    POST "/api/v1/projects/{project}/robots/{robot}/rotate" "project.robot.rotate" "Gives a robot a new secret; the old one lives on for a while",
        Guard::Needs(write_robots), Api, [], Some(schema::<v1::robots::Rotation>()) => 200 Some(schema::<v1::robots::RobotWithSecret>()), v1::robots::rotate;
    DELETE "/api/v1/projects/{project}/robots/{robot}/secrets" "project.robot.revoke" "Ends every secret of a robot at once",
        Guard::Needs(write_robots), Api, [], NONE => 204 NONE, v1::robots::revoke;
    DELETE "/api/v1/projects/{project}/robots/{robot}" "project.robot.delete" "Deletes a robot of the project",
        Guard::Needs(write_robots), Api, [], NONE => 204 NONE, v1::robots::delete;
    GET "/api/v1/robots" "robot.list" "Lists robots that belong to no project",
        Guard::Needs(read_system_robots), Api, ["limit", "after"], NONE => 200 Some(schema::<v1::robots::RobotPage>()), v1::robots::list;
    POST "/api/v1/robots" "robot.create" "Creates a robot that belongs to no project; its secret is shown once",
        Guard::Needs(write_system_robots), Api, [], Some(schema::<v1::robots::NewRobot>()) => 201 Some(schema::<v1::robots::RobotWithSecret>()), v1::robots::create;
    GET "/api/v1/robots/{robot}" "robot.get" "Returns a robot that belongs to no project",
        Guard::Needs(read_system_robots), Api, [], NONE => 200 Some(schema::<v1::robots::Robot>()), v1::robots::get;
    PATCH "/api/v1/robots/{robot}" "robot.update" "Changes a robot that belongs to no project",
        Guard::Needs(write_system_robots), Api, [], Some(schema::<v1::robots::RobotUpdate>()) => 200 Some(schema::<v1::robots::Robot>()), v1::robots::update;
    POST "/api/v1/robots/{robot}/rotate" "robot.rotate" "Gives a robot a new secret; the old one lives on for a while",
        Guard::Needs(write_system_robots), Api, [], Some(schema::<v1::robots::Rotation>()) => 200 Some(schema::<v1::robots::RobotWithSecret>()), v1::robots::rotate;
    DELETE "/api/v1/robots/{robot}/secrets" "robot.revoke" "Ends every secret of a robot at once",
        Guard::Needs(write_system_robots), Api, [], NONE => 204 NONE, v1::robots::revoke;
    DELETE "/api/v1/robots/{robot}" "robot.delete" "Deletes a robot that belongs to no project",
        Guard::Needs(write_system_robots), Api, [], NONE => 204 NONE, v1::robots::delete;

    GET "/api/v1/users" "user.list" "Lists users",
        Guard::Needs(read_users), Api, ["limit", "after"], NONE => 200 Some(schema::<v1::users::UserPage>()), v1::users::list;
    POST "/api/v1/users" "user.create" "Creates a user",
        Guard::Needs(write_users), Api, [], Some(schema::<v1::users::NewUser>()) => 201 Some(schema::<v1::users::User>()), v1::users::create;
    GET "/api/v1/users/{user}" "user.get" "Returns a user",
        Guard::Needs(read_users), Api, [], NONE => 200 Some(schema::<v1::users::User>()), v1::users::get;
    PATCH "/api/v1/users/{user}" "user.update" "Disables or enables a user, or makes it an administrator",
        Guard::Needs(write_users), Api, [], Some(schema::<v1::users::UserUpdate>()) => 200 Some(schema::<v1::users::User>()), v1::users::update;
    DELETE "/api/v1/users/{user}" "user.delete" "Deletes a user",
        Guard::Needs(write_users), Api, [], NONE => 204 NONE, v1::users::delete;
    PUT "/api/v1/users/{user}/password" "user.password" "Sets another user's password",
        Guard::Needs(write_users), Api, [], Some(schema::<v1::users::Password>()) => 204 NONE, v1::users::set_password;
    PUT "/api/v1/me/password" "self.password" "Changes the caller's own password",
        Guard::Needs(update_own), Api, [], Some(schema::<v1::users::OwnPassword>()) => 204 NONE, v1::users::change_own_password;
];

static OPERATION: &[Endpoint] = rows![
    GET "/api/v1/repositories" "repository.list" "Lists repositories that the caller may pull from",
        Guard::Needs(catalog), Api, ["limit", "after"], NONE => 200 Some(schema::<v1::repositories::RepositoryPage>()), v1::repositories::list;
    GET "/api/v1/repository" "repository.get" "Returns a repository by its full name",
        Guard::Needs(pull), Api, ["name"], NONE => 200 Some(schema::<v1::repositories::Repository>()), v1::repositories::get;
    DELETE "/api/v1/repository" "repository.delete" "Deletes a repository with everything in it",
        Guard::Needs(delete_repository), Api, ["name"], NONE => 204 NONE, v1::repositories::delete;
    GET "/api/v1/repository/tags" "repository.tags" "Lists tags with what they point to",
        Guard::Needs(pull), Api, ["name", "limit", "after"], NONE => 200 Some(schema::<v1::repositories::TagPage>()), v1::repositories::tags;
    GET "/api/v1/repository/manifests" "repository.manifests" "Lists manifests, newest first",
        Guard::Needs(pull), Api, ["name", "limit", "after"], NONE => 200 Some(schema::<v1::repositories::ManifestPage>()), v1::repositories::manifests;
    GET "/api/v1/repository/manifest" "repository.manifest" "Describes a manifest: platforms, layers, referrers",
        Guard::Needs(pull), Api, ["name", "reference"], NONE => 200 Some(schema::<v1::repositories::ManifestDetail>()), v1::repositories::manifest;
    GET "/api/v1/repository/inventory" "inventory.get" "Says what is known of the inventory of an image, or of each image of an index",
        Guard::Needs(pull), Api, ["name", "reference"], NONE => 200 Some(schema::<v1::components::Inventories>()), v1::components::inventories;
    GET "/api/v1/repository/components" "inventory.components" "Lists the components of an image",
        Guard::Needs(pull), Api, ["name", "reference", "platform", "query", "limit", "after"], NONE => 200 Some(schema::<v1::components::ComponentPage>()), v1::components::list;
    GET "/api/v1/repository/sbom" "inventory.document" "Returns an image's inventory as a document: cyclonedx-json, spdx-json, syft-json, purls or table",
        Guard::Needs(pull), Api, ["name", "reference", "platform", "format"], NONE => 200 NONE, v1::components::document;
    GET "/api/v1/repository/vex" "inventory.vex" "Lists the VEX that lies beside an image, with why it counts or not",
        Guard::Needs(pull), Api, ["name", "reference", "platform", "limit", "after"], NONE => 200 Some(schema::<v1::vex::VexBesidePage>()), v1::vex::beside;
    GET "/api/v1/repository/documents" "inventory.documents" "Lists the SBOMs beside an image, the hub's and those of others",
        Guard::Needs(pull), Api, ["name", "reference", "platform", "document"], NONE => 200 Some(schema::<v1::documents::Documents>()), v1::documents::list;
    GET "/api/v1/repository/differences" "inventory.differences" "Compares an SBOM that someone pushed beside an image with what the hub found in it",
        Guard::Needs(pull), Api, ["name", "reference", "platform", "document", "blob"], NONE => 200 Some(schema::<v1::documents::Differences>()), v1::documents::compare;
    GET "/api/v1/repository/findings" "finding.report" "Says what is known to be wrong with an image, as `garrison scan -o json` does",
        Guard::Needs(pull_and_told), Api, ["name", "reference", "platform", "fixable"], NONE => 200 Some(schema::<findings::Report>()), v1::findings::report;
    GET "/api/v1/repository/explanation" "finding.explain" "Says why a vulnerability is found in an image or why not, as `garrison scan --explain CVE-2023-4911 REF` does",
        Guard::Needs(pull_and_told), Api, ["name", "reference", "platform", "vulnerability", "component"], NONE => 200 Some(schema::<findings::Explanation>()), v1::findings::explanation;
    GET "/api/v1/repository/decisions" "finding.decisions" "Returns what exceptions and VEX decide about an image, as far as it concerns the image, as scans elsewhere decide by it",
        Guard::Needs(pull_and_told), Api, ["name", "reference", "platform"], NONE => 200 Some(schema::<findings::Decisions>()), v1::findings::decisions;
    GET "/api/v1/vulnerabilities" "vulnerability.list" "Lists vulnerabilities of all images that the caller may pull",
        Guard::Needs(catalog), Api, ["severity", "epss", "exploited", "fixable", "since", "older_than", "tagged", "order", "project", "limit", "after"], NONE => 200 Some(schema::<v1::findings::VulnerabilityPage>()), v1::findings::vulnerabilities;
    GET "/api/v1/findings/totals" "finding.totals" "Counts the findings of all images that the caller may pull, and says by what they were matched",
        Guard::Needs(catalog), Api, ["tagged", "project"], NONE => 200 Some(schema::<v1::findings::FindingTotals>()), v1::findings::totals;
    GET "/api/v1/findings/events" "finding.events" "Lists what changed as a database of advisories took the place of another, newest first",
        Guard::Needs(catalog), Api, ["limit", "after"], NONE => 200 Some(schema::<v1::findings::FindingEventPage>()), v1::findings::events;
    GET "/api/v1/components" "component.find" "Finds where a component is, by name or package URL and range of versions, or by the name of a vulnerability",
        Guard::Needs(catalog), Api, ["query", "range", "tagged", "limit", "after"], NONE => 200 Some(schema::<v1::components::FoundComponentPage>()), v1::components::find;

    GET "/api/v1/refused-images" "inventory.refused" "Lists the images that are not inventoried, of those that the caller may pull: they could not be, they wait, or this hub makes no inventories",
        Guard::Needs(catalog), Api, [], NONE => 200 Some(schema::<v1::refused::RefusedImages>()), v1::refused::list;

    GET "/api/v1/exceptions" "exceptions.get" "Returns the exceptions that count for the images of all projects",
        Guard::Needs(read_system), Api, ["digest", "limit", "after"], NONE => 200 Some(schema::<v1::exceptions::ExceptionSet>()), v1::exceptions::get;
    PUT "/api/v1/exceptions" "exceptions.set" "Sets the exceptions that count for the images of all projects, by a document; an empty one takes all back",
        Guard::Needs(update_system), Api, ["replaces"], NONE => 200 Some(schema::<v1::exceptions::ExceptionSet>()), v1::exceptions::set;
    GET "/api/v1/vex-trust" "vex-trust.get" "Returns whose VEX counts, and who may state it by pushing it beside images",
        Guard::Needs(read_system), Api, ["digest"], NONE => 200 Some(schema::<v1::vex_trust::VexTrust>()), v1::vex_trust::get;
    PUT "/api/v1/vex-trust" "vex-trust.set" "Sets whose VEX counts, by a document; an empty one takes it back",
        Guard::Needs(update_system), Api, ["replaces"], NONE => 200 Some(schema::<v1::vex_trust::VexTrust>()), v1::vex_trust::set;
    GET "/api/v1/vex" "vex.list" "Lists the VEX documents that count for the images of all projects",
        Guard::Needs(read_system), Api, ["limit", "after"], NONE => 200 Some(schema::<v1::vex::VexPage>()), v1::vex::list;
    GET "/api/v1/vex/{digest}" "vex.get" "Returns a VEX document as it was given",
        Guard::Needs(read_system), Api, [], NONE => 200 NONE, v1::vex::get;
    PUT "/api/v1/vex/{digest}" "vex.add" "Has a VEX document count for the images of all projects: OpenVEX, CSAF or CycloneDX",
        Guard::Needs(update_system), Api, [], NONE => 200 Some(schema::<v1::vex::Vex>()), v1::vex::add;
    DELETE "/api/v1/vex/{digest}" "vex.remove" "Has a VEX document count no more",
        Guard::Needs(update_system), Api, [], NONE => 204 NONE, v1::vex::remove;
    GET "/api/v1/advisories" "advisories.get" "Says which database of advisories the hub has with its feeds and, for administrators, how they fare",
        Guard::Needs(advisories), Api, [], NONE => 200 Some(schema::<v1::advisories::Advisories>()), v1::advisories::get;
    POST "/api/v1/advisories/update" "advisories.update" "Has the hub fetch what is new of advisories",
        Guard::Needs(update_system), Api, [], Some(schema::<v1::advisories::Update>()) => 202 Some(schema::<v1::jobs::Job>()), v1::advisories::update;
    PUT "/api/v1/advisories/database" "advisories.import" "Brings the hub a database of advisories, packed by zstd or not",
        Guard::Needs(update_system), Api, ["accept_older", "accept_fewer_feeds"], NONE => 200 Some(schema::<v1::advisories::Imported>()), v1::advisories::import;
    GET "/api/v1/jobs" "job.list" "Lists jobs, newest first",
        Guard::Needs(read_jobs), Api, ["kind", "state", "limit", "after"], NONE => 200 Some(schema::<v1::jobs::JobPage>()), v1::jobs::list;
    GET "/api/v1/jobs/{job}" "job.get" "Returns a job",
        Guard::Needs(read_jobs), Api, [], NONE => 200 Some(schema::<v1::jobs::Job>()), v1::jobs::get;
    POST "/api/v1/jobs/{job}/retry" "job.retry" "Runs a failed job again",
        Guard::Needs(update_system), Api, [], NONE => 202 Some(schema::<v1::jobs::Job>()), v1::jobs::retry;
    GET "/api/v1/gc" "gc.get" "Says what is stored, what waits for collection and what was freed",
        Guard::Needs(read_collection), Api, [], NONE => 200 Some(schema::<v1::collection::Collection>()), v1::collection::get;
    POST "/api/v1/fsck" "fsck.start" "Starts a check of everything stored, with or without repair",
        Guard::Needs(run_fsck), Api, [], Some(schema::<v1::fsck::FsckRequest>()) => 202 Some(schema::<v1::jobs::Job>()), v1::fsck::start;
    GET "/api/v1/fsck/{job}" "fsck.get" "Returns the report of a check, as far as it has come",
        Guard::Needs(run_fsck), Api, [], NONE => 200 Some(schema::<v1::fsck::FsckReport>()), v1::fsck::get;
    GET "/api/v1/audit" "audit.list" "Lists audit records, newest first",
        Guard::Needs(read_audit), Api, ["project", "actor", "action", "outcome", "limit", "after"], NONE => 200 Some(schema::<v1::audit::RecordPage>()), v1::audit::list;
    GET "/api/v1/audit/head" "audit.head" "Returns the newest signed head of the audit log",
        Guard::Needs(read_audit), Api, [], NONE => 200 Some(schema::<v1::audit::Head>()), v1::audit::head;
    POST "/api/v1/audit/verify" "audit.verify" "Checks the whole audit log, and that it continues a head that was kept",
        Guard::Needs(verify_audit), Api, [], Some(schema::<v1::audit::VerifyRequest>()) => 200 Some(schema::<v1::audit::Verification>()), v1::audit::verify;
];

fn on_repository(target: &Target, action: Action) -> Need<'_> {
    Need::required(action, Resource::Repository(target.repository()))
}

fn on_project(target: &Target, action: Action) -> Needs<'_> {
    vec![Need::required(action, Resource::Project(target.parameter("project")))]
}

fn on_system(action: Action) -> Needs<'static> {
    vec![Need::required(action, Resource::System)]
}

fn pull(target: &Target) -> Needs<'_> {
    vec![on_repository(target, Action::RepositoryPull)]
}

/// Administrators are told too what says nothing of the image.
fn pull_and_told(target: &Target) -> Needs<'_> {
    vec![on_repository(target, Action::RepositoryPull), Need::optional(Action::SystemRead, Resource::System)]
}

fn project_of(target: &Target) -> &str {
    target.repository().split_once('/').map_or("", |(project, _)| project)
}

fn push(target: &Target) -> Needs<'_> {
    vec![
        on_repository(target, Action::RepositoryPush),
        Need::optional(Action::ProjectCreate, Resource::Project(project_of(target))),
    ]
}

/// Making a tag is not moving one: a push that may only make tags is refused by the transaction that finds the tag.
fn push_manifest(target: &Target) -> Needs<'_> {
    let mut needs = push(target);
    let by_tag = matches!(&target.route, Some(oci::Route::Manifest { reference: oci::Reference::Tag(_), .. }));
    if by_tag || !target.registry_query.tags().is_ok_and(|tags| tags.is_empty()) {
        needs.push(on_repository(target, Action::TagCreate));
        needs.push(Need::optional(Action::TagMove, Resource::Repository(target.repository())));
    }
    needs
}

/// A mount needs to read its source too; without that it is an upload like any other.
fn start_upload(target: &Target) -> Needs<'_> {
    let mut needs = push(target);
    if let Some(source) = mounts_source(target) {
        needs.push(Need::optional(Action::RepositoryPull, Resource::Repository(source)));
    }
    needs
}

fn delete_manifest(target: &Target) -> Needs<'_> {
    let action = match &target.route {
        Some(oci::Route::Manifest { reference: oci::Reference::Tag(_), .. }) => Action::TagDelete,
        _ => Action::ManifestDelete,
    };
    vec![on_repository(target, action)]
}

fn delete_blob(target: &Target) -> Needs<'_> {
    vec![on_repository(target, Action::BlobDelete)]
}

fn delete_repository(target: &Target) -> Needs<'_> {
    vec![on_repository(target, Action::RepositoryDelete)]
}

fn catalog(_: &Target) -> Needs<'_> {
    on_system(Action::CatalogList)
}

fn own(_: &Target) -> Needs<'_> {
    on_system(Action::SelfRead)
}

fn update_own(_: &Target) -> Needs<'_> {
    on_system(Action::SelfUpdate)
}

fn read_metrics(_: &Target) -> Needs<'_> {
    on_system(Action::MetricsRead)
}

fn read_system(_: &Target) -> Needs<'_> {
    on_system(Action::SystemRead)
}

/// Whoever may list what is found may know by what; how it was had is the hub's own.
fn advisories(_: &Target) -> Needs<'_> {
    vec![Need::required(Action::CatalogList, Resource::System), Need::optional(Action::SystemRead, Resource::System)]
}

fn update_system(_: &Target) -> Needs<'_> {
    on_system(Action::SystemUpdate)
}

/// One's own access is one's own business; that of others is the project's, or the hub's.
fn explain(target: &Target) -> Needs<'_> {
    if target.query("as").is_none() {
        return on_system(Action::SelfRead);
    }
    let project = match Resource::parse(target.query("resource").unwrap_or_default()) {
        Ok(Resource::Repository(name)) => name.split('/').next(),
        Ok(Resource::Project(name)) => Some(name),
        _ => None,
    };
    match project {
        Some(project) => vec![Need::required(Action::AccessExplain, Resource::Project(project))],
        None => on_system(Action::AccessExplain),
    }
}

fn list_projects(_: &Target) -> Needs<'_> {
    on_system(Action::ProjectList)
}

fn create_project(_: &Target) -> Needs<'_> {
    on_system(Action::ProjectCreate)
}

fn read_project(target: &Target) -> Needs<'_> {
    on_project(target, Action::ProjectRead)
}

fn update_project(target: &Target) -> Needs<'_> {
    on_project(target, Action::ProjectUpdate)
}

fn delete_project(target: &Target) -> Needs<'_> {
    on_project(target, Action::ProjectDelete)
}

fn list_repositories(target: &Target) -> Needs<'_> {
    on_project(target, Action::RepositoryList)
}

fn read_members(target: &Target) -> Needs<'_> {
    on_project(target, Action::MemberRead)
}

fn write_members(target: &Target) -> Needs<'_> {
    on_project(target, Action::MemberWrite)
}

fn read_robots(target: &Target) -> Needs<'_> {
    on_project(target, Action::RobotRead)
}

fn write_robots(target: &Target) -> Needs<'_> {
    on_project(target, Action::RobotWrite)
}

fn read_system_robots(_: &Target) -> Needs<'_> {
    on_system(Action::RobotRead)
}

fn write_system_robots(_: &Target) -> Needs<'_> {
    on_system(Action::RobotWrite)
}

fn read_users(_: &Target) -> Needs<'_> {
    on_system(Action::UserRead)
}

fn write_users(_: &Target) -> Needs<'_> {
    on_system(Action::UserWrite)
}

fn read_jobs(_: &Target) -> Needs<'_> {
    on_system(Action::JobRead)
}

fn read_collection(_: &Target) -> Needs<'_> {
    on_system(Action::GcRead)
}

fn run_fsck(_: &Target) -> Needs<'_> {
    on_system(Action::FsckRun)
}

fn read_audit(target: &Target) -> Needs<'_> {
    match target.query("project") {
        Some(project) => vec![Need::required(Action::AuditRead, Resource::Project(project))],
        None => on_system(Action::AuditRead),
    }
}

fn verify_audit(_: &Target) -> Needs<'_> {
    on_system(Action::AuditRead)
}
