//! From a request to a row of the table, through authentication and authorization, to an answer.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use access::{Cause, Decision, Denial, Request as Ask, Resource, Visibility, decide};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{MethodFilter, on};
use futures_util::FutureExt;
use http::{HeaderValue, Method, StatusCode, header, request};
use http_body::Body as _;
use oci::{ErrorCode, Query, Route, RouteError};

use crate::app::App;
use crate::auth::Caller;
use crate::endpoint::{Call, Endpoint, Need, Surface, Target};
use crate::failure::{Failure, chain};
use crate::v2::base::API_VERSION;

/// Renders the failure of a page.
type RenderPage = fn(&Failure) -> Response;

struct Dispatch {
    app: Arc<App>,
    registry: HashMap<(&'static str, Method), &'static Endpoint>,
    render_page: RenderPage,
}

/// Makes the router of a table.
pub fn router(app: Arc<App>, table: Vec<&'static Endpoint>, render_page: fn(&Failure) -> Response) -> Router {
    let mut registry = HashMap::new();
    let mut router = Router::new();
    let (registry_rows, rows): (Vec<_>, Vec<_>) =
        table.into_iter().partition(|endpoint| endpoint.path.starts_with("/v2/"));
    for endpoint in registry_rows {
        registry.insert((endpoint.path, endpoint.method.clone()), endpoint);
    }
    for endpoint in rows {
        let handler = move |State(dispatch): State<Arc<Dispatch>>,
                            parameters: axum::extract::RawPathParams,
                            request: Request| async move {
            let parameters = parameters.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
            dispatch.answer(endpoint, parameters, None, request).await
        };
        let filter = MethodFilter::try_from(endpoint.method.clone()).unwrap_or(MethodFilter::GET);
        router = router.route(endpoint.path, on(filter, handler));
    }
    let dispatch = Arc::new(Dispatch { app, registry, render_page });
    router.fallback(fallback).method_not_allowed_fallback(method_not_allowed).with_state(dispatch)
}

async fn fallback(State(dispatch): State<Arc<Dispatch>>, request: Request) -> Response {
    let path = request.uri().path();
    if path == "/v2" || path.starts_with("/v2/") {
        return dispatch.answer_registry(request).await;
    }
    let is_head = *request.method() == Method::HEAD;
    let failure = Failure::not_found("ENDPOINT_UNKNOWN", format!("there is no `{path}` here"));
    let accept = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    // A person in front of a browser is answered in words, programs in JSON.
    if !path.starts_with("/api/") && accept.is_some_and(|accept| accept.contains("text/html")) {
        return finish(Surface::Page, is_head, (dispatch.render_page)(&failure));
    }
    finish(Surface::Api, is_head, failure.render(Surface::Api))
}

async fn method_not_allowed(request: Request) -> Response {
    let message = format!("`{}` does not take {}", request.uri().path(), request.method());
    let failure = Failure::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", message);
    finish(Surface::Api, *request.method() == Method::HEAD, failure.render(Surface::Api))
}

/// Puts on every answer what it must have whoever made it.
fn finish(surface: Surface, is_head: bool, mut response: Response) -> Response {
    let headers = response.headers_mut();
    // A browser must not take what was pushed for a page of this site.
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    match surface {
        Surface::Registry => {
            headers.insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
        }
        // Some of it is shown to one caller, and some of it once.
        Surface::Api => {
            headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        }
        Surface::Page => {}
    }
    if is_head {
        // RFC 9110, section 9.3.2: the same headers as for GET, that of the length included.
        let length = response.body().size_hint().exact().filter(|length| *length > 0);
        if let Some(length) = length {
            response.headers_mut().entry(header::CONTENT_LENGTH).or_insert(length.into());
        }
        *response.body_mut() = Body::empty();
    }
    response
}

/// Returns the path of a route's row.
pub(crate) fn template(route: &Route) -> &'static str {
    match route {
        Route::Base => "/v2/",
        Route::Catalog => "/v2/_catalog",
        Route::Tags { .. } => "/v2/{name}/tags/list",
        Route::Manifest { .. } => "/v2/{name}/manifests/{reference}",
        Route::Blob { .. } => "/v2/{name}/blobs/{digest}",
        Route::UploadStart { .. } => "/v2/{name}/blobs/uploads/",
        Route::Upload { .. } => "/v2/{name}/blobs/uploads/{upload}",
        Route::Referrers { .. } => "/v2/{name}/referrers/{digest}",
    }
}

