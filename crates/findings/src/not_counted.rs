//! In how many images it is decided that a vulnerability does not count.

/// Says in how many images that hold a vulnerability an exception or VEX has it not count. Where `more`, these are not all.
pub fn not_counted_in_words(images: u64, more: bool) -> String {
    let least = if more { "at least " } else { "" };
    let (image, hold) = if images == 1 { ("image", "holds") } else { ("images", "hold") };
    format!("{least}{images} {image} {hold} it where an exception or VEX has it not count")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_counted_in_words() {
        for (images, more, expected) in [
            (1, false, "1 image holds it where an exception or VEX has it not count"),
            (3, false, "3 images hold it where an exception or VEX has it not count"),
            (1000, true, "at least 1000 images hold it where an exception or VEX has it not count"),
        ] {
            assert_eq!(not_counted_in_words(images, more), expected);
        }
    }
}
