use clap::Subcommand;
use oci::manifest::MANIFEST_BYTES_MAX;
use oci::{Reference, RepositoryName, Tag};
use outbound::{Endpoint, HubClient, Method};
use serde_json::Value;

use super::Rows;
use crate::error::{CommandError, Kind};
use crate::session::{Field, Session};

/// Repositories and their tags.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:
  garrison repo list team
  garrison repo tags team/api")]
pub(crate) enum Command {
    /// List the repositories that you may read.
    #[command(after_help = "Example:
  garrison repo list
  garrison repo list team")]
    List {
        /// Project [default: all]
        project: Option<String>,
        #[command(flatten)]
        rows: Rows,
    },
    /// Show a repository, or what one tag or digest of it is.
    #[command(after_help = "Example:
  garrison repo show team/api
  garrison repo show 127.0.0.1:5000/team/api:1.4")]
    Show {
        /// REPOSITORY, REPOSITORY:TAG or REPOSITORY@DIGEST
        reference: String,
    },
    /// List the tags of a repository.
    #[command(after_help = "Example:
  garrison repo tags team/api")]
    Tags {
        /// Repository
        repository: String,
        #[command(flatten)]
        rows: Rows,
    },
    /// List the manifests of a repository, tagged or not.
    #[command(after_help = "Example:
  garrison repo manifests team/api")]
    Manifests {
        /// Repository
        repository: String,
        #[command(flatten)]
        rows: Rows,
    },
    /// Give what a tag or digest is another tag; one that is there moves.
    #[command(after_help = "Example:
  garrison repo tag team/api:1.4 stable
  garrison repo tag team/api@sha256:0123... 1.4")]
    Tag {
        /// REPOSITORY:TAG or REPOSITORY@DIGEST
        reference: String,
        /// The tag that it gets
        tag: Tag,
    },
    /// Delete a repository with all its tags and manifests.
    #[command(after_help = "Example:
  garrison repo delete team/api")]
    Delete {
        /// Repository
        repository: String,
    },
    /// Delete a tag; the manifest stays.
    #[command(after_help = "Example:
  garrison repo delete-tag team/api:1.4")]
    DeleteTag {
        /// REPOSITORY:TAG
        reference: String,
    },
}

const REPOSITORIES: &[Field] = &[Field::key("NAME", "name"), Field::time("CREATED", "created_at", 1)];

const TAGS: &[Field] = &[
    Field::key("TAG", "tag"),
    Field::digest("DIGEST", "digest", 1),
    Field::size("MANIFEST", "size_bytes", 3),
    Field::time("PUSHED", "updated_at", 2),
    Field::text("MEDIA TYPE", "media_type", 4),
];

const MANIFESTS: &[Field] = &[
    Field::digest("DIGEST", "digest", 0),
    Field::text("TAGS", "tags", 1),
    Field::size("SIZE", "size_bytes", 3),
    Field::time("PUSHED", "pushed_at", 2),
    Field::text("MEDIA TYPE", "media_type", 4),
];

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CommandError> {
        match self {
            Self::List { project, rows } => {
                let hub = session.hub()?;
                let (endpoint, empty) = match &project {
                    Some(project) => (
                        Endpoint::api(["projects", project, "repositories"]),
                        format!("No repository in {project} yet; a push makes one."),
                    ),
                    None => (Endpoint::api(["repositories"]), "No repository yet; a push makes one.".to_owned()),
                };
                session.print_list(&hub, &endpoint, Some(rows.limit), REPOSITORIES, &empty).await
            }
            Self::Show { reference } => {
                let (hub, reference) = session.hub_of(&reference)?;
                let Named { name, reference } = Named::parse(reference)?;
                let endpoint = match reference {
                    None => Endpoint::api(["repository"]).with("name", name),
                    Some(reference) => {
                        Endpoint::api(["repository", "manifest"]).with("name", name).with("reference", reference)
                    }
                };
                session.print_one(&hub.get(&endpoint).await?)
            }
            Self::Tags { repository, rows } => {
                let (hub, reference) = session.hub_of(&repository)?;
                let name = Named::parse(reference)?.whole()?;
                let empty = format!("No tag in {name}; `garrison repo manifests {name}` lists what it holds.");
                let endpoint = Endpoint::api(["repository", "tags"]).with("name", &name);
                session.print_list(&hub, &endpoint, Some(rows.limit), TAGS, &empty).await
            }
            Self::Manifests { repository, rows } => {
                let (hub, reference) = session.hub_of(&repository)?;
                let name = Named::parse(reference)?.whole()?;
                let empty = format!("No manifest in {name}.");
                let endpoint = Endpoint::api(["repository", "manifests"]).with("name", &name);
                session.print_list(&hub, &endpoint, Some(rows.limit), MANIFESTS, &empty).await
            }
            Self::Delete { repository } => {
                let (hub, reference) = session.hub_of(&repository)?;
                let name = Named::parse(reference)?.whole()?;
                let endpoint = Endpoint::api(["repository"]).with("name", &name);
                let gone: Value = hub.send(Method::Delete, &endpoint, None::<&Value>).await?;
                let words = format!("Repository {name} deleted. Undo: push its images again");
                session.print_done(&gone, &words)
            }
            Self::Tag { reference, tag } => {
                let (hub, named) = session.hub_of(&reference)?;
                let host = reference.strip_suffix(named).unwrap_or_default();
                let (name, reference) = Named::parse(named)?.one()?;
                let wanted = manifest(&hub, &name, &reference).await?;
                let (Some(digest), Some(media_type)) = (wanted["digest"].as_str(), wanted["media_type"].as_str())
                else {
                    let problem = format!("the hub tells no digest and media type of {name}, {reference}");
                    return Err(CommandError::new(Kind::Environment, problem));
                };
                let tagged = Reference::Tag(tag.clone());
                let before = match manifest(&hub, &name, &tagged).await {
                    Ok(before) => before["digest"].as_str().map(str::to_owned),
                    Err(outbound::Error::Refused(problem)) if problem.status == 404 => None,
                    Err(error) => return Err(error.into()),
                };
                let bytes = hub.download(&Endpoint::manifest(name.as_str(), digest), MANIFEST_BYTES_MAX).await?;
                hub.push_manifest(&Endpoint::manifest(name.as_str(), tag.as_str()), media_type, bytes).await?;
                let undo = match before {
                    Some(before) => format!("garrison repo tag {host}{name}@{before} {tag}"),
                    None => format!("garrison repo delete-tag {host}{name}:{tag}"),
                };
                let words = format!("Tag {name}:{tag} is {digest}. Undo: {undo}");
                session.print_done(&manifest(&hub, &name, &tagged).await?, &words)
            }
            Self::DeleteTag { reference } => {
                let (hub, named) = session.hub_of(&reference)?;
                let host = reference.strip_suffix(named).unwrap_or_default();
                let (name, tag) = Named::parse(named)?.tag()?;
                let known = manifest(&hub, &name, &Reference::Tag(tag.clone())).await?;
                let endpoint = Endpoint::manifest(name.as_str(), tag.as_str());
                let gone: Value = hub.send(Method::Delete, &endpoint, None::<&Value>).await?;
                let digest = known["digest"].as_str().unwrap_or("DIGEST");
                let undo = format!("garrison repo tag {host}{name}@{digest} {tag}");
                session.print_done(&gone, &format!("Tag {name}:{tag} deleted. Undo: {undo}"))
            }
        }
    }
}

