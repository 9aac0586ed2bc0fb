use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use feeds::{Acceptance, BuildError, Built, Choice, Fewer, Gone, KeptFeed, PlannedFeed, Size};
use outbound::{FeedClient, FeedOptions, PrivateHost};
use serde_json::json;
use vulndb::Ecosystem;
use vulndb::file::Database;

use super::hub;
use crate::advisories::{self, Advisories};
use crate::commands::setting_flags;
use crate::error::{CommandError, Kind};
use crate::output::{self, Format, Progress};
use crate::session::{self, Session, block_on};
use crate::settings::{self, Choices, PrivateHosts, Settings};

/// The longest document that is fetched; OSV's largest archive has some 300 MB.
pub(crate) const DOCUMENT_BYTES_MAX: u64 = 4 << 30;

/// How long one document may be on its way.
pub(crate) const DOCUMENT_TIME_MAX: Duration = Duration::from_hours(2);

/// The time without a byte after which a connection counts as broken.
pub(crate) const SILENCE_MAX: Duration = Duration::from_mins(1);

/// The pause before a publisher is asked again, which doubles each time.
pub(crate) const PAUSE: Duration = Duration::from_secs(1);

/// Fetch what is new of advisories, and use it.
///
/// From the current hub, if one is chosen: what changed, or the whole database where that is less. Otherwise, or when feeds or ecosystems
/// are named, from the publishers, for the ecosystems that are named, or that were met by scans of this machine. Only what changed is
/// fetched; what breaks off goes on next time. A feed that fails, or that its reader does not understand, keeps its last good state;
/// if it never had one, that is an error. What the database has of other feeds stays as it is, unless `--feed -NAME` leaves one out. What is in
/// use stays in use until what replaces it is whole.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  garrison db update
  garrison db update --hub
  garrison db update --ecosystem npm --ecosystem Debian:12
  garrison db update --feed ours=osv:/srv/advisories --feed -epss
  garrison db update --feed debian=http://mirror.corp/tracker.json --private-host mirror.corp

`garrison db feeds` lists the feeds. Settings `advisories_feeds` and `advisories_private_hosts` count here too.
Exit codes: 0 done, 1 what came is older than what is in use, 2 not understood, 3 no feed gave anything new, or of one there is nothing, now or from before.")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Update {
    /// Have the current hub fetch what is new for all its clients
    #[arg(long, conflicts_with_all = ["ecosystems", "all", "feeds", "private_hosts", "from_feeds", "ca_file"])]
    hub: bool,
    /// Fetch from publishers, although a hub is chosen
    #[arg(long)]
    from_feeds: bool,
    /// Ecosystem to fetch advisories of, instead of those met
    #[arg(long = "ecosystem", value_name = "ECOSYSTEM", value_parser = ecosystem)]
    ecosystems: Vec<Ecosystem>,
    /// Fetch the advisories of all ecosystems
    #[arg(long, conflicts_with = "ecosystems")]
    all: bool,
    /// Feed otherwise than by default: `-NAME`, `+NAME`, `NAME=ADDRESS` or `NAME=READER:ADDRESS`
    #[arg(long = "feed", value_name = "FEED", value_parser = settings::choice, allow_hyphen_values = true)]
    feeds: Vec<Choice>,
    /// Host of a feed that may be in a private network or on this machine, and may be asked over plain HTTP
    #[arg(long = "private-host", value_name = "HOST[:PORT]")]
    private_hosts: Vec<PrivateHost>,
    /// Take a feed that is older than the last good one, or has lost most of its records, or a database that is older than the one in use
    #[arg(long)]
    accept_older: bool,
    /// PEM file of certificates to trust besides the platform's
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// TOML file with settings, as of `garrison up`
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Say nothing on standard error but errors
    #[arg(short, long)]
    quiet: bool,
}

fn ecosystem(name: &str) -> Result<Ecosystem, String> {
    let (family, release) = name.split_once(':').map_or((name, ""), |(family, release)| (family, release));
    let families = vulndb::Family::ALL;
    let Some(known) = families.iter().find(|known| known.as_str().eq_ignore_ascii_case(family)) else {
        let nearest =
            families.iter().map(|known| known.as_str()).min_by_key(|known| strsim::osa_distance(family, known));
        return Err(format!("there is no ecosystem `{family}`; did you mean `{}`?", nearest.unwrap_or_default()));
    };
    let spelled = if release.is_empty() { known.as_str().to_owned() } else { format!("{}:{release}", known.as_str()) };
    Ecosystem::parse_osv(&spelled).map(|(ecosystem, _)| ecosystem).map_err(|error| error.to_string())
}

