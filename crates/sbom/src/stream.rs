use std::io::{self, BufRead, BufReader, Read};
use std::thread::{Scope, ScopedJoinHandle};

use aws_lc_rs::digest::{Context, SHA256, SHA512};
use oci::{Algorithm, Digest};

use crate::ahead;
use crate::gzip::{self, Gzip};
use crate::layer::{Error as LayerError, LayerBuilder};
use crate::{Allowance, LayerRecord, Matcher};

/// The most bytes that a layer may have once decompressed. The largest images in use have some tens of GiB; at a GiB a second this bounds the time too.
pub const LAYER_BYTES_MAX: u64 = 256 << 30;

/// How many times larger than its blob a layer may be, beyond [`RATIO_FREE_BYTES`]. gzip cannot exceed 1,032; real layers stay under 60, disk images of zeros
/// under 1,000.
pub const RATIO_MAX: u64 = 1_100;

/// What a layer may have whatever its blob's size: small blobs of zeros are no danger.
pub const RATIO_FREE_BYTES: u64 = 1 << 30;

const BUFFER_BYTES: usize = 256 << 10;

/// A layer that was read to its end.
#[derive(Debug)]
pub struct ReadLayer {
    /// What was in it.
    pub record: LayerRecord,
    /// The digest of the blob.
    pub digest: Digest,
    /// The digest of the tar.
    pub diff_id: Digest,
    /// The size of the blob.
    pub size_bytes: u64,
    /// The size of the tar.
    pub tar_bytes: u64,
}

/// Why a layer's blob could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The archive in it could not be read.
    #[error("failed to read the layer")]
    Layer(#[from] LayerError),
    /// The blob is not what its descriptor says.
    #[error("the layer's blob has the digest {}, not {}", .0.actual, .0.expected)]
    Digest(Box<Mismatch>),
    /// The tar in the blob is not what the image's configuration says.
    #[error("the layer's tar has the digest {}, not {}", .0.actual, .0.expected)]
    DiffId(Box<Mismatch>),
}

/// What a digest should have been, and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mismatch {
    /// What the manifest or configuration says.
    pub expected: Digest,
    /// What was read.
    pub actual: Digest,
}

/// Reads a layer's blob once: both digests are computed and what catalogers want is kept, while it is decompressed. Where links want the bytes of files
/// that had passed unwanted, it is opened and read a second time for these.
///
/// The compression is told from the first bytes: gzip (estargz is gzip), zstd (zstd:chunked is zstd), or none. Digests that are given are checked.
///
/// # Errors
/// What opening the blob returns, and what is wrong with it.
pub fn read_layer<R: Read, E: From<Error>>(
    mut open: impl FnMut() -> Result<R, E>,
    digest: Option<&Digest>,
    diff_id: Option<&Digest>,
    matcher: &Matcher,
    allowance: &Allowance,
) -> Result<ReadLayer, E> {
    let mut builder = LayerBuilder::new(matcher, allowance);
    let sums = Expected { digest, diff_id }.read(open()?, |tar| builder.read_tar(tar))?;
    if builder.wants_more().map_err(Error::from)? {
        sums.expected().read(open()?, |tar| builder.read_linked(tar))?;
    }
    Ok(sums.of(builder))
}

/// As [`read_layer`], by three threads: one reads the blob and hashes it, one decompresses, and this one hashes the tar and walks over it. Decompressing is
/// about half of the work, so that two cores have enough to do to the end. It takes some more memory.
///
/// # Errors
/// As [`read_layer`].
pub fn read_layer_ahead<R: Read + Send, E: From<Error>>(
    mut open: impl FnMut() -> Result<R, E>,
    digest: Option<&Digest>,
    diff_id: Option<&Digest>,
    matcher: &Matcher,
    allowance: &Allowance,
) -> Result<ReadLayer, E> {
    let mut builder = LayerBuilder::new(matcher, allowance);
    let sums = Expected { digest, diff_id }.read_ahead(open()?, |tar| builder.read_tar(tar))?;
    if builder.wants_more().map_err(Error::from)? {
        sums.expected().read_ahead(open()?, |tar| builder.read_linked(tar))?;
    }
    Ok(sums.of(builder))
}

fn spawn<'s, T: Send + 's>(
    scope: &'s Scope<'s, '_>,
    work: impl FnOnce() -> T + Send + 's,
) -> Result<ScopedJoinHandle<'s, T>, Error> {
    std::thread::Builder::new().name("layer".to_owned()).spawn_scoped(scope, work).map_err(failed)
}

fn join<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn failed(source: io::Error) -> Error {
    Error::Layer(LayerError::Walk(crate::tar::Error::Read(source)))
}