impl Dispatch {
    async fn answer_registry(&self, request: Request) -> Response {
        let is_head = *request.method() == Method::HEAD;
        let refused = |failure: Failure| finish(Surface::Registry, is_head, failure.render(Surface::Registry));
        let method = if is_head { Method::GET } else { request.method().clone() };
        let parsed = Route::parse(request.method().as_str(), request.uri().path()).and_then(qualified);
        let route = match parsed {
            Ok(route) => route,
            Err(error) => return refused(route_failure(&error)),
        };
        let Some(endpoint) = self.registry.get(&(template(&route), method)) else {
            return refused(Failure::registry(ErrorCode::Unsupported, "this method is not supported here"));
        };
        self.answer(endpoint, Vec::new(), Some(route), request).await
    }

    async fn answer(
        &self,
        endpoint: &'static Endpoint,
        parameters: Vec<(String, String)>,
        route: Option<Route>,
        request: Request,
    ) -> Response {
        let started = Instant::now();
        let is_head = *request.method() == Method::HEAD;
        let run = AssertUnwindSafe(self.run(endpoint, parameters, route, request)).catch_unwind();
        let outcome = run.await.unwrap_or_else(|_| {
            tracing::error!(endpoint = endpoint.name, "a handler panicked");
            Err(Failure::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "UNKNOWN",
                "the hub failed to answer; its log says why",
            ))
        });
        let response = outcome.unwrap_or_else(|failure| self.fail(endpoint, &failure));
        let response = finish(endpoint.surface, is_head, response);
        self.app.metrics.answered(endpoint.name, response.status().as_u16(), started.elapsed());
        tracing::debug!(
            endpoint = endpoint.name,
            status = response.status().as_u16(),
            elapsed_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
            "answered"
        );
        response
    }

    fn fail(&self, endpoint: &Endpoint, failure: &Failure) -> Response {
        if let Some(cause) = &failure.cause {
            if failure.status == StatusCode::INTERNAL_SERVER_ERROR {
                tracing::error!(
                    endpoint = endpoint.name,
                    code = failure.code,
                    cause = chain(cause.as_ref()),
                    "request failed"
                );
            } else {
                tracing::warn!(
                    endpoint = endpoint.name,
                    code = failure.code,
                    cause = chain(cause.as_ref()),
                    "request failed"
                );
            }
        }
        match endpoint.surface {
            Surface::Page => (self.render_page)(failure),
            surface => failure.render(surface),
        }
    }

    async fn run(
        &self,
        endpoint: &'static Endpoint,
        parameters: Vec<(String, String)>,
        route: Option<Route>,
        request: Request,
    ) -> Result<Response, Failure> {
        let (head, body) = request.into_parts();
        let target = target(endpoint, &head, parameters, route)?;
        let caller = self.app.authenticate(&head, &target).await?;
        let granted = self.authorize(&head, &caller, &target, &target.needs()).await?;
        let call = Call { app: Arc::clone(&self.app), caller, target, head, body: Mutex::new(body), granted };
        let changes = !matches!(call.head.method, Method::GET | Method::HEAD | Method::OPTIONS);
        if changes && !call.may_change() {
            return Err(Failure::new(
                StatusCode::FORBIDDEN,
                "CSRF_REFUSED",
                "the change did not come from a page of this hub",
            ));
        }
        (endpoint.handler)(call).await
    }

    async fn authorize(
        &self,
        head: &request::Parts,
        caller: &Caller,
        target: &Target,
        needs: &[Need<'_>],
    ) -> Result<Vec<access::Action>, Failure> {
        let mut granted = Vec::new();
        let mut refusal: Option<Box<Denial>> = None;
        for need in needs {
            let visibility = self.visibility(need.resource).await?;
            let ask = Ask { action: need.action, resource: need.resource, visibility };
            match decide(caller.access(), caller.scopes(), ask) {
                Decision::Allow(_) if need.optional => granted.push(need.action),
                // The account may, the token was made for less: the client can come back with one that reaches.
                Decision::Deny(denial) if !need.optional || denial.cause == Cause::TokenScope => {
                    // The denial that tells least is the one that is told.
                    if refusal.as_ref().is_none_or(|first| first.visible && !denial.visible) {
                        refusal = Some(denial);
                    }
                }
                Decision::Allow(_) | Decision::Deny(_) => {}
            }
        }
        let Some(denial) = refusal else { return Ok(granted) };
        Err(self.deny(head, caller, target, needs, &denial))
    }

    fn deny(
        &self,
        head: &request::Parts,
        caller: &Caller,
        target: &Target,
        needs: &[Need<'_>],
        denial: &Denial,
    ) -> Failure {
        let is_page = target.endpoint.surface == Surface::Page;
        if denial.cause == Cause::TokenScope {
            return self.app.challenge(head, needs, Some("insufficient_scope")).with_message(denial.message());
        }
        match denial.response() {
            // A login challenge is no denial: nobody has been refused yet.
            access::Response::Challenge if is_page => {
                // Where the browser goes on after the login.
                let next = head.uri.path_and_query().map(ToString::to_string);
                self.app.challenge(head, needs, None).detail(serde_json::json!({ "next": next }))
            }
            access::Response::Challenge => self.app.challenge(head, needs, None),
            access::Response::NotFound => {
                self.record_denial(caller, denial);
                let code = if target.route.is_some() || is_page {
                    ErrorCode::NameUnknown.as_str()
                } else {
                    unknown_code(denial)
                };
                Failure::not_found(code, denial.message())
            }
            access::Response::Forbidden => {
                self.record_denial(caller, denial);
                Failure::registry(ErrorCode::Denied, denial.message()).detail(serde_json::json!({
                    "action": denial.action.name(),
                    "resource": denial.resource,
                    "has": denial.has,
                    "needs": denial.needs.iter().map(|role| role.name).collect::<Vec<_>>(),
                }))
            }
        }
    }

    fn record_denial(&self, caller: &Caller, denial: &Denial) {
        let actor = caller.access().actor().to_string();
        self.app.denials.count(&actor, denial.action.name(), &denial.resource, self.app.now_us());
    }

    async fn visibility(&self, resource: Resource<'_>) -> Result<Visibility, Failure> {
        let project = match resource {
            Resource::Repository(name) => name.split_once('/').map_or("", |(project, _)| project),
            Resource::Project(name) => name,
            Resource::System | Resource::User(_) | Resource::Robot { .. } => return Ok(Visibility::Private),
        };
        self.app.visibility(project).await
    }
}

fn unknown_code(denial: &Denial) -> &'static str {
    if denial.resource.contains('/') { "NAME_UNKNOWN" } else { "PROJECT_UNKNOWN" }
}

