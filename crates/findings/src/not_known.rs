use std::collections::BTreeSet;

use crate::table::counted;

/// Packages and images that are told by name; more are counted: the API has them.
const SHOWN: usize = 3;

/// A package in an image of which nobody knows whether it has a vulnerability.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubted<'a> {
    /// The package's name.
    pub name: &'a str,
    /// Its version; empty where nothing states one.
    pub version: &'a str,
    /// The image as people name it.
    pub image: String,
}

/// Says of how many images nobody knows whether they have a vulnerability, as far as they were counted, and names the first.
pub fn not_known_in_words(images: u64, more: bool, first: &[Doubted<'_>]) -> String {
    if images == 0 {
        return "its records speak of more packages than are looked for without a version: not known".to_owned();
    }
    let images = usize::try_from(images).unwrap_or(usize::MAX);
    let (least, hold) = (if more { "at least " } else { "" }, if images == 1 { "holds" } else { "hold" });
    let packages = distinct(first.iter().map(|one| format!("{} {}", one.name, one.version).trim_end().to_owned()));
    let stated = first.iter().filter(|one| !one.version.is_empty()).count();
    let why = match (packages.len(), stated) {
        (1, 0) => "whose version nothing states",
        (_, 0) => "whose versions nothing states",
        (1, _) => "whose version has no order",
        (_, stated) if stated == first.len() => "whose versions have no order",
        _ => "whose versions are not stated or have no order",
    };
    let others = if packages.len() > SHOWN { " and others" } else { "" };
    let packages = packages.into_iter().take(SHOWN).collect::<Vec<_>>().join(", ");
    let named: Vec<String> = distinct(first.iter().map(|one| one.image.clone())).into_iter().take(SHOWN).collect();
    let untold = match (images.saturating_sub(named.len()), more) {
        (0, false) => String::new(),
        (untold, false) => format!("; and {untold} more"),
        (_, true) => "; and more".to_owned(),
    };
    let images = counted(images, "image", "images");
    format!("{least}{images} {hold} {packages}{others}, {why}: not known ({}{untold})", named.join("; "))
}

/// Returns each text once, in the order of the first of each.
fn distinct(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut known = BTreeSet::new();
    texts.filter(|text| known.insert(text.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_and_images_are_told_up_to_three() {
        let one = |name, version, image: &str| Doubted { name, version, image: image.to_owned() };
        let (django, dev) = (one("django", "", "a/b:1"), one("django", "of-today", "a/b:2"));
        let many: Vec<_> = [("a", "a/b:1"), ("b", "a/b:1"), ("c", "a/b:2"), ("d", "a/b:3"), ("d", "a/b:4")]
            .map(|(name, image)| one(name, "", image))
            .to_vec();
        for (images, more, first, expected) in [
            (1, false, vec![django.clone()], "1 image holds django, whose version nothing states: not known (a/b:1)"),
            (
                1,
                false,
                vec![dev.clone()],
                "1 image holds django of-today, whose version has no order: not known (a/b:2)",
            ),
            (
                2,
                false,
                vec![django.clone(), dev.clone()],
                "2 images hold django, django of-today, whose versions are not stated or have no order: not known (a/b:1; a/b:2)",
            ),
            (
                4,
                false,
                many.clone(),
                "4 images hold a, b, c and others, whose versions nothing states: not known (a/b:1; a/b:2; a/b:3; and 1 more)",
            ),
            (
                1,
                true,
                vec![django],
                "at least 1 image holds django, whose version nothing states: not known (a/b:1; and more)",
            ),
            (
                0,
                true,
                Vec::new(),
                "its records speak of more packages than are looked for without a version: not known",
            ),
        ] {
            assert_eq!(not_known_in_words(images, more, &first), expected);
        }
    }
}
