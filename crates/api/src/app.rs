//! The hub as its surface sees it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use access::{Action, Request, Resource, Visibility, allows};
use advisories::Advisories;
use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use futures_util::Stream;
use pipeline::Pipeline;
use registry::{Registry, RepositorySummary};
use tenancy::{PAGE_ITEMS_MAX, PageRequest, ProjectName, Tenancy};

use crate::endpoint::Call;
use crate::failure::Failure;
use crate::health::Readiness;
use crate::metrics::Metrics;
use crate::proxies::TrustedProxies;
use crate::room::{ANSWERS_BYTES_MAX, REQUESTS_BYTES_MAX, Room};

/// Time that a client may stay silent in the middle of a body: long enough for a stalled network, short enough that
/// slow-loris clients do not hold uploads.
const BODY_SILENCE_MAX: Duration = Duration::from_mins(1);

/// Repositories read at once at least, since some of them may not be the caller's to see.
const ROWS_MIN: u64 = 100;

/// Projects whose repositories are looked up one project at a time. A caller who sees more sees so much of the hub that
/// one pass over all repositories costs less.
pub const PROJECTS_LOOKED_UP_MAX: usize = 5_000;

/// What the operator sets for the surface.
#[derive(Clone, Debug)]
pub struct Options {
    /// The address by which clients reach the hub, such as `https://registry.example.com`; none takes it from `Host`.
    pub external_url: Option<String>,
    /// Whether an administrator's push to an unknown project creates it.
    pub create_project_on_push: bool,
    /// Proxies that are believed when they say where a request comes from.
    pub trusted_proxies: TrustedProxies,
    /// Version of the program.
    pub version: &'static str,
}

/// What the surface stands on.
pub struct Parts {
    /// The database, for its figures.
    pub db: db::Db,
    /// The registry.
    pub registry: Registry,
    /// Inventories of images.
    pub pipeline: Pipeline,
    /// What is known to be wrong with software.
    pub advisories: Advisories,
    /// Users, projects, robots, sessions.
    pub tenancy: Tenancy,
    /// Denials on their way to the audit log.
    pub denials: Arc<ledger::audit::Denials>,
    /// Where heads of the audit log are kept outside the database, if anywhere.
    pub heads_file: Option<PathBuf>,
    /// Tells the runner of new jobs.
    pub jobs: ledger::jobs::RunnerNotifier,
    /// What the operator sets.
    pub options: Options,
}

/// The hub.
pub struct App {
    pub(crate) db: db::Db,
    pub(crate) registry: Registry,
    pub(crate) pipeline: Pipeline,
    pub(crate) advisories: Advisories,
    pub(crate) tenancy: Tenancy,
    pub(crate) denials: Arc<ledger::audit::Denials>,
    pub(crate) options: Options,
    pub(crate) heads_file: Option<PathBuf>,
    pub(crate) jobs: ledger::jobs::RunnerNotifier,
    pub(crate) metrics: Metrics,
    /// Room for large answers.
    pub(crate) answers: Room,
    /// Room for large manifests that arrive.
    pub(crate) requests: Room,
    pub(crate) started_at_us: i64,
    pub(crate) readiness: Readiness,
    ready: AtomicBool,
}

impl App {
    /// Makes the surface; it is ready from the start.
    pub fn new(parts: Parts) -> Self {
        let Parts { db, registry, pipeline, advisories, tenancy, denials, heads_file, jobs, options } = parts;
        Self {
            db,
            registry,
            pipeline,
            advisories,
            tenancy,
            denials,
            options,
            heads_file,
            jobs,
            metrics: Metrics::default(),
            answers: Room::new(ANSWERS_BYTES_MAX),
            requests: Room::new(REQUESTS_BYTES_MAX),
            started_at_us: registry::Clock::System.now_us(),
            readiness: Readiness::default(),
            ready: AtomicBool::new(true),
        }
    }

    /// Returns the registry.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Returns the inventories of images.
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// Returns users, projects, robots and sessions.
    pub fn tenancy(&self) -> &Tenancy {
        &self.tenancy
    }

    /// Returns the version of the program.
    pub fn version(&self) -> &'static str {
        self.options.version
    }

    /// Says that the hub is going: `/readyz` fails from now on, so that load balancers send no more.
    pub fn drain(&self) {
        self.ready.store(false, Ordering::SeqCst);
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::SeqCst)
    }

    /// Returns microseconds since 1970-01-01 UTC.
    pub fn now_us(&self) -> i64 {
        registry::Clock::System.now_us()
    }

    /// Returns the name of the hub's audit log: no other hub has it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit_origin(&self) -> Result<String, Failure> {
        Ok(format!("garrison/{}/audit", self.tenancy.instance_id().await?))
    }

    pub(crate) async fn visibility(&self, project: &str) -> Result<Visibility, Failure> {
        Ok(self.tenancy.project_visibility(project).await?.unwrap_or(Visibility::Private))
    }
}

/// A request's body with a deadline between two pieces.
pub struct TimedBody {
    stream: BodyDataStream,
    timer: Pin<Box<tokio::time::Sleep>>,
}

impl TimedBody {
    pub(crate) fn new(body: Body) -> Self {
        Self { stream: body.into_data_stream(), timer: Box::pin(tokio::time::sleep(BODY_SILENCE_MAX)) }
    }
}

