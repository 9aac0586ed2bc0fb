//! Where the components of an image are, kept beside its inventory so that a page of answers costs little of it.

use std::collections::BTreeMap;

use component::Location;
use serde::{Deserialize, Serialize};

use crate::pack::{Unpacker, pack_as};

/// What tells these from what earlier versions kept in the same place, which might read as something else.
const VERSION: u8 = 2;

/// Places kept of a component in one image; more are in the inventory.
pub(crate) const PLACES_MAX: usize = 16;

/// Where in an image a component is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file that says so, and the way on inside of it.
    pub location: Location,
    /// The digest of the layer that the file is in.
    pub layer: Option<String>,
}

/// Where each component of an image is. Whatever one package database tells of is in one place, so that each list of places is kept once.
///
/// It borrows what it was unpacked from: of a thousand components, those that are asked for are few.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Places<'p> {
    /// The digests of the layers, lowest first.
    #[serde(borrow)]
    layers: Vec<&'p str>,
    lists: Vec<List<'p>>,
    /// The components by their numbers in the index, ascending, each with the number of its list.
    of: Vec<(i64, u32)>,
}

/// The first places of a component, and how many there are.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct List<'p> {
    #[serde(borrow)]
    first: Vec<Kept<'p>>,
    total: u64,
}

/// A [`Location`].
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Kept<'p> {
    path: &'p str,
    #[serde(borrow)]
    inside: Vec<&'p str>,
    layer: Option<u16>,
}

impl<'p> Places<'p> {
    /// Takes the digests of the layers, and of each component its number, its first places and how many it has.
    pub(crate) fn new(layers: &'p [String], components: impl Iterator<Item = (i64, &'p [Location], u64)>) -> Self {
        let mut numbers = BTreeMap::new();
        let mut of = Vec::new();
        for (id, places, total) in components {
            let list = List { first: places.iter().map(Kept::of).collect(), total };
            let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
            of.push((id, *numbers.entry(list).or_insert(next)));
        }
        of.sort_unstable();
        let mut lists: Vec<(List<'_>, u32)> = numbers.into_iter().collect();
        lists.sort_unstable_by_key(|(_, number)| *number);
        Self {
            layers: layers.iter().map(String::as_str).collect(),
            lists: lists.into_iter().map(|(list, _)| list).collect(),
            of,
        }
    }

    pub(crate) fn pack(&self) -> Option<Vec<u8>> {
        pack_as(VERSION, self)
    }

    /// Reads what is kept; none of an earlier version.
    pub(crate) fn unpack(packed: &[u8], unpacker: &'p mut Unpacker) -> Option<Self> {
        unpacker.unpack_as(VERSION, packed)
    }

    /// Returns the first places of a component, and how many there are.
    pub(crate) fn of_component(&self, id: i64) -> (Vec<Place>, u64) {
        let list = self.of.binary_search_by_key(&id, |(id, _)| *id).ok().and_then(|at| {
            let (_, number) = self.of.get(at)?;
            self.lists.get(usize::try_from(*number).ok()?)
        });
        let Some(list) = list else { return (Vec::new(), 0) };
        let layer_of = |kept: &Kept<'_>| kept.layer.and_then(|layer| self.layers.get(usize::from(layer)));
        let place = |kept: &Kept<'_>| Place {
            location: kept.location(),
            layer: layer_of(kept).map(|&digest| digest.to_owned()),
        };
        (list.first.iter().map(place).collect(), list.total)
    }
}

impl<'p> Kept<'p> {
    fn of(Location { path, inside, layer }: &'p Location) -> Self {
        Self { path, inside: inside.iter().map(String::as_str).collect(), layer: *layer }
    }

    fn location(&self) -> Location {
        let inside = self.inside.iter().map(|&step| step.to_owned()).collect();
        Location { path: self.path.to_owned(), inside, layer: self.layer }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::pack;

    #[test]
    fn what_is_kept_is_where_components_were() {
        let layers = ["sha256:a".to_owned(), "sha256:b".to_owned()];
        let database = Location::new("/var/lib/dpkg/status", Some(0));
        let archive = Location { inside: vec!["lib/a.jar".to_owned()], ..Location::new("/app.war", Some(1)) };
        let nowhere = Location::new("/gone", Some(2));
        let components: [(i64, &[Location], u64); 5] = [
            (9, std::slice::from_ref(&database), 1),
            (-4, std::slice::from_ref(&database), 1),
            (5, &[database.clone(), archive.clone()], 40),
            (6, std::slice::from_ref(&nowhere), 1),
            (7, &[], 0),
        ];
        let kept = Places::new(&layers, components.iter().copied());
        let mut unpacker = Unpacker::new().unwrap();
        let before = pack(&kept).unwrap();
        assert!(Places::unpack(&before, &mut unpacker).is_none(), "what is of another version does not read");
        let packed = kept.pack().unwrap();
        let places = Places::unpack(&packed, &mut unpacker).unwrap();
        assert_eq!(places.lists.len(), 4);
        let in_layer = |location: &Location, layer: Option<&str>| Place {
            location: location.clone(),
            layer: layer.map(str::to_owned),
        };
        let expected = [
            (9, vec![in_layer(&database, Some("sha256:a"))], 1),
            (-4, vec![in_layer(&database, Some("sha256:a"))], 1),
            (5, vec![in_layer(&database, Some("sha256:a")), in_layer(&archive, Some("sha256:b"))], 40),
            (6, vec![in_layer(&nowhere, None)], 1),
            (7, vec![], 0),
            (8, vec![], 0),
        ];
        for (id, first, total) in expected {
            assert_eq!(places.of_component(id), (first, total), "{id}");
        }
    }
}
