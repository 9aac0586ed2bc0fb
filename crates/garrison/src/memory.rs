//! How much memory the process holds that nothing uses.

use std::env;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// How long mimalloc keeps memory that was freed, in milliseconds. With its 10 (for whole segments, 100) a hub that 32 clients
/// push to held 90 MiB, with none 70; a sixth fewer blobs are pushed a second for it: docs/benchmarks/registry.md has the figures. A layer is
/// read in 22 MiB in place of 28, in the same processor time: docs/benchmarks/sbom.md.
const MEMORY_KEPT: (&str, &str) = ("MIMALLOC_PURGE_DELAY", "0");

/// Begins the process again with [`MEMORY_KEPT`], unless its user has set it: mimalloc reads the environment before `main`,
/// and nothing else tells it without unsafe code. It stays the same process to whoever started it. It takes 4 ms of processor time.
pub(crate) fn begin_again_with_little() {
    let (variable, value) = MEMORY_KEPT;
    if env::var_os(variable).is_some() {
        return;
    }
    let Ok(program) = env::current_exe() else { return };
    // Returns only when it failed; the process then runs as it is, with some more memory.
    let _failed = Command::new(program).args(env::args_os().skip(1)).env(variable, value).exec();
}
