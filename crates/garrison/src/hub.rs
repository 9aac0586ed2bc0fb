//! The hub's process: the order in which it starts and stops.
//!
//! Start: what can be refused without touching anything (transport, certificate), then the data directory with its lock,
//! the sockets, the database, the blobs, the accounts, and last the listeners. Stop is the reverse: listeners drain, then
//! jobs, then the audit log is sealed, then the database closes, then the lock goes.

mod advisories;
mod banner;
mod metrics;
mod storage;
mod upkeep;

use std::net::SocketAddr;
use std::path::Path;
use std::process;
use std::sync::Arc;
use std::time::{Duration, Instant};

use api::App;
use identity::Secret;
use ledger::audit::{Denials, Sealer};
use ledger::jobs::Runner;
use pipeline::Pipeline;
use registry::Registry;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tenancy::{RecoveredKeys, Tenancy};
use tokio::task::JoinSet;
use tracing::warn;
use translog::{Signer, VerifierKey};
use uuid::Uuid;

use crate::data_directory::DataDirectory;
use crate::error::{CommandError, Kind};
use crate::output;
use crate::platform::Platform;
use crate::server::{Certificates, Limits, Listener, Stop, Transport, TransportError, watch_signals};
use crate::settings::{Bytes, Settings};
use banner::{Banner, First};
use storage::Storage;
use upkeep::Upkeep;

/// The longest file that can hold a password; the limit of a password itself is far below.
const PASSWORD_FILE_BYTES_MAX: u64 = 4096;

/// Runs a hub until it is told to stop.
pub(crate) async fn run(settings: &Settings) -> Result<(), CommandError> {
    let started = Instant::now();
    let transport = Transport::choose(settings).map_err(transport_refused)?;
    let certificates = match transport {
        Transport::Plain => None,
        Transport::Tls { certificate, key } => {
            let opened = Certificates::open(certificate, key);
            Some(opened.map_err(|source| CommandError::environment("failed to set up TLS", source))?)
        }
    };
    // The lock before the socket: to a second hub the directory is the better answer than the port.
    let mut directory = DataDirectory::create(&storage::place(settings)?)?;
    raise_file_limit();
    let listener = bind(settings.listen).await?;
    let metrics_listener = match settings.metrics_listen {
        Some(address) => Some(bind(address).await?),
        None => None,
    };
    let stop = Stop::new();
    let signals = watch_signals(stop.clone())
        .map_err(|source| CommandError::environment("failed to listen for signals", source))?;
    let signals = tokio::spawn(signals);

    let Storage { database, master_key } = Storage::open(settings, &directory).await?;
    let index = storage::open_inventories(&database, &directory).await?;
    let blobs = blobs::Blobs::open(directory.path())
        .map_err(|source| CommandError::environment("failed to open the blob store", source))?;
    let tenancy = Tenancy::new(database.clone(), master_key).map_err(accounts_failed)?;
    let given = settings.admin_password_file.as_deref();
    let bootstrap = tenancy.bootstrap(given.map(read_password).transpose()?).await.map_err(accounts_failed)?;
    let registry = Registry::new(database.clone(), blobs, registry_options(settings));
    let pipeline = Pipeline::new(registry.clone(), index.clone(), pipeline_options(settings));
    storage::bind(&directory, &tenancy, &registry).await?;
    let runner = Runner::new(database.clone(), &format!("hub-{}", process::id()));
    let advisories = advisories::open(settings, &directory, &tenancy, &pipeline, &registry, (&database, &runner));
    let denials = Arc::new(Denials::new());
    let heads_file = directory.path().join("audit-heads");
    let app = Arc::new(App::new(api::Parts {
        db: database.clone(),
        registry: registry.clone(),
        pipeline: pipeline.clone(),
        advisories: advisories.clone(),
        tenancy: tenancy.clone(),
        denials: Arc::clone(&denials),
        heads_file: Some(heads_file.clone()),
        jobs: runner.notifier(),
        options: api_options(settings),
    }));
    let sealer = sealer(&database, &tenancy, &app).await?.heads_file(heads_file);
    let runner = with_inventories(&registry, &pipeline, runner).await?;
    let runner = advisories.with_jobs(runner);
    let upkeep = Upkeep::start(&database, &registry, &tenancy, denials, runner, sealer);

    let password = bootstrap.generated_password.as_ref().map(Secret::expose);
    let file = given.map(|file| file.display().to_string()).unwrap_or_default();
    let banner = Banner {
        version: env!("CARGO_PKG_VERSION"),
        data: &Platform::current().abbreviate(directory.path()),
        database: if database.is_embedded() { "sqlite" } else { "postgresql" },
        advisories: &advisories::age(&advisories),
        scheme: transport.scheme(),
        listen: listener.address(),
        first: match (bootstrap.made_admin, password) {
            (false, _) => First::No,
            (true, Some(password)) => First::PasswordMade { password },
            (true, None) => First::PasswordGiven { file: &file },
        },
        took: started.elapsed(),
    };
    output::print_line(banner.render().trim_end())?;
    directory.keep();
    drop(bootstrap);

    let limits = limits(settings);
    let tls = certificates.as_ref().map(|certificates| certificates.acceptor(settings.http2));
    let mut beside = JoinSet::new();
    beside.spawn(advisories::follow(advisories.clone(), stop.clone()));
    if let Some(certificates) = certificates {
        beside.spawn(certificates.watch(stop.clone()));
    }
    if let Some(listener) = metrics_listener {
        let app = Arc::clone(&app);
        let service = tower::service_fn(move |request| metrics::answer(Arc::clone(&app), request));
        beside.spawn(listener.serve(service, None, limits, stop.clone()));
    }
    beside.spawn({
        let (app, stop) = (Arc::clone(&app), stop.clone());
        async move {
            stop.requested().await;
            app.drain();
        }
    });
    let table = api::endpoints().into_iter().chain(console::endpoints()).collect();
    let router = api::router(Arc::clone(&app), table, console::render_failure);
    listener.serve(router, tls, limits, stop).await;
    beside.join_all().await;
    upkeep.stop().await;
    drop((app, registry, tenancy, pipeline, advisories));
    index.close().await;
    database.close().await;
    signals.abort();
    drop(directory);
    Ok(())
}

