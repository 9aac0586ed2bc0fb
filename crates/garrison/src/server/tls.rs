use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;
use tracing::{info, warn};

use super::stop::Stop;

/// How often the files are looked at. Renewals come days before the end, so this is soon enough.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Why there is no certificate to serve.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("failed to read the certificate `{}`", path.display())]
    Certificate {
        path: PathBuf,
        #[source]
        source: pem::Error,
    },
    #[error("`{}` holds no certificate", path.display())]
    NoCertificate { path: PathBuf },
    #[error("failed to read the private key `{}`", path.display())]
    Key {
        path: PathBuf,
        #[source]
        source: pem::Error,
    },
    #[error("certificate and private key do not serve")]
    Pair(#[source] rustls::Error),
    #[error("failed to look at `{}`", path.display())]
    Look {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// The certificate of the listener, read again when its files change. Connections that are open keep theirs.
#[derive(Debug)]
pub(crate) struct Certificates {
    certificate: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<CertifiedKey>>,
}

impl Certificates {
    /// Reads the files.
    pub(crate) fn open(certificate: &Path, key: &Path) -> Result<Arc<Self>, Error> {
        let current = RwLock::new(Arc::new(read(certificate, key)?));
        Ok(Arc::new(Self { certificate: certificate.to_owned(), key: key.to_owned(), current }))
    }

    /// Returns what makes TLS of a connection.
    pub(crate) fn acceptor(self: &Arc<Self>, http2: bool) -> TlsAcceptor {
        let mut config = ServerConfig::builder().with_no_client_auth().with_cert_resolver(Arc::clone(self) as _);
        let protocols: &[&[u8]] = if http2 { &[b"h2", b"http/1.1"] } else { &[b"http/1.1"] };
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }

    /// Looks at the files every few seconds until the stop. A pair that cannot be used leaves the old one in service.
    pub(crate) async fn watch(self: Arc<Self>, stop: Stop) {
        let mut seen = self.look();
        loop {
            tokio::select! {
                () = stop.requested() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let now = self.look();
            // A file that is gone for the moment is in the middle of being replaced.
            if let Ok(now) = now
                && seen.as_ref().ok() != Some(&now)
            {
                match self.reload() {
                    Ok(()) => info!(certificate = %self.certificate.display(), "certificate read again"),
                    Err(error) => warn!(
                        error = %error,
                        cause = std::error::Error::source(&error).map(tracing::field::display),
                        "new certificate cannot be used, the old one stays"
                    ),
                }
                seen = Ok(now);
            }
        }
    }

    pub(super) fn reload(&self) -> Result<(), Error> {
        let pair = Arc::new(read(&self.certificate, &self.key)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = pair;
        Ok(())
    }

    fn look(&self) -> Result<[SystemTime; 2], Error> {
        let modified = |path: &Path| {
            path.metadata()
                .and_then(|metadata| metadata.modified())
                .map_err(|source| Error::Look { path: path.to_owned(), source })
        };
        Ok([modified(&self.certificate)?, modified(&self.key)?])
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

fn read(certificate: &Path, key: &Path) -> Result<CertifiedKey, Error> {
    let failed = |source| Error::Certificate { path: certificate.to_owned(), source };
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_file_iter(certificate).map_err(failed)?.collect::<Result<_, _>>().map_err(failed)?;
    if chain.is_empty() {
        return Err(Error::NoCertificate { path: certificate.to_owned() });
    }
    let key = PrivateKeyDer::from_pem_file(key).map_err(|source| Error::Key { path: key.to_owned(), source })?;
    // Also checks that the two belong together.
    CertifiedKey::from_der(chain, key, &rustls::crypto::aws_lc_rs::default_provider()).map_err(Error::Pair)
}
