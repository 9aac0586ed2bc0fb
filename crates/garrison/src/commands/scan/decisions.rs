use component::{Inventory, Node, Pattern, Subject};
use findings::{Beside, Deciders, DocumentBeside, ExceptionState, ExceptionUse, Origin, Report, VexUse};
use images::Source;
use jiff::Timestamp;
use oci::Digest;
use policy::Exceptions;
use sbom::formats::Address;
use vex::{Document, ImageName, Others, Problem, Statements, Trust};

use crate::commands::bounded;
use crate::commands::vex::trust;
use crate::error::{CommandError, Kind};
use crate::inventory::{InHub, Looked, Reader};
use crate::output;

/// The word that stands for the documents beside an image.
const REFERRERS: &str = "referrers";

/// What others decide about findings.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Decisions {
    /// VEX document (OpenVEX, CSAF or CycloneDX), or `referrers` for those beside an image in its registry; may be given several
    /// times
    #[arg(long, value_name = "FILE|referrers")]
    vex: Vec<String>,
    /// Author whose VEX goes before that of others, as a pattern; may be given several times, the most trusted first
    #[arg(long, value_name = "AUTHOR", requires = "vex", value_parser = pattern)]
    vex_author: Vec<Pattern>,
    /// Document that says which authors of VEX go before which, as a hub has it; its pushers are for hubs alone
    #[arg(long, value_name = "FILE", requires = "vex", conflicts_with = "vex_author")]
    vex_trust: Option<String>,
    /// Document of exceptions: owners' dated decisions that findings do not count
    #[arg(long, value_name = "FILE")]
    exceptions: Option<String>,
}

fn pattern(text: &str) -> Result<Pattern, component::PatternError> {
    Pattern::parse(text)
}

/// The documents that were given.
pub(super) struct Given {
    exceptions: Option<Exceptions>,
    statements: Option<Statements>,
    /// What lies beside the image and counts in its hub.
    beside: Option<(Statements, Vec<Origin>)>,
    /// How many of the exceptions were given here; those of the hub follow.
    exceptions_here: usize,
    /// How many of the documents are the hub's; those that were given here follow.
    vex_of_hub: usize,
    subject: vex::Subject,
    repository: Option<String>,
    now: Timestamp,
}

impl Decisions {
    /// Tells whether nothing is given.
    pub(super) fn are_none(&self) -> bool {
        self.vex.is_empty() && self.exceptions.is_none()
    }

    /// Reads the files, before the source is looked into.
    pub(super) fn read(&self) -> Result<Files, CommandError> {
        let exceptions = self.exceptions.as_deref().map(read_exceptions).transpose()?;
        let files = self.vex.iter().filter(|file| *file != REFERRERS);
        let documents = files.map(|file| read_vex(file)).collect::<Result<Vec<_>, _>>()?;
        let by_author = || self.vex_author.iter().map(|author| vec![author.clone()]).collect();
        let trust = match &self.vex_trust {
            Some(file) => Some(findings::trust(&trust::read(file)?)),
            None => (!self.vex_author.is_empty()).then(|| Trust::new(by_author(), Others::Last)),
        };
        Ok(Files { exceptions, documents, trust })
    }

    /// Adds what lies beside the image, if that was asked for, and what counts for it in its hub.
    pub(super) fn complete(
        &self,
        files: Files,
        reader: &Reader,
        place: &Source,
        looked: &Looked,
    ) -> Result<Given, CommandError> {
        let Looked { inventory, in_hub, address, .. } = looked;
        let of_hub = in_hub.as_ref().and_then(|hub| of_hub(reader, hub)).unwrap_or_else(none_of_hub);
        // Who says here whose VEX counts means all of it.
        let trust = files.trust.unwrap_or_else(|| findings::trust(&of_hub.trust()));
        let mut exceptions = files.exceptions.map(|given| given.entries().to_vec()).unwrap_or_default();
        let exceptions_here = exceptions.len();
        exceptions.extend(of_hub.exceptions().entries().iter().cloned());
        let vex_of_hub = of_hub.vex.len();
        // Of two statements of one moment that holds which comes last.
        let mut documents = of_hub.vex;
        documents.extend(files.documents);
        if self.vex.iter().any(|word| word == REFERRERS) {
            // What the hub believes too is told as such.
            let is_believed =
                |digest: &Digest| of_hub.beside.iter().any(|one| one.origin.referrer == digest.to_string());
            let others = beside(reader, place)?.into_iter().filter(|(digest, _)| !is_believed(digest));
            documents.extend(others.map(|(_, document)| document));
        }
        let believed = of_hub.beside.into_iter().map(|DocumentBeside { document, origin }| (document, origin));
        let (believed, origins): (Vec<Document>, Vec<Origin>) = believed.unzip();
        let beside = (!believed.is_empty()).then(|| (Statements::new(believed, &trust), origins));
        let repository = match &inventory.subject {
            Subject::Image { name, .. } => repository(name),
            Subject::Directory { .. } | Subject::File { .. } | Subject::Document { .. } => None,
        };
        let statements = (!documents.is_empty() || !self.vex.is_empty()).then(|| Statements::new(documents, &trust));
        let exceptions = (!exceptions.is_empty() || self.exceptions.is_some()).then(|| Exceptions::new(exceptions));
        let mut subject = match place {
            // The digest that was asked for may be that of an index, of which the inventory says nothing.
            Source::Registry(reference) => vex::Subject::of(inventory).with_image(&reference.to_string()),
            Source::Local(_) => vex::Subject::of(inventory),
        };
        if let Some(hub) = in_hub {
            // As the hub itself calls it.
            subject = subject.with_image(hub.repository());
        }
        if let Some(address) = address {
            subject = addressed(subject, inventory, address, statements.as_ref());
        }
        let now = Timestamp::now();
        Ok(Given { exceptions, statements, beside, exceptions_here, vex_of_hub, subject, repository, now })
    }
}

