//! Every row of the table, asked by every kind of caller, at home and with another project's names.
//!
//! A row's case is written by hand: a concrete request, what it needs, and how it is answered to those who may. Who may is
//! then decided by `access` over accounts that are described here a second time, independently of those in the database.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use access::Action::{self, *};
use access::{Access, Actor, Decision, Glob, Grant, GrantScope, Request, Resource, Response, Role, Scopes, Visibility};

use crate::hub::{Answer, Hub, ask};

/// The request of a row. `team` in path and resource is replaced when it is asked with another project's names.
struct Case {
    row: &'static str,
    path: &'static str,
    body: &'static str,
    needs: Option<(Action, &'static str)>,
    /// Status and code for callers who may. Requests that would change what the next caller finds are made to fail after
    /// they were authorized.
    answer: (u16, &'static str),
}

const DIGEST: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

const fn case(
    row: &'static str,
    path: &'static str,
    needs: Option<(Action, &'static str)>,
    answer: (u16, &'static str),
) -> Case {
    Case { row, path, body: "", needs, answer }
}

const fn with(mut case: Case, body: &'static str) -> Case {
    case.body = body;
    case
}

#[rustfmt::skip]
const CASES: &[Case] = &[
    case("registry.ping", "/v2/", None, (200, "")),
    case("catalog.list", "/v2/_catalog", Some((CatalogList, "system")), (200, "")),
    case("tag.list", "/v2/team/api/tags/list", Some((RepositoryPull, "team/api")), (200, "")),
    case("referrer.list", "/v2/team/api/referrers/{digest}", Some((RepositoryPull, "team/api")), (200, "")),
    case("manifest.get", "/v2/team/api/manifests/1", Some((RepositoryPull, "team/api")), (200, "")),
    with(case("manifest.push", "/v2/team/api/manifests/1", Some((TagCreate, "team/api")), (400, "MANIFEST_INVALID")), "{}"),
    case("manifest.delete", "/v2/team/api/manifests/none", Some((TagDelete, "team/api")), (404, "MANIFEST_UNKNOWN")),
    case("blob.get", "/v2/team/api/blobs/{digest}", Some((RepositoryPull, "team/api")), (404, "BLOB_UNKNOWN")),
    case("blob.delete", "/v2/team/api/blobs/{digest}", Some((BlobDelete, "team/api")), (404, "BLOB_UNKNOWN")),
    case("upload.start", "/v2/team/api/blobs/uploads/?digest=sha256:0", Some((RepositoryPush, "team/api")), (400, "DIGEST_INVALID")),
    case("upload.status", "/v2/team/api/blobs/uploads/none", Some((RepositoryPush, "team/api")), (404, "BLOB_UPLOAD_UNKNOWN")),
    case("upload.append", "/v2/team/api/blobs/uploads/none", Some((RepositoryPush, "team/api")), (404, "BLOB_UPLOAD_UNKNOWN")),
    case("upload.finish", "/v2/team/api/blobs/uploads/none?digest={digest}", Some((RepositoryPush, "team/api")), (404, "BLOB_UPLOAD_UNKNOWN")),
    case("upload.cancel", "/v2/team/api/blobs/uploads/none", Some((RepositoryPush, "team/api")), (404, "BLOB_UPLOAD_UNKNOWN")),

    case("token.get", "/token", None, (200, "")),
    case("token.post", "/token", None, (400, "INPUT_INVALID")),
    case("health.live", "/livez", None, (200, "")),
    case("health.ready", "/readyz", None, (200, "")),
    case("metrics.get", "/metrics", Some((MetricsRead, "system")), (200, "")),
    case("openapi.get", "/api/v1/openapi.json", None, (200, "")),
    case("self.get", "/api/v1/me", Some((SelfRead, "system")), (200, "")),
    case("system.get", "/api/v1/system", Some((SystemRead, "system")), (200, "")),
    case("access.explain", "/api/v1/access/explain?as=admin&action=pull&resource=team/api", Some((AccessExplain, "team")), (200, "")),

    case("project.list", "/api/v1/projects", Some((ProjectList, "system")), (200, "")),
    with(case("project.create", "/api/v1/projects", Some((ProjectCreate, "system")), (400, "BODY_INVALID")), "{}"),
    case("project.get", "/api/v1/projects/team", Some((ProjectRead, "team")), (200, "")),
    with(case("project.update", "/api/v1/projects/team", Some((ProjectUpdate, "team")), (400, "BODY_INVALID")), "[]"),
    case("project.delete", "/api/v1/projects/team", Some((ProjectDelete, "team")), (409, "PROJECT_NOT_EMPTY")),
    case("project.repositories", "/api/v1/projects/team/repositories", Some((RepositoryList, "team")), (200, "")),
    case("member.list", "/api/v1/projects/team/members", Some((MemberRead, "team")), (200, "")),
    with(case("member.grant", "/api/v1/projects/team/members/none", Some((MemberWrite, "team")), (400, "BODY_INVALID")), "{}"),
    case("member.revoke", "/api/v1/projects/team/members/none", Some((MemberWrite, "team")), (404, "ACCOUNT_UNKNOWN")),
    case("project.exceptions.get", "/api/v1/projects/team/exceptions", Some((ProjectRead, "team")), (200, "")),
    with(case("project.exceptions.set", "/api/v1/projects/team/exceptions", Some((ProjectUpdate, "team")), (400, "EXCEPTIONS_INVALID")), "{}"),
    case("project.vex.list", "/api/v1/projects/team/vex", Some((ProjectRead, "team")), (200, "")),
    case("project.vex.get", "/api/v1/projects/team/vex/{digest}", Some((ProjectRead, "team")), (404, "VEX_UNKNOWN")),
    with(case("project.vex.add", "/api/v1/projects/team/vex/{digest}", Some((ProjectUpdate, "team")), (400, "VEX_INVALID")), "{}"),
    case("project.vex.remove", "/api/v1/projects/team/vex/{digest}", Some((ProjectUpdate, "team")), (404, "VEX_UNKNOWN")),
    case("project.robots", "/api/v1/projects/team/robots", Some((RobotRead, "team")), (200, "")),
    with(case("project.robot.create", "/api/v1/projects/team/robots", Some((RobotWrite, "team")), (400, "BODY_INVALID")), "{}"),
    case("project.robot.get", "/api/v1/projects/team/robots/none", Some((RobotRead, "team")), (404, "ACCOUNT_UNKNOWN")),
    with(case("project.robot.update", "/api/v1/projects/team/robots/none", Some((RobotWrite, "team")), (404, "ACCOUNT_UNKNOWN")), "{\"disabled\":true}"),
    with(case("project.robot.rotate", "/api/v1/projects/team/robots/none/rotate", Some((RobotWrite, "team")), (404, "ACCOUNT_UNKNOWN")), "{}"),
    case("project.robot.revoke", "/api/v1/projects/team/robots/none/secrets", Some((RobotWrite, "team")), (404, "ACCOUNT_UNKNOWN")),
    case("project.robot.delete", "/api/v1/projects/team/robots/none", Some((RobotWrite, "team")), (404, "ACCOUNT_UNKNOWN")),
    case("robot.list", "/api/v1/robots", Some((RobotRead, "system")), (200, "")),
    with(case("robot.create", "/api/v1/robots", Some((RobotWrite, "system")), (400, "BODY_INVALID")), "{}"),
    case("robot.get", "/api/v1/robots/team-bot", Some((RobotRead, "system")), (404, "ACCOUNT_UNKNOWN")),
    with(case("robot.update", "/api/v1/robots/team-bot", Some((RobotWrite, "system")), (404, "ACCOUNT_UNKNOWN")), "{\"disabled\":true}"),
    with(case("robot.rotate", "/api/v1/robots/team-bot/rotate", Some((RobotWrite, "system")), (404, "ACCOUNT_UNKNOWN")), "{}"),
    case("robot.revoke", "/api/v1/robots/team-bot/secrets", Some((RobotWrite, "system")), (404, "ACCOUNT_UNKNOWN")),
    case("robot.delete", "/api/v1/robots/team-bot", Some((RobotWrite, "system")), (404, "ACCOUNT_UNKNOWN")),
    case("user.list", "/api/v1/users", Some((UserRead, "system")), (200, "")),
    with(case("user.create", "/api/v1/users", Some((UserWrite, "system")), (400, "BODY_INVALID")), "{}"),
    case("user.get", "/api/v1/users/admin", Some((UserRead, "system")), (200, "")),
    with(case("user.update", "/api/v1/users/none", Some((UserWrite, "system")), (404, "ACCOUNT_UNKNOWN")), "{\"disabled\":true}"),
    case("user.delete", "/api/v1/users/none", Some((UserWrite, "system")), (404, "ACCOUNT_UNKNOWN")),
    with(case("user.password", "/api/v1/users/none/password", Some((UserWrite, "system")), (400, "BODY_INVALID")), "{}"),
    with(case("self.password", "/api/v1/me/password", Some((SelfUpdate, "system")), (400, "BODY_INVALID")), "{}"),

    case("inventory.get", "/api/v1/repository/inventory?name=team/api&reference=1", Some((RepositoryPull, "team/api")), (200, "")),
    case("inventory.components", "/api/v1/repository/components?name=team/api&reference=1", Some((RepositoryPull, "team/api")), (404, "INVENTORY_UNKNOWN")),
    case("inventory.vex", "/api/v1/repository/vex?name=team/api&reference=1", Some((RepositoryPull, "team/api")), (200, "")),
    case("inventory.documents", "/api/v1/repository/documents?name=team/api&reference=1", Some((RepositoryPull, "team/api")), (200, "")),
    case("inventory.differences", "/api/v1/repository/differences?name=team/api&reference=1&document=sha256:0000000000000000000000000000000000000000000000000000000000000000", Some((RepositoryPull, "team/api")), (404, "DOCUMENT_UNKNOWN")),
    case("inventory.document", "/api/v1/repository/sbom?name=team/api&reference=1", Some((RepositoryPull, "team/api")), (404, "INVENTORY_UNKNOWN")),
    case("finding.report", "/api/v1/repository/findings?name=team/api&reference=1", Some((RepositoryPull, "team/api")), (404, "ADVISORIES_UNKNOWN")),
    case("finding.explain", "/api/v1/repository/explanation?name=team/api&reference=1&vulnerability=CVE-2023-4911", Some((RepositoryPull, "team/api")), (404, "ADVISORIES_UNKNOWN")),
    case("finding.decisions", "/api/v1/repository/decisions?name=team/api&reference=1", Some((RepositoryPull, "team/api")), (200, "")),
    case("vulnerability.list", "/api/v1/vulnerabilities?severity=high", Some((CatalogList, "system")), (200, "")),
    case("finding.totals", "/api/v1/findings/totals", Some((CatalogList, "system")), (200, "")),
    case("finding.events", "/api/v1/findings/events", Some((CatalogList, "system")), (200, "")),
    case("inventory.refused", "/api/v1/refused-images", Some((CatalogList, "system")), (200, "")),
    case("component.find", "/api/v1/components?query=openssl", Some((CatalogList, "system")), (200, "")),

    case("repository.list", "/api/v1/repositories", Some((CatalogList, "system")), (200, "")),
    case("repository.get", "/api/v1/repository?name=team/api", Some((RepositoryPull, "team/api")), (200, "")),
    case("repository.delete", "/api/v1/repository?name=team/gone", Some((RepositoryDelete, "team/gone")), (204, "")),
    case("repository.tags", "/api/v1/repository/tags?name=team/api", Some((RepositoryPull, "team/api")), (200, "")),
    case("repository.manifests", "/api/v1/repository/manifests?name=team/api", Some((RepositoryPull, "team/api")), (200, "")),
    case("repository.manifest", "/api/v1/repository/manifest?name=team/api&reference=1", Some((RepositoryPull, "team/api")), (200, "")),
    case("exceptions.get", "/api/v1/exceptions", Some((SystemRead, "system")), (200, "")),
    with(case("exceptions.set", "/api/v1/exceptions", Some((SystemUpdate, "system")), (400, "EXCEPTIONS_INVALID")), "{}"),
    case("vex-trust.get", "/api/v1/vex-trust", Some((SystemRead, "system")), (200, "")),
    with(case("vex-trust.set", "/api/v1/vex-trust", Some((SystemUpdate, "system")), (400, "VEX_TRUST_INVALID")), "{}"),
    case("vex.list", "/api/v1/vex", Some((SystemRead, "system")), (200, "")),
    case("vex.get", "/api/v1/vex/{digest}", Some((SystemRead, "system")), (404, "VEX_UNKNOWN")),
    with(case("vex.add", "/api/v1/vex/{digest}", Some((SystemUpdate, "system")), (400, "VEX_INVALID")), "{}"),
    case("vex.remove", "/api/v1/vex/{digest}", Some((SystemUpdate, "system")), (404, "VEX_UNKNOWN")),
    case("advisories.get", "/api/v1/advisories", Some((CatalogList, "system")), (200, "")),
    with(case("advisories.update", "/api/v1/advisories/update", Some((SystemUpdate, "system")), (400, "BODY_INVALID")), "[]"),
    with(case("advisories.import", "/api/v1/advisories/database", Some((SystemUpdate, "system")), (400, "DOCUMENT_INVALID")), "{}"),
    case("job.list", "/api/v1/jobs", Some((JobRead, "system")), (200, "")),
    case("job.get", "/api/v1/jobs/999999", Some((JobRead, "system")), (404, "JOB_UNKNOWN")),
    case("job.retry", "/api/v1/jobs/999999/retry", Some((SystemUpdate, "system")), (404, "JOB_UNKNOWN")),
    case("gc.get", "/api/v1/gc", Some((GcRead, "system")), (200, "")),
    with(case("fsck.start", "/api/v1/fsck", Some((FsckRun, "system")), (400, "BODY_INVALID")), "[]"),
    case("fsck.get", "/api/v1/fsck/999999", Some((FsckRun, "system")), (404, "JOB_UNKNOWN")),
    case("audit.list", "/api/v1/audit?project=team", Some((AuditRead, "team")), (200, "")),
    case("audit.head", "/api/v1/audit/head", Some((AuditRead, "system")), (200, "")),
    with(case("audit.verify", "/api/v1/audit/verify", Some((AuditRead, "system")), (200, "")), "{}"),
];

/// A kind of caller: how it shows who it is, and what it may do.
struct Asker {
    name: &'static str,
    credentials: String,
    access: Access,
    scopes: Option<Scopes>,
}

fn grant(role: &str, scope: GrantScope) -> Grant {
    Grant { role: Role::parse(role).unwrap(), scope, source: String::new() }
}

async fn askers(hub: &Hub) -> Vec<Asker> {
    let mut askers = vec![
        Asker { name: "nobody", credentials: String::new(), access: Access::anonymous(), scopes: None },
        Asker {
            name: "anonymous token",
            credentials: anonymous_token(hub).await,
            access: Access::anonymous(),
            scopes: Some(Scopes::default()),
        },
    ];
    let user = |name: &str, administrator| Actor::User { name: name.to_owned(), administrator };
    let credentials = hub.user("stranger", &[]).await;
    let access = Access::new(user("stranger", false), Vec::new());
    askers.push(Asker { name: "stranger", credentials, access, scopes: None });
    for role in ["puller", "reader", "writer", "maintainer", "admin"] {
        let login = format!("its-{role}");
        let credentials = hub.user(&login, &[("team", role)]).await;
        let access = Access::new(user(&login, false), vec![grant(role, GrantScope::Project("team".to_owned()))]);
        askers.push(Asker { name: role, credentials, access, scopes: None });
    }
    for (name, project, credentials) in [("robot", "team", &hub.team), ("other robot", "other", &hub.other)] {
        let actor = Actor::Robot { name: format!("{project}-bot"), project: Some(project.to_owned()), note: None };
        let scope = GrantScope::Repositories(Glob::whole_project(project).unwrap());
        let access = Access::new(actor, vec![grant("maintainer", scope)]);
        askers.push(Asker { name, credentials: credentials.clone(), access, scopes: None });
    }
    let access = Access::new(user("admin", true), Vec::new());
    askers.push(Asker { name: "administrator", credentials: hub.session("admin").await, access, scopes: None });
    askers
}

async fn anonymous_token(hub: &Hub) -> String {
    let answer = hub.send(ask("GET", "/token")).await.is(200);
    format!("Bearer {}", answer.json()["token"].as_str().unwrap())
}

/// What a caller must be answered.
#[derive(PartialEq, Eq)]
enum Expected {
    Allowed,
    Challenged,
    Hidden,
    Forbidden,
}

fn expected(case: &Case, asker: &Asker, project: &str) -> Expected {
    // Rows that need nothing treat credentials as what they are for, and two rows ask for them by their answer.
    match (case.row, case.needs) {
        ("registry.ping" | "catalog.list", _) if asker.credentials.is_empty() => return Expected::Challenged,
        ("token.get", _) if !asker.credentials.is_empty() && !asker.credentials.starts_with("Basic") => {
            return Expected::Challenged;
        }
        (_, None) => return Expected::Allowed,
        _ => {}
    }
    let (action, resource) = case.needs.unwrap();
    let resource = resource.replace("team", project);
    let resource = Resource::parse(&resource).unwrap();
    let visibility = if project == "open" { Visibility::Public } else { Visibility::Private };
    let request = Request { action, resource, visibility };
    match access::decide(&asker.access, asker.scopes.as_ref(), request) {
        Decision::Allow(_) => Expected::Allowed,
        Decision::Deny(denial) => match denial.response() {
            Response::Challenge => Expected::Challenged,
            Response::NotFound => Expected::Hidden,
            Response::Forbidden => Expected::Forbidden,
        },
    }
}

async fn send(hub: &Hub, case: &Case, method: &str, asker: &Asker, project: &str) -> Answer {
    let uri = case.path.replace("team", project).replace("{digest}", DIGEST);
    hub.send(ask(method, &uri).by(&asker.credentials).body(case.body.as_bytes())).await
}

/// What can be seen of an answer, without what was asked for.
fn seen(answer: &Answer, project: &str) -> String {
    format!("{} {:?} {}", answer.status, answer.headers, answer.text()).replace(project, "PROJECT")
}

testkit::on_both_databases! {
    /// What the document says of query parameters holds: without one that is required nothing is answered, and each that may be left out may.
    async fn parameters_are_required_where_the_document_says_so(database: testkit::Database) {
        let hub = Hub::new(database).await;
        hub.push_image(&hub.team, "team/api", "1").await;
        let admin = hub.session("admin").await;
        let document = api::openapi(&api::endpoints(), "0.0.0");
        let mut operations = BTreeMap::new();
        for methods in document["paths"].as_object().unwrap().values() {
            for operation in methods.as_object().unwrap().values() {
                operations.insert(operation["operationId"].as_str().unwrap(), &operation["parameters"]);
            }
        }
        let mut wrong = Vec::new();
        for case in CASES {
            let Some((path, query)) = case.path.split_once('?') else { continue };
            let endpoint = api::endpoints().into_iter().find(|endpoint| endpoint.name == case.row).unwrap();
            if endpoint.surface != api::Surface::Api {
                continue;
            }
            for left_out in query.split('&') {
                let name = left_out.split('=').next().unwrap();
                let declared = operations[case.row].as_array().unwrap().iter().find(|one| one["name"] == name);
                let is_required = declared.unwrap_or_else(|| panic!("{} has {name}", case.row))["required"] == true;
                let rest: Vec<&str> = query.split('&').filter(|one| *one != left_out).collect();
                let uri = format!("{path}?{}", rest.join("&")).replace("{digest}", DIGEST);
                let request = ask(endpoint.method.as_str(), &uri).by(&admin).body(case.body.as_bytes());
                let answer = hub.send(request).await;
                let is_missed = answer.status != case.answer.0 || answer.code() != case.answer.1;
                if is_required != is_missed {
                    wrong.push(format!("{} without {name}: {} {}", case.row, answer.status, answer.code()));
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    async fn every_row_as_everybody(database: testkit::Database) {
        let hub = Hub::new(database).await;
        for (who, project) in [(&hub.team, "team"), (&hub.open, "open"), (&hub.other, "other")] {
            hub.push_image(who, &format!("{project}/api"), "1").await;
        }
        let cases: BTreeMap<&str, &Case> = CASES.iter().map(|case| (case.row, case)).collect();
        assert_eq!(cases.len(), CASES.len(), "a row has two cases");
        let askers = askers(&hub).await;
        let mut matrix = String::from("row at team / other / open:");
        for asker in &askers {
            let _ = write!(matrix, " {},", asker.name);
        }
        matrix.push('\n');
        let mut wrong = Vec::new();
        for endpoint in api::endpoints() {
            let Some(case) = cases.get(endpoint.name) else {
                panic!("`{}` ({} {}) has no case", endpoint.name, endpoint.method, endpoint.path);
            };
            for project in ["team", "other", "open"] {
                if project != "team" && !case.path.contains("team/") && !case.path.ends_with("team") {
                    continue;
                }
                let _ = write!(matrix, "{} {project}:", endpoint.name);
                for asker in &askers {
                    if case.row == "repository.delete" {
                        let name = format!("{project}/gone").parse().unwrap();
                        hub.app.registry().start_upload(&name, "user:admin", oci::Algorithm::Sha256).await.unwrap();
                    }
                    let answer = send(&hub, case, endpoint.method.as_str(), asker, project).await;
                    let expected = expected(case, asker, project);
                    let is_right = match expected {
                        Expected::Allowed => (answer.status, answer.code().as_str()) == case.answer,
                        Expected::Challenged => answer.status == 401 && !answer.header("www-authenticate").is_empty(),
                        Expected::Hidden => answer.status == 404 && answer.code().ends_with("_UNKNOWN"),
                        Expected::Forbidden => (answer.status, answer.code().as_str()) == (403, "DENIED"),
                    };
                    if !is_right {
                        wrong.push(format!("{} {project} as {}: {answer:?}", endpoint.name, asker.name));
                    }
                    let mark = match expected {
                        Expected::Allowed => "yes",
                        Expected::Challenged => "401",
                        Expected::Hidden => "404",
                        Expected::Forbidden => "403",
                    };
                    let _ = write!(matrix, " {mark}");
                    // Who may not know is answered as if there were nothing, to the last header.
                    if expected == Expected::Hidden || (expected == Expected::Challenged && project == "other") {
                        // Of the same length, so that even the length of the answer is the same.
                        let none = if project.len() == 5 { "lacks" } else { "lack" };
                        let missing = send(&hub, case, endpoint.method.as_str(), asker, none).await;
                        if seen(&answer, project) != seen(&missing, none) {
                            wrong.push(format!(
                                "{} as {} tells {project} from what is missing:\n{}\n{}",
                                endpoint.name,
                                asker.name,
                                seen(&answer, project),
                                seen(&missing, none),
                            ));
                        }
                    }
                }
                matrix.push('\n');
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        insta::assert_snapshot!("matrix", matrix);
    }

    /// The denial that a caller may know of says who, what, why and what to do.
    async fn a_denial_carries_its_reason(database: testkit::Database) {
        let hub = Hub::new(database).await;
        let reader = hub.user("ada", &[("team", "reader")]).await;
        let answer = hub.send(ask("POST", "/v2/team/api/blobs/uploads/").by(&reader)).await.fails(403, "DENIED");
        assert_eq!(answer.message(), "user `ada` may not push to team/api (has `reader` on project `team`; push needs `writer`); grant it: garrison project grant team ada writer");
        let answer = hub.send(ask("DELETE", "/api/v1/projects/team").by(&reader)).await.fails(403, "DENIED");
        assert_eq!(answer.json()["facts"]["needs"], serde_json::json!(["admin", "administrator"]));
        let answer = hub.send(ask("GET", "/v2/other/api/tags/list").by(&reader)).await.fails(404, "NAME_UNKNOWN");
        assert_eq!(answer.message(), "other/api does not exist, or user `ada` may not know of it; grant it: garrison project grant other ada puller");
    }

    /// Denials are counted for the audit log; a login challenge is none.
    async fn denials_are_counted_and_challenges_are_not(database: testkit::Database) {
        let hub = Hub::new(database).await;
        hub.send(ask("GET", "/v2/team/api/tags/list")).await.is(401);
        hub.send(ask("GET", "/api/v1/users")).await.is(401);
        let narrow = hub.token("team-bot", &["repository:team/api:pull"]).await;
        hub.send(ask("DELETE", "/v2/team/api/manifests/1").by(&narrow)).await.is(401);
        assert_eq!(hub.denials.drain(&hub.db).await.unwrap(), 0);
        // Once more where a minute ends amid them: they are counted by the minute.
        let minute = || hub.app.now_us() / 60_000_000;
        loop {
            let begun = minute();
            for _ in 0..3 {
                hub.send(ask("GET", "/v2/other/api/tags/list").by(&hub.team)).await.is(404);
            }
            hub.send(ask("GET", "/api/v1/users").by(&hub.team)).await.is(403);
            let is_one_minute = minute() == begun;
            let records = hub.denials.drain(&hub.db).await.unwrap();
            if is_one_minute {
                assert_eq!(records, 2);
                break;
            }
        }
    }
}
