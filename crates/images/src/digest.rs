use aws_lc_rs::digest::{Context, SHA256, SHA512};
use oci::{Algorithm, Digest};

/// A digest that grows with what it is of.
pub(crate) struct Hashing {
    context: Context,
    algorithm: Algorithm,
}

impl Hashing {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        let context = Context::new(match algorithm {
            Algorithm::Sha256 => &SHA256,
            Algorithm::Sha512 => &SHA512,
        });
        Self { context, algorithm }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.context.update(bytes);
    }

    pub(crate) fn finish(self) -> Digest {
        Digest::new(self.algorithm, self.context.finish().as_ref()).expect("a finished hash has its algorithm's length")
    }
}

/// Returns the digest of bytes in memory.
pub(crate) fn of(algorithm: Algorithm, bytes: &[u8]) -> Digest {
    let mut hashing = Hashing::new(algorithm);
    hashing.update(bytes);
    hashing.finish()
}
