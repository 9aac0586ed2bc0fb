//! The query of a `/v2` request.

use percent_encoding::percent_decode_str;

use crate::digest::{Algorithm, Digest, DigestError};
use crate::error_code::ErrorCode;
use crate::media_type::MEDIA_TYPE_LENGTH_MAX;
use crate::name::{NAME_LENGTH_MAX, NameError, RepositoryName};
use crate::tag::{Tag, TagError};

/// The longest query, in bytes: [`QUERY_TAGS_MAX`] of the longest tags, and room for all else.
pub const QUERY_LENGTH_MAX: usize = 16 * 1024;

/// The most parameters of a query, known or not: more than any client sends, and few enough to scan.
pub const QUERY_PARAMETERS_MAX: usize = 128;

/// The most tags that one push may set; the specification asks for at least ten.
pub const QUERY_TAGS_MAX: usize = 64;

/// The parameters of a `/v2` request. Unknown ones are ignored.
///
/// Values are decoded at once and understood when asked for, so that a parameter which means nothing to an endpoint
/// cannot fail its request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    tags: Vec<String>,
    single: [Option<String>; SINGLE.len()],
}

#[derive(Clone, Copy)]
enum Single {
    N,
    Last,
    Digest,
    Mount,
    From,
    ArtifactType,
    DigestAlgorithm,
    State,
    Namespace,
}

const SINGLE: [(&str, Single); 9] = [
    ("n", Single::N),
    ("last", Single::Last),
    ("digest", Single::Digest),
    ("mount", Single::Mount),
    ("from", Single::From),
    ("artifactType", Single::ArtifactType),
    ("digest-algorithm", Single::DigestAlgorithm),
    ("_state", Single::State),
    ("ns", Single::Namespace),
];

/// Why a query or one of its values is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// It is longer than [`QUERY_LENGTH_MAX`].
    #[error("the query is {actual} bytes, the limit is {QUERY_LENGTH_MAX}")]
    TooLong {
        /// The length of what was sent, in bytes.
        actual: usize,
    },
    /// It has more parameters than [`QUERY_PARAMETERS_MAX`].
    #[error("the query has more than {QUERY_PARAMETERS_MAX} parameters")]
    TooManyParameters,
    /// It has more tags than [`QUERY_TAGS_MAX`].
    #[error("the query has more than {QUERY_TAGS_MAX} tags")]
    TooManyTags,
    /// A value is not UTF-8 once decoded.
    #[error("the query is not UTF-8")]
    NotUtf8,
    /// A parameter has two values where one is meant.
    #[error("the parameter `{parameter}` has two different values")]
    Repeated {
        /// The parameter's name.
        parameter: &'static str,
    },
    /// `n` is not a number.
    #[error("the parameter `n` is a whole number")]
    Number,
    /// A text is too long, or holds a control character.
    #[error("the parameter `{parameter}` is longer than {limit} bytes or holds a control character")]
    Text {
        /// The parameter's name.
        parameter: &'static str,
        /// The longest text allowed, in bytes.
        limit: usize,
    },
    /// A digest, or the name of its algorithm, is malformed.
    #[error("the parameter `{parameter}` is not a digest or algorithm that the registry knows")]
    Digest {
        /// The parameter's name.
        parameter: &'static str,
        /// What is wrong.
        #[source]
        source: DigestError,
    },
    /// `from` is not a repository name.
    #[error("the parameter `from` is not a repository name")]
    From(#[source] NameError),
    /// A `tag` is malformed.
    #[error("the parameter `tag` is not a tag")]
    Tag(#[source] TagError),
}

impl QueryError {
    /// Returns the code that the client is told.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::TooLong { .. }
            | Self::TooManyParameters
            | Self::NotUtf8
            | Self::Repeated { .. }
            | Self::Text { .. } => ErrorCode::ParameterInvalid,
            Self::TooManyTags => ErrorCode::TagsTooMany,
            Self::Number => ErrorCode::PaginationNumberInvalid,
            Self::Digest { .. } => ErrorCode::DigestInvalid,
            Self::From(_) => ErrorCode::NameInvalid,
            Self::Tag(_) => ErrorCode::TagInvalid,
        }
    }
}

