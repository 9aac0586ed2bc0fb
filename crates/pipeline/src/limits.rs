use std::time::Duration;

/// How long one image may take. At the slowest that was measured (80 MB/s through bzip2-like worst cases) this is 140 GB.
const IMAGE_TIME_MAX: Duration = Duration::from_mins(30);

/// The largest packed layer that is kept; a larger one is read again.
const LAYER_BYTES_MAX: usize = 32 << 20;

/// What holds for every image, whatever the memory. The hub's own are the default; a test of an edge has smaller ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long the layers of one image may be read.
    pub image_time: Duration,
    /// The largest that is kept of what was read of a layer, in bytes.
    pub layer_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { image_time: IMAGE_TIME_MAX, layer_bytes: LAYER_BYTES_MAX }
    }
}