/// Adds to what a document describes by what links from others lead there: of its elements those that statements name.
fn addressed(
    subject: vex::Subject,
    inventory: &Inventory,
    address: &Address,
    statements: Option<&Statements>,
) -> vex::Subject {
    let Address { serial, version, references } = address;
    let mut subject = subject.with_serial(serial);
    let documents = statements.map(Statements::documents).unwrap_or_default();
    let targets = documents.iter().flat_map(|document| &document.statements).flat_map(|statement| &statement.targets);
    for element in targets.flat_map(|target| &target.item.elements) {
        if element.serial != *serial || element.version != *version {
            continue;
        }
        match references.get(&element.reference) {
            Some(Node::Root) => subject = subject.with_element(element.clone(), None),
            Some(Node::Component(at)) => {
                let component = usize::try_from(at.0).ok().and_then(|at| inventory.components.get(at)).cloned();
                subject = match component {
                    Some(component) => subject.with_element(element.clone(), Some(component)),
                    None => subject,
                };
            }
            None => {}
        }
    }
    subject
}

/// The documents that lie on this machine.
pub(super) struct Files {
    exceptions: Option<Exceptions>,
    documents: Vec<Document>,
    /// None where nothing is said here of whose VEX counts.
    trust: Option<Trust>,
}

impl Given {
    pub(super) fn deciders(&self) -> Deciders<'_> {
        Deciders {
            exceptions: self.exceptions.as_ref(),
            repository: self.repository.as_deref(),
            now: Some(self.now),
            statements: self.statements.as_ref(),
            beside: self.beside.as_ref().map(|(statements, origins)| Beside { statements, origins }),
            subject: Some(&self.subject),
        }
    }

    /// Returns what their owners should know.
    pub(super) fn remarks(&self, report: &Report) -> Vec<String> {
        let (given, of_hub) = report.exceptions.split_at(self.exceptions_here.min(report.exceptions.len()));
        let uses = report.vex.iter().enumerate();
        let (vex_of_hub, vex): (Vec<_>, Vec<_>) =
            uses.partition(|(place, document)| *place < self.vex_of_hub || document.beside.is_some());
        let uses = |of: Vec<(usize, &VexUse)>| of.into_iter().map(|(_, document)| document.clone()).collect::<Vec<_>>();
        let mut all = remarks(given, &uses(vex));
        all.extend(remarks_of_hub(of_hub, &uses(vex_of_hub)));
        all
    }
}

/// Returns what decides about an image in its hub, and says what of that is missing here.
fn of_hub(reader: &Reader, hub: &InHub) -> Option<findings::Decisions> {
    match hub.decisions() {
        Ok(decisions) => {
            if !decisions.is_inventoried {
                reader.note("Without the hub's VEX about what is in the image: the hub has no inventory of it yet.");
            }
            Some(decisions)
        }
        Err(reason) => {
            reader.note(&format!("Without what counts for the image in the hub: {reason}."));
            None
        }
    }
}

fn none_of_hub() -> findings::Decisions {
    findings::Decisions { others_count: true, ..findings::Decisions::default() }
}

/// Returns the repository of an image's name as hubs call it, without host, tag and digest.
fn repository(name: &str) -> Option<String> {
    let image = ImageName::parse(name)?;
    image.repository.split_once('/').map(|(_, path)| path.to_owned())
}

fn beside(reader: &Reader, place: &Source) -> Result<Vec<(Digest, Document)>, CommandError> {
    let attached = reader.vex_beside(place)?;
    let mut documents = Vec::with_capacity(attached.len());
    for (digest, bytes) in attached {
        // Anyone who may push puts things beside an image: one that is not understood keeps no other from counting.
        match vex::read(&bytes) {
            // An SBOM is in one of the formats, and says nothing.
            Ok(document) if document.statements.is_empty() => {}
            Ok(document) => documents.push((digest, named(document, &digest.to_string()))),
            Err(refusal) => reader.note(&format!("VEX beside the image, {}, is left out: {refusal}", digest.short())),
        }
    }
    Ok(documents)
}

