//! Hard links whose files are in lower layers, as tools write them that compare two states of a file system. Which file that is depends on the layers below, so
//! that it is found when they are folded: what was kept of it there is there under the link's name too. The lower layer was read without knowing of the name, and
//! is not read again for it; what is missing is told.

#![expect(clippy::cast_possible_truncation, reason = "images have at most some hundred layers")]

use component::{Location, Unknown};
use hashbrown::HashMap;

use crate::layer::{FileKind, Kept, LINK, LayerRecord, unkept};
use crate::matcher::{Matcher, Wants};

use super::{FOLLOWED_BYTES_MAX, FOLLOWED_FILES_MAX, Paths, Place};

/// Returns the records of files and symbolic links that hard links to lower layers are other names of.
pub(super) fn origins(layers: &[&LayerRecord]) -> HashMap<Place, Place> {
    let mut origins: HashMap<Place, Place> = HashMap::new();
    for (index, layer) in layers.iter().enumerate() {
        if layer.links_below().is_empty() {
            continue;
        }
        let lower = Paths::with(&layers[..index], origins);
        let found = layer.links_below().iter().filter_map(|(record, target)| {
            let place = lower.place_itself(target)?;
            let is_file = matches!(lower.record(place).kind, FileKind::File | FileKind::Symlink);
            is_file.then(|| ((index, *record), lower.origin(place)))
        });
        let found: Vec<_> = found.collect();
        origins = lower.origins;
        origins.extend(found);
    }
    origins
}

impl<'a> Paths<'a> {
    /// Adds what was kept of the files of lower layers that visible hard links are other names of, with the links' paths and records. Returns those of which
    /// something is wanted that was not kept.
    pub(super) fn show_below(
        &self,
        matcher: &Matcher,
        is_image: bool,
        shown: &mut Vec<(String, Place, &'a Kept)>,
    ) -> Vec<Unknown> {
        let (mut told, mut scratch) = (Vec::new(), Vec::new());
        let mut taken = Taken::default();
        for (index, layer) in self.layers.iter().enumerate() {
            for (record, target) in layer.links_below() {
                let (path, place) = (layer.path(*record), (index, *record));
                if self.visible(&path) != Some(place) || matcher.excluded().contains(&path) {
                    continue;
                }
                let mut kept = self.kept_below(place);
                if kept.iter().any(is_link) && !matcher.is_claimed(&path, &mut scratch) {
                    kept = &[];
                }
                let kept_bytes: u64 = kept.iter().map(|kept| kept.bytes.len() as u64).sum();
                let is_shown = !kept.is_empty() && taken.take(kept_bytes);
                if is_shown {
                    shown.extend(kept.iter().map(|kept| (format!("/{path}"), place, kept)));
                }
                let is_whole = if is_shown || kept.is_empty() {
                    self.wants_below(&path, place, kept, matcher, &mut scratch).is_empty()
                } else {
                    false
                };
                if !is_whole {
                    let location = Location::new(format!("/{path}"), is_image.then_some(index as u16));
                    told.push(Unknown { location, reason: unkept(target) });
                }
            }
        }
        told
    }

    /// Returns what was kept of the file that a hard link to a lower layer is another name of.
    fn kept_below(&self, place: Place) -> &'a [Kept] {
        let (layer, record) = self.origin(place);
        if (layer, record) == place { &[] } else { self.layers[layer].kept_of_record(record) }
    }

    /// Returns what is wanted of a hard link to a lower layer and was neither kept of its file nor looked for there.
    fn wants_below(
        &self,
        path: &str,
        place: Place,
        kept: &[Kept],
        matcher: &Matcher,
        scratch: &mut Vec<usize>,
    ) -> Wants {
        let origin = self.origin(place);
        // Of a symbolic link it is told elsewhere what it leads to.
        if kept.iter().any(is_link) {
            return Wants::default();
        }
        let mut wants = matcher.wants(path, &[], scratch);
        wants.leave_out_kept(kept);
        if origin != place {
            // Whatever was looked for under the file's own name is not there, or that it could not be read is told there.
            wants.leave_out(&matcher.wants(&self.layers[origin.0].path(origin.1), &[], scratch));
        }
        wants
    }
}

fn is_link(kept: &Kept) -> bool {
    kept.extractor.as_deref() == Some(LINK)
}

/// What is read once more for links.
#[derive(Debug, Default)]
struct Taken {
    files: usize,
    bytes: u64,
}

impl Taken {
    /// Takes one file more, unless that is beyond the limits; returns whether it was.
    fn take(&mut self, bytes: u64) -> bool {
        let is_within = self.files < FOLLOWED_FILES_MAX && self.bytes + bytes <= FOLLOWED_BYTES_MAX;
        if is_within {
            (self.files, self.bytes) = (self.files + 1, self.bytes + bytes);
        }
        is_within
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_links_show_once_more_end_at_their_number_and_bytes() {
        for (files, is_shown) in
            [(FOLLOWED_FILES_MAX - 2, true), (FOLLOWED_FILES_MAX - 1, true), (FOLLOWED_FILES_MAX, false)]
        {
            assert_eq!(Taken { files, bytes: 0 }.take(1), is_shown, "{files}");
        }
        for (bytes, is_shown) in
            [(FOLLOWED_BYTES_MAX - 6, true), (FOLLOWED_BYTES_MAX - 5, true), (FOLLOWED_BYTES_MAX - 4, false)]
        {
            assert_eq!(Taken { files: 0, bytes }.take(5), is_shown, "{bytes}");
        }
    }
}