/// Sets the password of a user of a hub that does not run. Returns it when it was made here.
pub(crate) async fn reset_password(
    settings: &Settings,
    user: &str,
    given: Option<String>,
) -> Result<Option<String>, CommandError> {
    let (directory, storage) = Storage::existing(settings).await?;
    let made = given.is_none();
    let given = given.map(Secret::from);
    let password = offline(directory, storage, async |tenancy| tenancy.reset_password(user, given).await).await?;
    Ok(made.then(|| password.expose().to_owned()))
}

/// Replaces the token keys of a hub that does not run. Returns how many are gone.
pub(crate) async fn rotate_keys(settings: &Settings) -> Result<u64, CommandError> {
    let (directory, storage) = Storage::existing(settings).await?;
    offline(directory, storage, async |tenancy| tenancy.replace_token_keys(now_us()).await).await
}

/// Goes on with another master key, which is made where there is none. Returns what came of the keys that the lost one
/// had sealed; nothing when the master key opens them all.
pub(crate) async fn recover_keys(settings: &Settings) -> Result<Option<RecoveredKeys>, CommandError> {
    let (directory, storage) = Storage::without_master_key(settings).await?;
    offline(directory, storage, async |tenancy| tenancy.recover_keys(now_us()).await).await
}

/// Does something to the accounts of a hub that does not run.
async fn offline<T>(
    directory: Option<DataDirectory>,
    Storage { database, master_key }: Storage,
    act: impl AsyncFnOnce(&Tenancy) -> Result<T, tenancy::Error>,
) -> Result<T, CommandError> {
    let tenancy = Tenancy::new(database.clone(), master_key).map_err(accounts_failed)?;
    let result = act(&tenancy).await;
    drop(tenancy);
    database.close().await;
    drop(directory);
    result.map_err(accounts_failed)
}

fn now_us() -> i64 {
    registry::Clock::System.now_us()
}