/// A name of one segment lives in `library`.
fn qualified(route: Route) -> Result<Route, RouteError> {
    let within = |name: oci::RepositoryName| name.qualified().map_err(RouteError::Name);
    Ok(match route {
        Route::Base | Route::Catalog => route,
        Route::Tags { name } => Route::Tags { name: within(name)? },
        Route::Manifest { name, reference } => Route::Manifest { name: within(name)?, reference },
        Route::Blob { name, digest } => Route::Blob { name: within(name)?, digest },
        Route::UploadStart { name } => Route::UploadStart { name: within(name)? },
        Route::Upload { name, id } => Route::Upload { name: within(name)?, id },
        Route::Referrers { name, digest } => Route::Referrers { name: within(name)?, digest },
    })
}

fn route_failure(error: &RouteError) -> Failure {
    let mut failure = Failure::registry(error.code(), chain(error));
    if let Ok(status) = StatusCode::from_u16(error.status()) {
        failure.status = status;
    }
    if let RouteError::MethodNotAllowed { allowed } = error {
        failure = failure.header(header::ALLOW, &allowed.join(", "));
    }
    failure
}

fn target(
    endpoint: &'static Endpoint,
    head: &request::Parts,
    parameters: Vec<(String, String)>,
    route: Option<Route>,
) -> Result<Target, Failure> {
    let text = head.uri.query().unwrap_or_default();
    let (registry_query, query) = match &route {
        Some(_) => (Query::parse(text).map_err(crate::v2::query_failure)?, Vec::new()),
        None => (Query::default(), decode_query(text)?),
    };
    let named = named_repository(endpoint, &query)?;
    for (name, value) in parameters.iter().chain(&query) {
        check_parameter(name, value)?;
    }
    check_query(endpoint, &query)?;
    let mount_source = match (&route, registry_query.mount(), registry_query.from()) {
        (Some(Route::UploadStart { .. }), Ok(Some(_)), Ok(Some(source))) => source.qualified().ok(),
        _ => None,
    };
    Ok(Target { endpoint, route, parameters, registry_query, mount_source, query, named })
}