/// Returns what the hub tells of a manifest.
async fn manifest(hub: &HubClient, name: &RepositoryName, reference: &Reference) -> Result<Value, outbound::Error> {
    let endpoint = Endpoint::api(["repository", "manifest"]).with("name", name).with("reference", reference);
    hub.get(&endpoint).await
}

/// A repository and what in it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) name: RepositoryName,
    pub(crate) reference: Option<Reference>,
}

impl Named {
    pub(crate) fn parse(text: &str) -> Result<Self, CommandError> {
        let bad = |source: Box<dyn std::error::Error + Send + Sync>| {
            CommandError::new(Kind::Usage, format!("`{text}` does not name anything in a repository"))
                .hint(source.to_string())
        };
        let (name, reference) = match text.split_once('@') {
            // With both, the digest is what counts, as for every client.
            Some((name, digest)) => (name.split(':').next().unwrap_or(name), Some(digest)),
            None => match text.split_once(':') {
                Some((name, tag)) => (name, Some(tag)),
                None => (text, None),
            },
        };
        let name: RepositoryName = name.parse().map_err(|error| bad(Box::<oci::NameError>::new(error)))?;
        let name = name.qualified().map_err(|error| bad(Box::new(error)))?;
        let reference =
            reference.map(str::parse).transpose().map_err(|error| bad(Box::<oci::ReferenceError>::new(error)))?;
        Ok(Self { name, reference })
    }

    fn whole(self) -> Result<RepositoryName, CommandError> {
        match self.reference {
            None => Ok(self.name),
            Some(reference) => Err(CommandError::new(
                Kind::Usage,
                format!("this command takes a whole repository, not `{reference}` in it"),
            )
            .hint(format!("write {}", self.name))),
        }
    }

    fn one(self) -> Result<(RepositoryName, Reference), CommandError> {
        let Self { name, reference } = self;
        match reference {
            Some(reference) => Ok((name, reference)),
            None => Err(CommandError::new(Kind::Usage, "this command takes a tag or a digest")
                .hint(format!("write {name}:TAG or {name}@DIGEST"))),
        }
    }

    fn tag(self) -> Result<(RepositoryName, Tag), CommandError> {
        match self.reference {
            Some(Reference::Tag(tag)) => Ok((self.name, tag)),
            _ => {
                Err(CommandError::new(Kind::Usage, "this command takes a tag").hint(format!("write {}:TAG", self.name)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_may_come_with_a_tag_or_a_digest() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let table = [
            ("team/api".to_owned(), Some(("team/api", None))),
            ("api".to_owned(), Some(("library/api", None))),
            ("team/api:1.4".to_owned(), Some(("team/api", Some("1.4".to_owned())))),
            (format!("team/api@{digest}"), Some(("team/api", Some(digest.clone())))),
            (format!("team/api:1.4@{digest}"), Some(("team/api", Some(digest.clone())))),
            ("Team/api".to_owned(), None),
            ("team/api:".to_owned(), None),
            ("team/api@sha256:0".to_owned(), None),
            ("team/../api".to_owned(), None),
            (String::new(), None),
        ];
        for (text, expected) in table {
            let actual = Named::parse(&text).ok();
            let actual =
                actual.as_ref().map(|named| (named.name.as_str(), named.reference.as_ref().map(ToString::to_string)));
            assert_eq!(actual, expected, "{text}");
        }
    }
}
