//! Texts as people's editors, shells and tools leave them.

use std::borrow::Cow;

/// Returns a text as pip (its `auto_decode`) and processors of XML (XML 1.0, appendix F) read it: what its byte order mark says, else UTF-8. What is wrong in it is
/// replaced.
pub(crate) fn decode(bytes: &[u8]) -> Cow<'_, str> {
    match bytes {
        [0xFF, 0xFE, text @ ..] => utf16(text, u16::from_le_bytes).into(),
        [0xFE, 0xFF, text @ ..] => utf16(text, u16::from_be_bytes).into(),
        text => String::from_utf8_lossy(text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text)),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let (pairs, _) = bytes.as_chunks::<2>();
    char::decode_utf16(pairs.iter().map(|pair| unit(*pair)))
        .map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

/// Returns the first line, counted from one, that Git leaves where what two sides wrote does not go together: such a text says neither.
pub(crate) fn conflict(text: &str) -> Option<usize> {
    let is_mark = |line: &str| {
        ["<<<<<<<", ">>>>>>>"]
            .iter()
            .any(|mark| line.strip_prefix(mark).is_some_and(|rest| rest.is_empty() || rest.starts_with(' ')))
    };
    text.lines().position(is_mark).map(|at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_says_the_encoding() {
        let encoded = |bytes: fn(u16) -> [u8; 2], mark: [u8; 2]| -> Vec<u8> {
            mark.into_iter().chain("é=1\n😀".encode_utf16().flat_map(bytes)).collect()
        };
        for (bytes, expected) in [
            ("é=1".as_bytes().to_vec(), "é=1"),
            ("\u{feff}é=1".as_bytes().to_vec(), "é=1"),
            (encoded(u16::to_le_bytes, [0xFF, 0xFE]), "é=1\n😀"),
            (encoded(u16::to_be_bytes, [0xFE, 0xFF]), "é=1\n😀"),
            (vec![0xFF, 0xFE, b'a', 0, b'b'], "a"),
            (vec![0xFF, 0xFE, 0, 0xD8, b'a', 0], "\u{fffd}a"),
            (vec![b'a', 0xFF], "a\u{fffd}"),
            (Vec::new(), ""),
        ] {
            assert_eq!(decode(&bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn marks_of_conflicts() {
        for (text, expected) in
            [("a\n<<<<<<< HEAD\nb\n", Some(2)), (">>>>>>>\n", Some(1)), ("a <<<<<<< b\n<<<<<<<<\n=======\n", None)]
        {
            assert_eq!(conflict(text), expected, "{text:?}");
        }
    }
}