/// Reads the repository that a query names, under its full name: what is authorized and what is acted on must be the
/// same repository, however it was spelled.
fn named_repository(endpoint: &Endpoint, query: &[(String, String)]) -> Result<Option<oci::RepositoryName>, Failure> {
    let Some((_, text)) = query.iter().find(|(key, _)| key == "name") else { return Ok(None) };
    match text.parse::<oci::RepositoryName>().and_then(oci::RepositoryName::qualified) {
        Ok(name) => Ok(Some(name)),
        Err(error) if endpoint.parameters.contains(&"name") => {
            Err(Failure::bad_request("NAME_INVALID", format!("`name` is refused: {}", chain(&error))))
        }
        Err(_) => Ok(None),
    }
}

/// Query parameters in one request outside `/v2`.
const QUERY_PARAMETERS_MAX: usize = 64;

/// Bytes of one parameter in a path or query outside `/v2`: a repository's name with a tag or a digest stays below.
const PARAMETER_BYTES_MAX: usize = 1024;

/// Bytes of a cursor: one of a list of components holds two keys, a digest and a repository's name in hexadecimal.
const CURSOR_BYTES_MAX: usize = 16 << 10;

/// Refuses what no name, filter or cursor holds, before it reaches a log, a message or a database.
fn check_parameter(name: &str, value: &str) -> Result<(), Failure> {
    let limit = if name == "after" { CURSOR_BYTES_MAX } else { PARAMETER_BYTES_MAX };
    if value.len() > limit {
        let message = format!("`{name}` is {} bytes, the limit is {limit}", value.len());
        return Err(Failure::bad_request("PARAMETER_INVALID", message));
    }
    if value.chars().any(char::is_control) {
        return Err(Failure::bad_request("PARAMETER_INVALID", format!("`{name}` holds a control character")));
    }
    Ok(())
}

/// Refuses what an endpoint of the API does not read: a filter that is lost shows more than was asked for. Clients of registries, probes and
/// scrapers send what they like, and pages are linked from elsewhere; those are answered all the same.
fn check_query(endpoint: &Endpoint, query: &[(String, String)]) -> Result<(), Failure> {
    if endpoint.surface != Surface::Api || !endpoint.path.starts_with("/api/") {
        return Ok(());
    }
    for (index, (name, value)) in query.iter().enumerate() {
        if !endpoint.parameters.contains(&name.as_str()) {
            return Err(unknown_parameter(name, endpoint.parameters));
        }
        if query[..index].iter().any(|(other, said)| other == name && said != value) {
            let message = format!("`{name}` is given twice with different values");
            return Err(Failure::bad_request("PARAMETER_INVALID", message));
        }
    }
    Ok(())
}

fn unknown_parameter(name: &str, known: &[&str]) -> Failure {
    /// Characters of a name that are told; those that there are have fewer.
    const TOLD_MAX: usize = 40;
    /// What is less alike is another word.
    const SIMILAR: f64 = 0.65;
    let similarity = |candidate: &str| strsim::jaro_winkler(&name.to_lowercase(), candidate);
    let alike = known.iter().filter(|candidate| similarity(candidate) > SIMILAR);
    let nearest = alike.max_by(|left, right| similarity(left).total_cmp(&similarity(right)));
    let quoted: Vec<String> = known.iter().map(|known| format!("`{known}`")).collect();
    let hint = match (nearest, &*quoted) {
        (Some(nearest), _) => format!("did you mean `{nearest}`?"),
        (None, []) => "it takes none".to_owned(),
        (None, [only]) => format!("it takes {only}"),
        (None, [rest @ .., last]) => format!("it takes {} and {last}", rest.join(", ")),
    };
    let told: String = name.chars().take(TOLD_MAX).filter(|character| !character.is_control()).collect();
    Failure::bad_request("PARAMETER_INVALID", format!("this endpoint has no parameter `{told}`")).hint(hint)
}

fn decode_query(text: &str) -> Result<Vec<(String, String)>, Failure> {
    let mut pairs = Vec::new();
    for (key, value) in url::form_urlencoded::parse(text.as_bytes()) {
        if pairs.len() == QUERY_PARAMETERS_MAX {
            return Err(Failure::bad_request(
                "PARAMETER_INVALID",
                format!("a query has at most {QUERY_PARAMETERS_MAX} parameters"),
            ));
        }
        pairs.push((key.into_owned(), value.into_owned()));
    }
    Ok(pairs)
}
