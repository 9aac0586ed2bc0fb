//! VEX that counts for a project, or for all, and what lies beside an image: parts of other pages.

use access::Action;
use api::{Call, Failure};
use oci::{Digest, RepositoryName};
use pipeline::{VexBeside, VexDocument, VexListed, VexSaid, Whose};

use crate::href;
use crate::words::{Hash, Moment, count, foreign, grouped, plural, shell_word};

/// Rows that are shown; the command lists all.
const ROWS_MAX: usize = 40;
const NAME_BYTES_MAX: usize = 120;
const LINE_BYTES_MAX: usize = 300;

/// The documents that were given.
pub(crate) struct Vex {
    pub(crate) sentence: String,
    /// Whose VEX counts, in words.
    pub(crate) trust: String,
    pub(crate) rows: Vec<Row>,
    pub(crate) more: bool,
    pub(crate) command: String,
}

pub(crate) struct Row {
    pub(crate) author: String,
    pub(crate) name: String,
    pub(crate) format: String,
    pub(crate) statements: String,
    pub(crate) by: String,
    pub(crate) at: Moment,
    /// Nothing when it counts.
    pub(crate) why_not: Option<&'static str>,
}

/// What lies beside an image.
pub(crate) struct Beside {
    pub(crate) sentence: String,
    pub(crate) rows: Vec<BesideRow>,
    pub(crate) more: bool,
    pub(crate) command: String,
}

pub(crate) struct BesideRow {
    pub(crate) href: String,
    pub(crate) digest: Hash,
    /// Nothing when it counts.
    pub(crate) why_not: Option<String>,
    pub(crate) author: String,
    pub(crate) format: String,
    pub(crate) statements: String,
    pub(crate) by: String,
    pub(crate) at: Moment,
}

/// Returns the documents that were given for a project, or for all; none while there are none. Whose pushes are believed is told to who may know
/// the hub's settings.
pub(crate) async fn part(call: &Call, whose: &Whose) -> Result<Option<Vex>, Failure> {
    let documents = call.app.pipeline().list_vex(whose).await?;
    if documents.is_empty() {
        return Ok(None);
    }
    let trust = call.app.pipeline().vex_trust().await?.map(|set| set.trust).unwrap_or_default();
    let mut told = trust.authors_in_words();
    if call.may(Action::SystemRead) {
        told = format!("{told} {}", trust.pushers_in_words());
    }
    let now_us = call.app.now_us();
    let counting = || documents.iter().filter(|one| one.why_not.is_none());
    let statements: u64 = counting().map(|one| one.document.statements).sum();
    Ok(Some(Vex {
        sentence: format!("{} of {}.", plural(statements, "statement"), plural(count(counting().count()), "document")),
        trust: foreign(&told, LINE_BYTES_MAX),
        more: documents.len() > ROWS_MAX,
        rows: documents.into_iter().take(ROWS_MAX).map(|one| row(one, now_us)).collect(),
        command: match whose {
            Whose::Hub => "garrison vex list".to_owned(),
            Whose::Project(name) => format!("garrison vex list --project {name}"),
        },
    }))
}

fn row(VexListed { document, why_not }: VexListed, now_us: i64) -> Row {
    let VexDocument { name, author, format, statements, actor, set_at_us, .. } = document;
    Row {
        author: foreign(&author, NAME_BYTES_MAX),
        name: foreign(&name, NAME_BYTES_MAX),
        format,
        statements: grouped(statements),
        by: crate::words::actor(&actor),
        at: Moment::new(set_at_us, now_us),
        why_not,
    }
}

/// Returns what lies beside an image and is VEX, or may be; none where there is none.
pub(crate) async fn beside(call: &Call, name: &RepositoryName, image: Digest) -> Result<Option<Beside>, Failure> {
    let all = call.app.pipeline().vex_beside(name, image).await?;
    if all.is_empty() {
        return Ok(None);
    }
    let counting = all.iter().filter(|one| one.why_not.is_none()).count();
    let (host, _) = super::image::host(call);
    let now_us = call.app.now_us();
    Ok(Some(Beside {
        sentence: format!("{counting} of {} count.", plural(count(all.len()), "document")),
        more: all.len() > ROWS_MAX,
        rows: all.iter().take(ROWS_MAX).map(|one| beside_row(name, one, now_us)).collect(),
        command: format!("garrison vex list {}", shell_word(&format!("{host}/{name}@{image}"))),
    }))
}

fn beside_row(name: &RepositoryName, one: &VexBeside, now_us: i64) -> BesideRow {
    let said = |part: fn(&VexSaid) -> String| one.document.as_ref().map(part).unwrap_or_default();
    BesideRow {
        href: href::image(name, one.manifest),
        digest: Hash(one.manifest),
        author: foreign(&said(|said| said.author.clone()), NAME_BYTES_MAX),
        format: said(|said| said.format.clone()),
        statements: said(|said| grouped(said.statements)),
        why_not: one.why_not.as_deref().map(|why| foreign(why, LINE_BYTES_MAX)),
        by: crate::words::actor(&one.pusher),
        at: Moment::new(one.pushed_at_us, now_us),
    }
}