fn read_exceptions(file: &str) -> Result<Exceptions, CommandError> {
    let bytes = bounded::read(file, policy::DOCUMENT_BYTES_MAX)?;
    Exceptions::read(&bytes).map_err(|error| {
        let nearest = error.nearest().map(|nearest| format!("did you mean `{nearest}`?"));
        let refused = CommandError::new(Kind::Usage, Refused { file: file.to_owned(), source: error.into() });
        match nearest {
            Some(nearest) => refused.hint(nearest),
            None => refused,
        }
    })
}

fn read_vex(file: &str) -> Result<Document, CommandError> {
    let bytes = bounded::read(file, vex::DOCUMENT_BYTES_MAX)?;
    vex::read(&bytes)
        .map(|document| named(document, file))
        .map_err(|error| CommandError::new(Kind::Usage, Refused { file: file.to_owned(), source: error.into() }))
}

/// Gives a document without a name that of where it is, so that it can be told from others.
fn named(document: Document, place: &str) -> Document {
    if document.id.is_empty() { Document { id: place.to_owned(), ..document } } else { document }
}

#[derive(Debug, thiserror::Error)]
#[error("failed to understand the document `{file}`")]
struct Refused {
    file: String,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// What the owners of exceptions and documents should know: which of them do nothing.
fn remarks(exceptions: &[ExceptionUse], documents: &[VexUse]) -> Vec<String> {
    let mut remarks = Vec::new();
    for ExceptionUse { id, owner, expires, state, findings } in exceptions {
        let day = expires.map(|day| day.strftime("%Y-%m-%d").to_string()).unwrap_or_default();
        match (state, findings) {
            (ExceptionState::Expired, _) => {
                remarks.push(format!("The exception `{id}` of {owner} expired on {day} and covers nothing any more."));
            }
            (ExceptionState::NotBegun, _) => {
                remarks.push(format!("The exception `{id}` of {owner} has not begun."));
            }
            (ExceptionState::Current, 0) => {
                remarks.push(format!("The exception `{id}` of {owner} matches nothing here."));
            }
            (ExceptionState::Current, _) => {}
        }
    }
    for VexUse { document, author, counts, findings, problems, .. } in documents {
        let of_author = if author.is_empty() { String::new() } else { format!(" of {author}") };
        let named = format!("The VEX document `{document}`{of_author}");
        if !counts {
            remarks
                .push(format!("{named} does not count: there is a newer version of it, or its author is not trusted."));
        } else if *findings == 0 {
            remarks.push(format!("{named} says nothing about what was found."));
        }
        for (problem, count, example) in problems {
            remarks.push(if *problem == Problem::Draft.to_string() {
                format!("{named} says of itself that it is a draft, and counts all the same.")
            } else {
                format!("{named} is not understood in {}: {problem} ({example}).", output::counted(*count, "place"))
            });
        }
    }
    remarks
}

/// The same of those that a hub has, which are for more than one image: how many decide something here.
pub(super) fn remarks_of_hub(exceptions: &[ExceptionUse], documents: &[VexUse]) -> Vec<String> {
    let deciding = exceptions.iter().filter(|exception| exception.findings > 0).count()
        + documents.iter().filter(|document| document.counts && document.findings > 0).count();
    let idle = exceptions.len() + documents.len() - deciding;
    match (deciding, idle) {
        (0, 0) => Vec::new(),
        (deciding, idle) => vec![format!(
            "Of the hub's exceptions and VEX documents {deciding} decide something here, {idle} nothing; `-o json` names them."
        )],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hub_has_its_exceptions_counted() {
        let used = |findings| ExceptionUse {
            id: "a".to_owned(),
            owner: "ann".to_owned(),
            expires: None,
            state: ExceptionState::Current,
            findings,
        };
        for (exceptions, expected) in [
            (vec![], None),
            (vec![used(0)], Some("0 decide something here, 1 nothing")),
            (vec![used(2), used(0), used(1)], Some("2 decide something here, 1 nothing")),
        ] {
            let remarks = remarks_of_hub(&exceptions, &[]);
            assert_eq!(remarks.len(), usize::from(expected.is_some()), "{remarks:?}");
            assert!(remarks.iter().zip(expected).all(|(remark, expected)| remark.contains(expected)), "{remarks:?}");
        }
    }

    #[test]
    fn a_scope_speaks_of_repositories_without_their_host() {
        for (name, expected) in [
            ("/tmp/api.tar", None),
            ("127.0.0.1:5000/team/api:1.4", Some("team/api")),
            ("registry.example/team/web/api", Some("team/web/api")),
            ("docker.io/library/alpine:3.20", Some("library/alpine")),
        ] {
            assert_eq!(repository(name).as_deref(), expected, "{name}");
        }
    }
}