impl Update {
    pub(crate) fn run(self, session: &Session) -> Result<(), CommandError> {
        if self.hub {
            return hub::order(session, self.accept_older);
        }
        let is_of_feeds = self.from_feeds || self.all || !self.ecosystems.is_empty() || !self.feeds.is_empty();
        let acceptance = if self.accept_older { Acceptance::Any } else { Acceptance::Newer };
        let is_of_publishers = !self.private_hosts.is_empty() || self.ca_file.is_some();
        if !is_of_feeds && is_of_publishers && hub::is_chosen(session)? {
            return Err(CommandError::new(
                Kind::Usage,
                "`--private-host` and `--ca-file` are about publishers, and advisories come from the hub that is chosen",
            )
            .hint("`--from-feeds` asks the publishers instead"));
        }
        if !is_of_feeds && hub::take(session, acceptance, self.quiet)? {
            return Ok(());
        }
        let settings = Settings::parse(&setting_flags::layers(self.config.clone(), Vec::new())?)?;
        let Choices(mut choices) = settings.advisories_feeds.clone();
        choices.extend(self.feeds.iter().cloned());
        let plan = self.plan(&choices)?;
        let PrivateHosts(mut private_hosts) = settings.advisories_private_hosts;
        private_hosts.extend(self.private_hosts.iter().cloned());
        let client = FeedClient::new(FeedOptions {
            private_hosts,
            ca_file: self.ca_file.clone(),
            pause: PAUSE,
            bytes_max: DOCUMENT_BYTES_MAX,
            time_max: DOCUMENT_TIME_MAX,
            silence_max: SILENCE_MAX,
        })
        .map_err(|error| CommandError::new(Kind::Environment, error))?;
        let store = advisories::store()?;
        let lock = store.cache().lock()?;
        let before = store.open_current().ok();
        let (digest_before, current) =
            before.map(|(digest, database)| (Some(digest), Some(database))).unwrap_or_default();
        self.known(current.as_ref(), &plan)?;
        let built = block_on(async {
            if !self.quiet {
                output::note(&announced(&plan, &measured(&lock, &client, &plan).await));
            }
            let mut progress = Shown((!self.quiet).then(Progress::passing));
            let fetched = feeds::fetch(&lock, &client, plan, &mut |state| progress.tell(state)).await;
            let now = jiff::Timestamp::now().as_second();
            let mut tell = |state: feeds::Progress<'_>| progress.tell(state);
            let built = feeds::build(&lock, fetched, &choices, current.as_ref(), acceptance, now, &mut tell);
            progress.clear();
            built.map_err(|error| nothing(error, current.as_ref()))
        })?;
        if built.missing().next().is_some() {
            return Err(missing(&built, current.as_ref()));
        }
        if current.is_some() && built.is_of_before() {
            return Err(nothing_new(&built));
        }
        let gone: Vec<String> = built.gone.iter().map(|(name, _)| name.clone()).collect();
        let digest = store.import(built.file.as_slice(), None, acceptance, Fewer::Only(&gone))?;
        if digest_before.as_ref() == Some(&digest) && !self.quiet {
            output::note("Nothing is new: what was in use stays in use.");
        }
        report(session, &built, &digest, self.quiet)
    }

    /// What is left out must be something.
    fn known(&self, current: Option<&Advisories>, plan: &[PlannedFeed]) -> Result<(), CommandError> {
        let of_publishers = feeds::sources().map(|source| source.name.to_owned());
        let in_use = current.map(Database::feeds).transpose().map_err(advisories::damaged)?;
        let in_use = in_use.unwrap_or_default().into_iter().map(|feed| feed.name);
        let names: BTreeSet<String> =
            plan.iter().map(|feed| feed.name.clone()).chain(of_publishers).chain(in_use).collect();
        let is_unknown =
            |choice: &&Choice| matches!(choice, Choice::Off(_)) && !names.iter().any(|name| choice.leaves_out(name));
        let Some(Choice::Off(name)) = self.feeds.iter().find(is_unknown) else { return Ok(()) };
        Err(CommandError::new(Kind::Usage, format!("there is no feed `{name}`"))
            .hint("`garrison db status` lists those of the database in use, `garrison db feeds` those of publishers"))
    }