impl Query {
    /// Reads what follows the first `?` of a request's target.
    ///
    /// A further `?` separates parameters as `&` does, for some clients append `?digest=` to an upload's location that
    /// already has a query. A `+` stands for itself: values here are never spaced, and media types have it unescaped.
    pub fn parse(query: &str) -> Result<Self, QueryError> {
        if query.len() > QUERY_LENGTH_MAX {
            return Err(QueryError::TooLong { actual: query.len() });
        }
        let mut parsed = Self::default();
        let pairs = query.split(['&', '?']).filter(|pair| !pair.is_empty());
        for (index, pair) in pairs.enumerate() {
            if index == QUERY_PARAMETERS_MAX {
                return Err(QueryError::TooManyParameters);
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            parsed.set(&decode(name)?, &decode(value)?)?;
        }
        Ok(parsed)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), QueryError> {
        if name == "tag" {
            if self.tags.len() == QUERY_TAGS_MAX {
                return Err(QueryError::TooManyTags);
            }
            self.tags.push(value.to_owned());
            return Ok(());
        }
        let Some((parameter, single)) = SINGLE.iter().find(|(known, _)| *known == name) else {
            return Ok(());
        };
        // The same value twice is a client that appended it again; two values are a question with two answers.
        match &mut self.single[*single as usize] {
            Some(earlier) if earlier != value => Err(QueryError::Repeated { parameter }),
            slot => {
                *slot = Some(value.to_owned());
                Ok(())
            }
        }
    }

    fn get(&self, single: Single) -> Option<&str> {
        self.single[single as usize].as_deref()
    }

    /// Returns every `tag`, in the order sent, each once.
    pub fn tags(&self) -> Result<Vec<Tag>, QueryError> {
        let mut tags: Vec<Tag> = Vec::with_capacity(self.tags.len());
        for text in &self.tags {
            let tag: Tag = text.parse().map_err(QueryError::Tag)?;
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        Ok(tags)
    }

    /// Returns `n`, how many results are asked for; `u64::MAX` where it is larger, for the caller lowers it anyway.
    pub fn n(&self) -> Result<Option<u64>, QueryError> {
        let Some(digits) = self.get(Single::N) else { return Ok(None) };
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(QueryError::Number);
        }
        Ok(Some(digits.parse().unwrap_or(u64::MAX)))
    }

    /// Returns `last`, after which results begin. It need not exist, so it need not be a tag or name either.
    pub fn last(&self) -> Result<Option<&str>, QueryError> {
        self.text(Single::Last, "last", NAME_LENGTH_MAX)
    }

    /// Returns `digest`, that of the blob which the request completes.
    pub fn digest(&self) -> Result<Option<Digest>, QueryError> {
        self.parsed_digest(Single::Digest, "digest")
    }

    /// Returns `mount`, the digest of a blob to take from another repository.
    pub fn mount(&self) -> Result<Option<Digest>, QueryError> {
        self.parsed_digest(Single::Mount, "mount")
    }

    /// Returns `from`, the repository to take a blob from, as sent: not [qualified](RepositoryName::qualified).
    pub fn from(&self) -> Result<Option<RepositoryName>, QueryError> {
        self.get(Single::From).map(str::parse).transpose().map_err(QueryError::From)
    }

    /// Returns `artifactType`, to which referrers are narrowed; none if it is empty.
    pub fn artifact_type(&self) -> Result<Option<&str>, QueryError> {
        let text = self.text(Single::ArtifactType, "artifactType", MEDIA_TYPE_LENGTH_MAX)?;
        Ok(text.filter(|text| !text.is_empty()))
    }

    /// Returns `digest-algorithm`, with which an upload is to be hashed.
    pub fn digest_algorithm(&self) -> Result<Option<Algorithm>, QueryError> {
        let parameter = "digest-algorithm";
        let text = self.get(Single::DigestAlgorithm);
        text.map(str::parse).transpose().map_err(|source| QueryError::Digest { parameter, source })
    }

    /// Returns `_state`, which an upload's location carries.
    pub fn state(&self) -> Option<&str> {
        self.get(Single::State)
    }

    /// Returns `ns`, the registry that a mirroring client means.
    pub fn namespace(&self) -> Result<Option<&str>, QueryError> {
        self.text(Single::Namespace, "ns", NAME_LENGTH_MAX)
    }

    fn parsed_digest(&self, single: Single, parameter: &'static str) -> Result<Option<Digest>, QueryError> {
        self.get(single).map(str::parse).transpose().map_err(|source| QueryError::Digest { parameter, source })
    }

    fn text(&self, single: Single, parameter: &'static str, limit: usize) -> Result<Option<&str>, QueryError> {
        let text = self.get(single);
        if text.is_some_and(|text| text.len() > limit || text.chars().any(char::is_control)) {
            return Err(QueryError::Text { parameter, limit });
        }
        Ok(text)
    }
}

fn decode(text: &str) -> Result<std::borrow::Cow<'_, str>, QueryError> {
    percent_decode_str(text).decode_utf8().map_err(|_| QueryError::NotUtf8)
}