/// Returns the sealer of this installation's audit log.
async fn sealer(database: &db::Db, tenancy: &Tenancy, app: &App) -> Result<Sealer, CommandError> {
    let origin = app
        .audit_origin()
        .await
        .map_err(|failure| CommandError::environment("failed to name the audit log", failure.message))?;
    let key = tenancy.audit_keys().await.map_err(accounts_failed)?.signing;
    let verifier = VerifierKey::new(&origin, *key.public())
        .map_err(|source| CommandError::environment("failed to read the key of the audit log", source))?;
    let signer = Signer::new(verifier, move |message| key.sign(message));
    // Unlike that of any other process, on this machine or another.
    let owner = format!("hub-{}-{}", process::id(), Uuid::now_v7().simple());
    Ok(Sealer::new(database.clone(), &owner, &origin, move || signer.clone()))
}

async fn bind(address: SocketAddr) -> Result<Listener, CommandError> {
    Listener::bind(address).await.map_err(|source| {
        let in_use = source.kind() == std::io::ErrorKind::AddrInUse;
        let error = CommandError::environment(format!("failed to listen on {address}"), source);
        if in_use {
            error.hint("another program has the port; `--listen ADDRESS:PORT` takes another one")
        } else {
            error
        }
    })
}

fn transport_refused(error: TransportError) -> CommandError {
    let hint = match error {
        TransportError::PlainBeyondLoopback { .. } => {
            "give `--tls-cert` and `--tls-key`, or `--plain-http` behind a proxy that ends TLS"
        }
        TransportError::HalfTls => "give both files",
        TransportError::Contradiction => "leave one of them out",
    };
    CommandError::new(Kind::Usage, error).hint(hint)
}

/// Has the runner make inventories, if this hub does.
async fn with_inventories(registry: &Registry, pipeline: &Pipeline, runner: Runner) -> Result<Runner, CommandError> {
    if !registry.makes_inventories() {
        let ordered = pipeline.order_sweep_for_later().await;
        ordered.map_err(|source| CommandError::environment("failed to order the inventories for later", source))?;
        return Ok(runner);
    }
    let renewal = pipeline.order_renewal().await;
    renewal.map_err(|source| CommandError::environment("failed to look at what is kept of images", source))?;
    Ok(pipeline.with_jobs(runner))
}

fn accounts_failed(error: tenancy::Error) -> CommandError {
    let kind = match &error {
        tenancy::Error::NotFound { .. } => Kind::No,
        tenancy::Error::Password(_) => Kind::Usage,
        _ => Kind::Environment,
    };
    let hint = error.hint();
    let error = CommandError::new(kind, error);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

fn api_options(settings: &Settings) -> api::Options {
    api::Options {
        external_url: settings.external_url.as_ref().map(ToString::to_string),
        create_project_on_push: settings.create_project_on_push,
        trusted_proxies: settings.trusted_proxies.clone(),
        version: env!("CARGO_PKG_VERSION"),
    }
}

fn registry_options(settings: &Settings) -> registry::Options {
    let Bytes(blob_size_bytes_max) = settings.blob_size_max;
    registry::Options {
        collect_grace_us: microseconds(settings.collect_grace),
        upload_expiry_us: microseconds(settings.upload_expiry),
        blob_size_bytes_max,
        inventories: settings.inventory_memory.0.is_some(),
        ..registry::Options::default()
    }
}

fn pipeline_options(settings: &Settings) -> pipeline::Options {
    // Without memory for making inventories, those that are there are still told.
    pipeline::Options { memory_bytes: settings.inventory_memory.0.unwrap_or(0), ..pipeline::Options::default() }
}

fn microseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

fn limits(settings: &Settings) -> Limits {
    Limits {
        connections_max: settings.connections_max,
        idle_timeout: settings.idle_timeout,
        drain_timeout: settings.drain_timeout,
        http2: settings.http2,
    }
}

/// Reads a password file; one newline at its end is no part of the password.
fn read_password(file: &Path) -> Result<Secret, CommandError> {
    use std::io::Read as _;
    let mut text = String::new();
    std::fs::File::open(file)
        .and_then(|opened| opened.take(PASSWORD_FILE_BYTES_MAX).read_to_string(&mut text))
        .map_err(|source| {
            CommandError::environment(format!("failed to read the password in `{}`", file.display()), source)
        })?;
    if text.ends_with('\n') {
        text.pop();
    }
    Ok(Secret::from(text))
}

/// Lets this process open as many files as it may: each connection and each blob that is read is one. The usual limit of
/// 1024 is there for programs that use `select`.
fn raise_file_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
    {
        warn!(error = %error, "failed to raise the limit of open files");
    }
}
