use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};

use aws_lc_rs::digest::{Context, SHA256, SHA512};
use flate2::bufread::MultiGzDecoder;
use oci::{Algorithm, Digest};

use crate::content::Spill;
use crate::layer::{Error as LayerError, LayerBuilder};
use crate::{LayerRecord, Matcher};

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

/// Reads a layer's blob once: both digests are computed and what catalogers want is kept, while it is decompressed.
///
/// The compression is told from the first bytes: gzip (estargz is gzip), zstd (zstd:chunked is zstd), or none. Digests that are given are checked.
pub fn read_layer(
    blob: impl Read,
    digest: Option<&Digest>,
    diff_id: Option<&Digest>,
    matcher: &Matcher,
    spill: Spill,
) -> Result<ReadLayer, Error> {
    read_layer_into(LayerBuilder::new(matcher, spill), blob, digest, diff_id)
}

/// As [`read_layer`], into a builder that has limits of its own.
pub fn read_layer_into(
    mut builder: LayerBuilder<'_>,
    blob: impl Read,
    digest: Option<&Digest>,
    diff_id: Option<&Digest>,
) -> Result<ReadLayer, Error> {
    let blob_bytes = Cell::new(0);
    let blob = Hashing::new(blob, digest.map_or(Algorithm::Sha256, Digest::algorithm), &blob_bytes, None);
    let mut blob = BufReader::with_capacity(BUFFER_BYTES, blob);
    let counters = Counters { blob_bytes: &blob_bytes, tar_bytes: &Cell::new(0) };
    let algorithm = diff_id.map_or(Algorithm::Sha256, Digest::algorithm);
    let failed = |source| Error::Layer(LayerError::Walk(crate::tar::Error::Read(source)));
    let magic = blob.fill_buf().map_err(failed)?;
    let (tar, blob) = match magic {
        [0x1f, 0x8b, ..] => {
            let tar = read_tar(&mut builder, MultiGzDecoder::new(blob), algorithm, counters)?;
            (tar.hashed, tar.reader.into_inner())
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
            let tar = read_tar(
                &mut builder,
                zstd::stream::read::Decoder::with_buffer(blob).map_err(failed)?,
                algorithm,
                counters,
            )?;
            (tar.hashed, tar.reader.finish())
        }
        _ => {
            let tar = read_tar(&mut builder, blob, algorithm, counters)?;
            (tar.hashed, tar.reader)
        }
    };
    let mut blob = blob;
    // What stands behind the compressed stream belongs to the blob as well.
    io::copy(&mut blob, &mut io::sink()).map_err(failed)?;
    let actual = blob.into_inner().hashed.finish();
    if let Some(expected) = digest.filter(|expected| **expected != actual) {
        return Err(Error::Digest(Box::new(Mismatch { expected: *expected, actual })));
    }
    let actual_diff_id = tar.finish();
    if let Some(expected) = diff_id.filter(|expected| **expected != actual_diff_id) {
        return Err(Error::DiffId(Box::new(Mismatch { expected: *expected, actual: actual_diff_id })));
    }
    let (size_bytes, tar_bytes) = (blob_bytes.get(), counters.tar_bytes.get());
    Ok(ReadLayer { record: builder.finish(), digest: actual, diff_id: actual_diff_id, size_bytes, tar_bytes })
}

/// How far a blob and the tar in it were read.
#[derive(Clone, Copy)]
struct Counters<'c> {
    blob_bytes: &'c Cell<u64>,
    tar_bytes: &'c Cell<u64>,
}

fn read_tar<'c, R: Read>(
    builder: &mut LayerBuilder<'_>,
    reader: R,
    algorithm: Algorithm,
    counters: Counters<'c>,
) -> Result<Hashing<'c, R>, Error> {
    let tar = Hashing::new(reader, algorithm, counters.tar_bytes, Some(counters.blob_bytes));
    // The walk reads headers of 512 bytes: hashing and decompressing want larger pieces.
    Ok(builder.read_tar(BufReader::with_capacity(BUFFER_BYTES, tar))?.into_inner())
}

/// A reader that hashes and counts what passes.
struct Hashing<'c, R> {
    reader: R,
    hashed: Hashed,
    bytes: &'c Cell<u64>,
    /// Of what reads a decompressor: how much of the compressed stream it took.
    compressed_bytes: Option<&'c Cell<u64>>,
}

struct Hashed {
    context: Context,
    algorithm: Algorithm,
}

impl Hashed {
    fn finish(self) -> Digest {
        Digest::new(self.algorithm, self.context.finish().as_ref()).expect("a finished hash has its algorithm's length")
    }
}

impl<'c, R> Hashing<'c, R> {
    fn new(reader: R, algorithm: Algorithm, bytes: &'c Cell<u64>, compressed_bytes: Option<&'c Cell<u64>>) -> Self {
        let context = Context::new(match algorithm {
            Algorithm::Sha256 => &SHA256,
            Algorithm::Sha512 => &SHA512,
        });
        Self { reader, hashed: Hashed { context, algorithm }, bytes, compressed_bytes }
    }

    fn check(&self) -> io::Result<()> {
        let Some(compressed) = self.compressed_bytes.map(Cell::get) else { return Ok(()) };
        let bytes = self.bytes.get();
        if bytes > LAYER_BYTES_MAX {
            return Err(io::Error::other(format!("the layer has more than {LAYER_BYTES_MAX} bytes once decompressed")));
        }
        if bytes > RATIO_FREE_BYTES && bytes / RATIO_MAX > compressed {
            return Err(io::Error::other(format!("the layer is more than {RATIO_MAX} times larger once decompressed")));
        }
        Ok(())
    }
}

impl<R: Read> Read for Hashing<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.hashed.context.update(&buffer[..count]);
        self.bytes.set(self.bytes.get() + count as u64);
        self.check()?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_end_at_their_limits() {
        let check = |tar_bytes: u64, blob_bytes: u64, is_read: bool| {
            let (bytes, compressed) = (Cell::new(tar_bytes), Cell::new(blob_bytes));
            let hashing = Hashing::new(io::empty(), Algorithm::Sha256, &bytes, Some(&compressed));
            assert_eq!(hashing.check().is_ok(), is_read, "{tar_bytes} of {blob_bytes}");
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
