use std::path::PathBuf;
use std::time::Duration;

use images::{CredentialFiles, ImageReference};
use outbound::{HubAddress, RegistryCredentials, RegistryOptions};

use crate::contexts::Context;
use crate::error::CommandError;
use crate::session;

/// The pause before a request is sent again, which doubles each time.
const PAUSE: Duration = Duration::from_millis(500);

/// The machine behind `docker.io`.
const DOCKER_HUB: (&str, &str) = ("docker.io", "registry-1.docker.io");

/// How registries may be reached.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Access {
    /// Ask a registry on another machine without encryption
    #[arg(long)]
    plain_http: bool,
    /// PEM file of certificates to trust besides the platform's
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

/// Returns how the registry of a reference is reached: as the hub that the user is logged in to, else as docker and podman know it.
pub(super) fn options(
    reference: &ImageReference,
    access: &Access,
    context: Option<&str>,
    note: &dyn Fn(&str),
) -> Result<RegistryOptions, CommandError> {
    let contexts = session::contexts_with(context)?;
    if let Some((_, context)) = contexts.find_by_host(&reference.host) {
        return Ok(RegistryOptions {
            address: session::address(&context.hub)?,
            credentials: basic(context),
            ca_file: access.ca_file.clone().or_else(|| context.ca_file.clone()),
            plain_http: access.plain_http || context.plain_http,
            pause: PAUSE,
        });
    }
    let files = CredentialFiles::from_environment(|name| std::env::var_os(name));
    let credentials = files.find(&reference.host, &reference.repository).unwrap_or_else(|error| {
        // What is public needs none; a registry that wants some says so.
        note(&format!("Asking {} as nobody: {error}.", reference.host));
        None
    });
    Ok(RegistryOptions {
        address: address(&reference.host, access)?,
        credentials,
        ca_file: access.ca_file.clone(),
        plain_http: access.plain_http,
        pause: PAUSE,
    })
}

fn basic(context: &Context) -> Option<RegistryCredentials> {
    let (user, secret) = (context.user.clone()?, context.secret.clone()?);
    Some(RegistryCredentials::Basic { user, secret })
}

fn address(host: &str, access: &Access) -> Result<HubAddress, CommandError> {
    let host = if host == DOCKER_HUB.0 { DOCKER_HUB.1 } else { host };
    if access.plain_http { session::address(&format!("http://{host}")) } else { session::address(host) }
}
