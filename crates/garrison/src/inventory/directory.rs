use images::{Directory, Enter, FileSystems, Found};
use sbom::{Allowance, FileKind, LayerBuilder, LayerError, LayerRecord, Matcher};

use super::Talk;
use super::layers::Watch;
use crate::error::CommandError;

/// Reads a directory as one layer.
pub(super) fn read(
    directory: &Directory,
    matcher: &Matcher,
    file_systems: FileSystems,
    talk: Talk,
) -> Result<LayerRecord, CommandError> {
    let allowance = Allowance::new(images::temporary_file);
    let mut builder = LayerBuilder::new(matcher, &allowance);
    let failed = |source| CommandError::environment(format!("failed to read `{}`", directory.path.display()), source);
    let mut watch = Watch::new(talk);
    let mut entries: u64 = 0;
    directory
        .walk(file_systems, &mut |path, found| {
            entries += 1;
            if entries.is_multiple_of(1_000) {
                watch.update(|| format!("reading {}  {entries} entries", directory.path.display()));
            }
            add(&mut builder, matcher, path, found)
        })
        .map_err(failed)?;
    watch.finish();
    builder.read_linked_files(|path| directory.open_file(path)).map_err(failed)?;
    Ok(builder.finish())
}

fn add(builder: &mut LayerBuilder<'_>, matcher: &Matcher, path: &str, found: Found<'_>) -> Result<Enter, LayerError> {
    match found {
        Found::Directory { mode } => {
            builder.add(path, FileKind::Directory, mode, None)?;
            return Ok(if matcher.excluded().contains(path) { Enter::No } else { Enter::Yes });
        }
        Found::File(file) => {
            let added = builder.add_open_file(path, file.mode, file.size_bytes, file.file);
            match added {
                // Others write to the directory meanwhile, and disks have bad places: one file less is no inventory less.
                Err(LayerError::Entry { source, .. }) => builder.report(path, format!("cannot be read: {source}")),
                added => drop(added?),
            }
        }
        Found::Symlink { target } => builder.add(path, FileKind::Symlink, 0o777, Some(target))?,
        Found::Other => builder.add(path, FileKind::Other, 0, None)?,
        Found::Skipped(images::Skipped::KernelFileSystem) => {}
        Found::Skipped(reason) => builder.report(path, reason.to_string()),
    }
    Ok(Enter::Yes)
}