/// What a layer should be.
#[derive(Clone, Copy)]
struct Expected<'e> {
    digest: Option<&'e Digest>,
    diff_id: Option<&'e Digest>,
}

impl Expected<'_> {
    /// By which the blob is hashed.
    fn algorithm(self) -> Algorithm {
        self.digest.map_or(Algorithm::Sha256, Digest::algorithm)
    }

    /// By which the tar is hashed; none where that would hash the same bytes again.
    fn hash_of<B: Blob>(self, tar: &Tar<B>) -> Option<Algorithm> {
        let algorithm = self.diff_id.map_or(Algorithm::Sha256, Digest::algorithm);
        let is_blob = matches!(tar.decoder, Decoder::Plain(_)) && algorithm == self.algorithm();
        (!is_blob).then_some(algorithm)
    }

    /// Reads a blob to its end while something walks over the tar in it.
    fn read<R: Read>(
        self,
        blob: R,
        walk: impl FnOnce(BufReader<HashedTar<R>>) -> Result<BufReader<HashedTar<R>>, LayerError>,
    ) -> Result<Sums, Error> {
        let blob = BufReader::with_capacity(BUFFER_BYTES, Hashing::new(blob, Some(self.algorithm())));
        let tar = Tar::open(blob).map_err(failed)?;
        let hash = self.hash_of(&tar);
        // The walk reads headers of 512 bytes: hashing and decompressing want larger pieces.
        let tar = BufReader::with_capacity(BUFFER_BYTES, Hashing::new(tar, hash));
        let (tar, diff_id) = walk(tar)?.into_inner().finish();
        let tar_bytes = tar.bytes;
        let blob = tar.finish().map_err(failed)?.into_inner();
        self.check(blob, tar_bytes, diff_id)
    }

    /// As [`Expected::read`], by three threads.
    fn read_ahead(
        self,
        blob: impl Read + Send,
        walk: impl FnOnce(Hashing<ahead::Reader>) -> Result<Hashing<ahead::Reader>, LayerError>,
    ) -> Result<Sums, Error> {
        let blob = Hashing::new(blob, Some(self.algorithm()));
        std::thread::scope(|scope| {
            let (reader, writer) = ahead::channel();
            let reading = spawn(scope, move || writer.copy(blob))?;
            let tar = Tar::open(reader).map_err(failed)?;
            let hash = self.hash_of(&tar);
            let (reader, writer) = ahead::channel();
            let decompressing = spawn(scope, move || writer.copy(tar).map(|tar| (tar.bytes, tar.finish())))?;
            let read = walk(Hashing::new(reader, hash)).map(Hashing::finish);
            // Also where the walk failed: a scope's end does not wait until a thread has given back what is its own.
            let (tar, blob) = (join(decompressing), join(reading));
            let (_, diff_id) = read?;
            let (tar_bytes, rest) = tar.expect("what was read to its end was written to its end");
            rest.map_err(failed)?;
            self.check(blob.expect("what was read to its end was written to its end"), tar_bytes, diff_id)
        })
    }

    /// Holds what was read to its end against what it should be.
    fn check<R: Read>(self, blob: Hashing<R>, tar_bytes: u64, diff_id: Option<Digest>) -> Result<Sums, Error> {
        let size_bytes = blob.bytes;
        let (_, digest) = blob.finish();
        let digest = digest.expect("a blob is always hashed");
        let diff_id = diff_id.unwrap_or(digest);
        if let Some(expected) = self.digest.filter(|expected| **expected != digest) {
            return Err(Error::Digest(Box::new(Mismatch { expected: *expected, actual: digest })));
        }
        if let Some(expected) = self.diff_id.filter(|expected| **expected != diff_id) {
            return Err(Error::DiffId(Box::new(Mismatch { expected: *expected, actual: diff_id })));
        }
        Ok(Sums { digest, diff_id, size_bytes, tar_bytes })
    }
}

/// What a layer was found to be.
struct Sums {
    digest: Digest,
    diff_id: Digest,
    size_bytes: u64,
    tar_bytes: u64,
}

impl Sums {
    /// Returns what it should be when it is read again.
    fn expected(&self) -> Expected<'_> {
        Expected { digest: Some(&self.digest), diff_id: Some(&self.diff_id) }
    }

    fn of(self, builder: LayerBuilder<'_>) -> ReadLayer {
        let Self { digest, diff_id, size_bytes, tar_bytes } = self;
        ReadLayer { record: builder.finish(), digest, diff_id, size_bytes, tar_bytes }
    }
}

/// The tar in a blob, hashed while it is read.
type HashedTar<R> = Hashing<Tar<BufReader<Hashing<R>>>>;