    fn plan(&self, choices: &[Choice]) -> Result<Vec<PlannedFeed>, CommandError> {
        let met: BTreeSet<Ecosystem> = if self.ecosystems.is_empty() {
            advisories::in_use()?.list()
        } else {
            self.ecosystems.iter().cloned().collect()
        };
        let is_own = |choice: &Choice| matches!(choice, Choice::Own { .. } | Choice::On(_));
        if met.is_empty() && !self.all && !choices.iter().any(is_own) {
            return Err(CommandError::new(Kind::Usage, "nothing says which ecosystems advisories are wanted of")
                .hint("`garrison scan` remembers those that it meets")
                .hint("or name some: `garrison db update --ecosystem npm --ecosystem Debian:12`, or `--all`"));
        }
        let met: Vec<Ecosystem> = met.into_iter().collect();
        let year = advisories::today().year();
        feeds::plan(choices, (!self.all).then_some(met.as_slice()), year)
            .map_err(|error| CommandError::new(Kind::Usage, error))
    }
}

/// What is known before anything is fetched: how much it takes, and of how many feeds nothing can be said.
async fn measured(lock: &feeds::CacheLock, client: &FeedClient, plan: &[PlannedFeed]) -> (Size, usize) {
    let (mut size, mut unreachable) = (Size::default(), 0);
    for feed in plan {
        match feeds::measure(lock, client, feed).await {
            Ok(of_feed) => {
                size.bytes += of_feed.bytes;
                size.unknown += of_feed.unknown;
                size.same += of_feed.same;
            }
            // Why is told when it is fetched.
            Err(_) => unreachable += 1,
        }
    }
    (size, unreachable)
}

fn announced(plan: &[PlannedFeed], (size, unreachable): &(Size, usize)) -> String {
    let names: Vec<&str> = plan.iter().map(|feed| feed.name.as_str()).collect();
    let mut text = format!("Fetching {} of {}", session::size(&size.bytes.into()), names.join(", "));
    let mut add = |count: u64, what: &str| {
        if count > 0 {
            let _infallible = write!(text, "; {what}: {count}");
        }
    };
    add(size.same, "documents that are the same as before");
    add(size.unknown, "documents of unknown length");
    add(*unreachable as u64, "feeds without an answer");
    text
}

/// One line on a terminal.
struct Shown(Option<Progress>);

/// How many documents are read between two words on a terminal.
const PROGRESS_EVERY: u64 = 256;

impl Shown {
    fn tell(&mut self, state: feeds::Progress<'_>) {
        let Some(progress) = &mut self.0 else { return };
        match state {
            feeds::Progress::Fetching { feed, bytes } => {
                progress.update(format!("{feed}  {} fetched", session::size(&bytes.into())));
            }
            feeds::Progress::Reading { feed, documents } if documents % PROGRESS_EVERY == 0 => {
                progress.update(format!("{feed}  {documents} documents read"));
            }
            feeds::Progress::Reading { .. } => {}
        }
    }

    fn clear(self) {
        if let Some(progress) = self.0 {
            progress.clear();
        }
    }
}

fn nothing(error: BuildError, current: Option<&Advisories>) -> CommandError {
    let mut hints = BTreeSet::new();
    let mut causes = Vec::new();
    if let BuildError::Nothing { refusals } = &error {
        for (feed, refusal) in refusals {
            causes.push(format!("{feed}: {}", refusal.in_words()));
            hints.extend(refusal.hint());
        }
    }
    for cause in &causes {
        output::note(&output::printable(cause));
    }
    CommandError::new(Kind::Environment, error).with_hints(hints.into_iter().collect()).hint(match current {
        Some(_) => "what is in use stays in use; `garrison db status` shows it",
        None => "nothing is in use yet, and nothing can be scanned",
    })
}

/// What a feed that is wanted would have said is not known: a database without it finds nothing there.
fn missing(built: &Built, current: Option<&Advisories>) -> CommandError {
    let (mut hints, mut sources, mut names) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for (feed, refusal) in built.missing() {
        output::note(&output::printable(&format!("{}: {}", feed.name, refusal.in_words())));
        hints.extend(refusal.hint());
        sources.insert(format!("--feed -{}", feed.source));
        names.push(feed.name.as_str());
    }
    let without = sources.into_iter().collect::<Vec<_>>().join(" ");
    CommandError::new(Kind::Environment, format!("there is nothing of {}, now or from before", names.join(", ")))
        .with_hints(hints.into_iter().collect())
        .hint(match current {
            Some(_) => "what is in use stays in use, and what else came is kept for the next time",
            None => "nothing is in use yet; what else came is kept for the next time",
        })
        .hint(format!("`{without}` does without: nothing is found then that no other feed knows"))
}

