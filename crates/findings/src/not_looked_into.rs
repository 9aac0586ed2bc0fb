//! How many images nobody could look into.

/// Says how many images could not be looked into, so that what is looked for may be in each of them. Where `more`, these are not all.
pub fn not_looked_into_in_words(images: u64, more: bool) -> String {
    let least = if more { "at least " } else { "" };
    let image = if images == 1 { "image" } else { "images" };
    format!("{least}{images} {image} could not be looked into, and may hold it")
}

/// Says the same beside a list of what is wrong with all images.
pub fn not_inventoried_in_words(images: u64, more: bool) -> String {
    let least = if more { "at least " } else { "" };
    let (are, them) = if images == 1 { ("image is", "it") } else { ("images are", "them") };
    format!("{least}{images} {are} not inventoried: what is wrong with {them} is not known")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_counted_in_words() {
        for (images, more, expected) in [
            (1, false, "1 image could not be looked into, and may hold it"),
            (6, false, "6 images could not be looked into, and may hold it"),
            (200, true, "at least 200 images could not be looked into, and may hold it"),
        ] {
            assert_eq!(not_looked_into_in_words(images, more), expected);
        }
        for (images, more, expected) in [
            (1, false, "1 image is not inventoried: what is wrong with it is not known"),
            (200, true, "at least 200 images are not inventoried: what is wrong with them is not known"),
        ] {
            assert_eq!(not_inventoried_in_words(images, more), expected);
        }
    }
}
