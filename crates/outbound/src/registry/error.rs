/// Why a registry did not give what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The client could not be made.
    #[error("failed to set up the connection to {registry}")]
    Setup {
        /// The registry.
        registry: String,
        /// What went wrong.
        #[source]
        source: crate::Error,
    },
    /// The registry is on another machine and would have been asked without encryption.
    #[error("{registry} is not asked over plain HTTP")]
    PlainHttp {
        /// The registry.
        registry: String,
    },
    /// The registry, or what it pointed to, could not be reached, or the connection broke.
    #[error("failed to reach {registry}")]
    Unreachable {
        /// The registry.
        registry: String,
        /// What went wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The registry pointed to a place to which nobody is sent.
    #[error("{registry} pointed to {target}, which is less protected than {registry} or nearer to this machine")]
    Redirect {
        /// The registry.
        registry: String,
        /// Where it pointed: scheme and host.
        target: String,
    },
    /// The registry refused.
    #[error("{registry} refused with status {status}{}", .message.as_deref().map(|message| format!(": {message}")).unwrap_or_default())]
    Refused {
        /// The registry.
        registry: String,
        /// The status of the answer.
        status: u16,
        /// What it said.
        message: Option<String>,
        /// Whether it was asked without credentials.
        is_anonymous: bool,
        /// Whether it says that it does not know the repository.
        is_of_name: bool,
    },
    /// The registry answered with something that is not understood.
    #[error("{registry} answered with {what}")]
    Answer {
        /// The registry.
        registry: String,
        /// With what.
        what: &'static str,
    },
    /// A blob has another size than its descriptor says.
    #[error("{registry} sent {actual} bytes of a blob that has {expected}")]
    Size {
        /// The registry.
        registry: String,
        /// What was sent, as far as it was read.
        actual: u64,
        /// The size in the descriptor.
        expected: u64,
    },
}

impl RegistryError {
    /// Returns what the user can do about it.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Setup { source, .. } => source.hints(),
            Self::PlainHttp { .. } => vec!["`--plain-http` allows it where the network is trusted".to_owned()],
            Self::Refused { registry, status: 401 | 403 | 404, is_anonymous: true, .. } => vec![format!(
                "nobody is logged in to {registry}: `garrison login {registry}`, `docker login {registry}` and `podman login {registry}` all count"
            )],
            Self::Refused { status: 401, .. } => vec!["the stored credentials were refused; log in again".to_owned()],
            Self::Refused { status: 429, .. } => {
                vec!["the registry limits how often it is asked; try again later".to_owned()]
            }
            _ => Vec::new(),
        }
    }

    /// Whether the same request may succeed a moment later.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }
}
