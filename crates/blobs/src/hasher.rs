use aws_lc_rs::digest::{Context, SHA256, SHA512};
use oci::{Algorithm, Digest};

/// A digest in the making. A clone continues from the same point.
#[derive(Clone)]
pub(crate) struct Hasher {
    context: Context,
    algorithm: Algorithm,
}

impl Hasher {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        let context = Context::new(match algorithm {
            Algorithm::Sha256 => &SHA256,
            Algorithm::Sha512 => &SHA512,
        });
        Self { context, algorithm }
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.context.update(bytes);
    }

    pub(crate) fn finish(self) -> Digest {
        Digest::new(self.algorithm, self.context.finish().as_ref()).expect("a finished hash has its algorithm's length")
    }
}

/// Returns the digest of bytes that are in memory.
pub fn digest(algorithm: Algorithm, bytes: &[u8]) -> Digest {
    let mut hasher = Hasher::new(algorithm);
    hasher.update(bytes);
    hasher.finish()
}