/// A blob while it is read.
pub(crate) trait Blob: BufRead {
    /// Returns how much of it was read.
    fn bytes(&self) -> u64;
}

impl<R: Read> Blob for BufReader<Hashing<R>> {
    fn bytes(&self) -> u64 {
        self.get_ref().bytes
    }
}

/// The tar in a blob, while it is decompressed.
struct Tar<B: Blob> {
    decoder: Decoder<B>,
    bytes: u64,
}

enum Decoder<B: Blob> {
    Gzip(Gzip<B>),
    Zstd(zstd::stream::read::Decoder<'static, B>),
    Plain(B),
}

impl<B: Blob> Tar<B> {
    fn open(mut blob: B) -> io::Result<Self> {
        let decoder = match blob.fill_buf()? {
            [first, second, ..] if [*first, *second] == gzip::MAGIC => Decoder::Gzip(Gzip::new(blob)),
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
                Decoder::Zstd(zstd::stream::read::Decoder::with_buffer(blob)?)
            }
            _ => Decoder::Plain(blob),
        };
        Ok(Self { decoder, bytes: 0 })
    }

    /// Reads what stands behind the compressed stream, which belongs to the blob as well, and returns the blob.
    fn finish(self) -> io::Result<B> {
        let mut blob = match self.decoder {
            Decoder::Gzip(decoder) => decoder.into_inner(),
            Decoder::Zstd(decoder) => decoder.finish(),
            Decoder::Plain(blob) => blob,
        };
        io::copy(&mut blob, &mut io::sink())?;
        Ok(blob)
    }
}

impl<B: Blob> Read for Tar<B> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (count, blob) = match &mut self.decoder {
            Decoder::Gzip(decoder) => (decoder.read(buffer)?, decoder.get_ref()),
            Decoder::Zstd(decoder) => (decoder.read(buffer)?, decoder.get_ref()),
            Decoder::Plain(blob) => (blob.read(buffer)?, &*blob),
        };
        self.bytes += count as u64;
        check_size(self.bytes, blob.bytes())?;
        Ok(count)
    }
}

/// Refuses what grows without an end: `blob_bytes` is how much of the compressed stream was taken for it.
fn check_size(tar_bytes: u64, blob_bytes: u64) -> io::Result<()> {
    if tar_bytes > LAYER_BYTES_MAX {
        return Err(io::Error::other(format!("the layer has more than {LAYER_BYTES_MAX} bytes once decompressed")));
    }
    if tar_bytes > RATIO_FREE_BYTES && tar_bytes / RATIO_MAX > blob_bytes {
        return Err(io::Error::other(format!("the layer is more than {RATIO_MAX} times larger once decompressed")));
    }
    Ok(())
}

/// A reader that counts what passes and hashes it.
pub(crate) struct Hashing<R> {
    reader: R,
    hash: Option<(Algorithm, Context)>,
    bytes: u64,
}

impl<R> Hashing<R> {
    fn new(reader: R, algorithm: Option<Algorithm>) -> Self {
        let context = |algorithm| match algorithm {
            Algorithm::Sha256 => Context::new(&SHA256),
            Algorithm::Sha512 => Context::new(&SHA512),
        };
        Self { reader, hash: algorithm.map(|algorithm| (algorithm, context(algorithm))), bytes: 0 }
    }

    fn finish(self) -> (R, Option<Digest>) {
        let digest = self.hash.map(|(algorithm, context)| {
            Digest::new(algorithm, context.finish().as_ref()).expect("a finished hash has its algorithm's length")
        });
        (self.reader, digest)
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        if let Some((_, context)) = &mut self.hash {
            context.update(&buffer[..count]);
        }
        self.bytes += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_end_at_their_limits() {
        let check = |tar_bytes: u64, blob_bytes: u64, is_read: bool| {
            assert_eq!(check_size(tar_bytes, blob_bytes).is_ok(), is_read, "{tar_bytes} of {blob_bytes}");
        };
        check(LAYER_BYTES_MAX - 1, LAYER_BYTES_MAX, true);
        check(LAYER_BYTES_MAX, LAYER_BYTES_MAX, true);
        check(LAYER_BYTES_MAX + 1, LAYER_BYTES_MAX, false);
        // Below the free size no ratio counts.
        check(RATIO_FREE_BYTES - 1, 1, true);
        check(RATIO_FREE_BYTES, 1, true);
        check(RATIO_FREE_BYTES + 1, 1, false);
        let blob_bytes = RATIO_FREE_BYTES / RATIO_MAX + 1;
        check(blob_bytes * RATIO_MAX - 1, blob_bytes, true);
        check(blob_bytes * RATIO_MAX, blob_bytes, true);
        check((blob_bytes + 1) * RATIO_MAX, blob_bytes, false);
    }
}
