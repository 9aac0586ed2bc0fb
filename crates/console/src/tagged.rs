//! The choice between images that a tag holds, and those that none holds.

use pipeline::Tagged;

/// What may be chosen, as a link.
pub(crate) struct TaggedChoice {
    pub(crate) href: String,
    pub(crate) text: &'static str,
    pub(crate) is_chosen: bool,
}

/// Returns what may be chosen, each with its address.
pub(crate) fn choices(chosen: Tagged, href: impl Fn(Tagged) -> String) -> Vec<TaggedChoice> {
    let choice = |(tagged, text)| TaggedChoice { href: href(tagged), text, is_chosen: tagged == chosen };
    [(Tagged::Yes, "tagged images"), (Tagged::No, "images without a tag"), (Tagged::Any, "all images")]
        .map(choice)
        .into()
}

/// Returns the flag of a command that looks in other images than it does by itself.
pub(crate) fn flag(tagged: Tagged, by_itself: Tagged) -> &'static str {
    match tagged {
        tagged if tagged == by_itself => "",
        Tagged::Any => " --tagged any",
        Tagged::Yes => " --tagged yes",
        Tagged::No => " --tagged no",
    }
}

/// Returns the images as a sentence speaks of them.
pub(crate) fn images(tagged: Tagged) -> &'static str {
    match tagged {
        Tagged::Any => "images",
        Tagged::Yes => "tagged images",
        Tagged::No => "images without a tag",
    }
}