impl Stream for TimedBody {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Poll::Ready(item) = Pin::new(&mut self.stream).poll_next(context) {
            let deadline = tokio::time::Instant::now() + BODY_SILENCE_MAX;
            self.timer.as_mut().reset(deadline);
            return Poll::Ready(item);
        }
        match self.timer.as_mut().poll(context) {
            Poll::Ready(()) => {
                Poll::Ready(Some(Err(axum::Error::new(std::io::Error::from(std::io::ErrorKind::TimedOut)))))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl Call {
    /// Runs a change in a project. An administrator who pushes to a project that does not exist creates it, unless that
    /// is turned off.
    pub(crate) async fn in_project<T, F>(&self, project: &str, change: impl Fn(Registry) -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, registry::Error>>,
    {
        match change(self.app.registry.clone()).await {
            Err(registry::Error::ProjectUnknown(_)) if self.creates_projects() => {
                self.create_project(project).await?;
                Ok(change(self.app.registry.clone()).await?)
            }
            other => Ok(other?),
        }
    }

    /// As [`Call::in_project`], for a change that cannot be tried twice.
    pub(crate) async fn ensure_project(&self, project: &str) -> Result<(), Failure> {
        if self.creates_projects() && self.app.tenancy.project_visibility(project).await?.is_none() {
            self.create_project(project).await?;
        }
        Ok(())
    }

    fn creates_projects(&self) -> bool {
        self.app.options.create_project_on_push && self.may(Action::ProjectCreate)
    }

    async fn create_project(&self, project: &str) -> Result<(), Failure> {
        let name: ProjectName = project.parse().map_err(|error| {
            Failure::registry(oci::ErrorCode::NameInvalid, format!("`{project}` cannot be a project: {error}"))
        })?;
        let new = tenancy::NewProject { name, public: false };
        match self.app.tenancy.create_project(self.caller.subject(), new).await {
            Ok(_) | Err(tenancy::Error::Exists { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Tells whether the caller may pull from each repository of a project, whatever it is called.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pulls_from_all(&self, project: &str) -> Result<bool, Failure> {
        // No repository is called so.
        let any = format!("{project}/.");
        let visibility = self.app.visibility(project).await?;
        Ok(self.sees(Action::RepositoryPull, Resource::Repository(&any), visibility))
    }

    /// Returns up to `limit` repositories after a name that the caller may pull from, and whether there are more. It costs
    /// what the caller may see, whatever else the hub holds.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn visible_repositories(
        &self,
        project: Option<&str>,
        after: &str,
        limit: u64,
    ) -> Result<(Vec<RepositorySummary>, bool), Failure> {
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let (mut visible, mut after) = (Vec::new(), after.to_owned());
        if wanted == 0 {
            return Ok((visible, false));
        }
        let (reach, rows) = (self.reach(project).await?, limit.max(ROWS_MIN));
        loop {
            let page = match &reach {
                Reach::Hub => self.app.registry.list_repositories(None, &after, rows).await?,
                Reach::Projects(projects) => {
                    let names: Vec<&str> = projects.keys().map(String::as_str).collect();
                    self.app.registry.list_repositories_of(&names, &after, rows).await?
                }
            };
            let mut current: Option<(&str, Option<Visibility>)> = None;
            for repository in &page.items {
                let (name, project) = (repository.name.as_str(), repository.name.project());
                let visibility = match current {
                    Some((current, visibility)) if current == project => visibility,
                    _ => self.listed(&reach, project).await?,
                };
                current = Some((project, visibility));
                let Some(visibility) = visibility else {
                    // `0` follows `/`: the next page begins behind the project, whatever it holds.
                    after = format!("{project}0");
                    continue;
                };
                name.clone_into(&mut after);
                if self.sees(Action::RepositoryPull, Resource::Repository(name), visibility) {
                    if visible.len() == wanted {
                        return Ok((visible, true));
                    }
                    visible.push(repository.clone());
                }
            }
            if !page.more {
                return Ok((visible, false));
            }
        }
    }

    /// Returns where repositories may lie that the caller sees.
    async fn reach(&self, project: Option<&str>) -> Result<Reach, Failure> {
        let mut projects = BTreeMap::new();
        if let Some(project) = project {
            let visibility = self.app.visibility(project).await?;
            if self.sees(Action::RepositoryList, Resource::Project(project), visibility) {
                projects.insert(project.to_owned(), visibility);
            }
            return Ok(Reach::Projects(projects));
        }
        if self.caller.access().actor().is_administrator() {
            return Ok(Reach::Hub);
        }
        let mut page = PageRequest { after: None, limit: Some(PAGE_ITEMS_MAX) };
        loop {
            let found = self.app.tenancy.list_projects(self.caller.tenant(), &page).await?;
            for project in found.items {
                let visibility = if project.public { Visibility::Public } else { Visibility::Private };
                if self.sees(Action::RepositoryList, Resource::Project(&project.name), visibility) {
                    projects.insert(project.name, visibility);
                }
            }
            if projects.len() > PROJECTS_LOOKED_UP_MAX {
                return Ok(Reach::Hub);
            }
            match found.next {
                Some(next) => page.after = Some(next),
                None => return Ok(Reach::Projects(projects)),
            }
        }
    }

    /// Returns the visibility of a project whose repositories the caller may list.
    async fn listed(&self, reach: &Reach, project: &str) -> Result<Option<Visibility>, Failure> {
        if let Reach::Projects(projects) = reach {
            return Ok(projects.get(project).copied());
        }
        let visibility = self.app.visibility(project).await?;
        Ok(self.sees(Action::RepositoryList, Resource::Project(project), visibility).then_some(visibility))
    }

    fn sees(&self, action: Action, resource: Resource<'_>, visibility: Visibility) -> bool {
        // A token's scopes narrow what it may do to a repository; what it may list is the account's own.
        allows(self.caller.access(), None, Request { action, resource, visibility })
    }
}

/// Where repositories may lie that a caller sees.
enum Reach {
    /// Anywhere: for administrators, and where looking at everything costs less than at each project.
    Hub,
    /// In these projects alone.
    Projects(BTreeMap<String, Visibility>),
}
