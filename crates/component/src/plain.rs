//! Text of others for people to read.

/// Returns whether a character is invisible, drives a terminal, or reorders what is around it, and so could make text say what it does not
/// (Unicode general categories Cc and Cf, as far as they are assigned to writing direction, joining and tagging, and separators of lines).
pub fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Returns the text with each deceptive character shown as what it is: a terminal obeys none, and each takes one column.
pub fn plain(text: &str) -> String {
    text.replace(is_deceptive, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_deceptive_character_is_seen() {
        for (text, expected) in [
            ("été 1.0-β+\u{1f980}", "été 1.0-β+\u{1f980}"),
            ("a\u{1b}[2J\u{7}\nb\u{9b}", "a\u{fffd}[2J\u{fffd}\u{fffd}b\u{fffd}"),
            ("a\u{202a}\u{202e}\u{2066}\u{2069}b", "a\u{fffd}\u{fffd}\u{fffd}\u{fffd}b"),
            ("a\u{200b}\u{200e}\u{feff}\u{ad}\u{e0041}b", "a\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}b"),
        ] {
            assert_eq!(plain(text), expected);
        }
    }
}