/// All that is known is what was known before.
fn nothing_new(built: &Built) -> CommandError {
    let mut hints = BTreeSet::new();
    for (feed, refusal) in built.refusals() {
        output::note(&output::printable(&format!("{feed}: {}", refusal.in_words())));
        hints.extend(refusal.hint());
    }
    CommandError::new(Kind::Environment, "no feed gave anything new")
        .with_hints(hints.into_iter().collect())
        .hint("what is in use stays in use; `garrison db status` shows it")
}

fn report(session: &Session, built: &Built, digest: &str, is_quiet: bool) -> Result<(), CommandError> {
    let database = Database::open(&built.file).map_err(advisories::damaged)?;
    if !is_quiet && !built.kept.is_empty() {
        output::note(&output::printable(&format!("Kept as they are: {}", kept(&built.kept))));
    }
    for (feed, why) in &built.gone {
        let told = match why {
            Gone::LeftOut => format!("Left out: {feed}"),
            Gone::Replaced => format!("Left out: {feed}, for another feed of its kind"),
            Gone::Damaged => format!("warning: {feed}: what was in use of it is damaged; there is nothing of it"),
        };
        if !is_quiet || *why == Gone::Damaged {
            output::note(&output::printable(&told));
        }
    }
    let mut hints = BTreeSet::new();
    for (feed, refusal) in built.refusals() {
        hints.extend(refusal.hint());
        let kept = built.feeds.iter().any(|known| known.name == feed && known.records > 0);
        let rest = if kept { "its last good state stays in use" } else { "there is nothing of it" };
        output::note(&output::printable(&format!("warning: {feed}: {}; {rest}", refusal.in_words())));
    }
    for hint in hints {
        output::note(&format!("hint:  {hint}"));
    }
    let records = built.feeds.iter().map(|feed| feed.records).chain(built.kept.iter().map(|feed| feed.records));
    let had: Vec<u64> = records.filter(|records| *records > 0).collect();
    match session.format() {
        Format::Json => output::print_json(&json!({
            "digest": format!("sha256:{digest}"),
            "packages": database.package_count(),
            "size_bytes": built.file.len(),
            "sizes": advisories::sizes(&database),
            "feeds": built.feeds.iter().map(|feed| json!({
                "name": feed.name,
                "records": feed.records,
                "error": feed.refusal.as_ref().map(feeds::Refusal::in_words),
            })).collect::<Vec<_>>(),
            "kept": built.kept.iter().map(|feed| json!({
                "name": feed.name,
                "records": feed.records,
                "newest": feed.newest.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok()),
            })).collect::<Vec<_>>(),
        })),
        Format::Table => {
            let newest = advisories::moment(advisories::newest(&database)?);
            output::print_line(&format!(
                "Advisories of {newest}: {} of {} from {}, {}",
                output::counted(had.iter().sum(), "record"),
                output::counted(u64::from(database.package_count()), "package"),
                output::counted(had.len() as u64, "feed"),
                session::size(&built.file.len().into()),
            ))
        }
    }
}

/// Names few feeds with their ages, and counts many.
fn kept(feeds: &[KeptFeed]) -> String {
    const NAMED_MAX: usize = 8;
    let named = feeds.iter().take(NAMED_MAX).map(|feed| match feed.newest {
        Some(newest) => format!("{} (of {})", feed.name, advisories::moment(Some(newest))),
        None => feed.name.clone(),
    });
    let named = named.collect::<Vec<_>>().join(", ");
    let rest = feeds.len().saturating_sub(NAMED_MAX);
    if rest > 0 { format!("{named} and {rest} more") } else { named }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ecosystems_are_named_as_people_write_them() {
        let table = [
            ("npm", Ok("npm")),
            ("pypi", Ok("PyPI")),
            ("debian:12", Ok("Debian:12")),
            ("Alpine:v3.20", Ok("Alpine:3.20")),
            ("rocky linux:9", Ok("Rocky Linux:9")),
            ("debain:12", Err("there is no ecosystem `debain`; did you mean `Debian`?")),
        ];
        for (name, expected) in table {
            let actual = ecosystem(name).map(|ecosystem| ecosystem.to_string());
            assert_eq!(actual.as_deref().map_err(String::as_str), expected, "{name}");
        }
    }
}
