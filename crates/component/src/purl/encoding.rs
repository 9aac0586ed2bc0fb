//! Percent-encoding, as in ECMA-427, 5.4.

use std::fmt::{self, Write};

use super::{Purl, PurlError};

const UPPER_HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Returns the text with its escapes replaced.
pub(super) fn decode(text: &str) -> Result<String, PurlError> {
    if !text.contains('%') {
        return Ok(text.to_owned());
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || bytes.next().and_then(hex_value).ok_or(PurlError::Escape);
        decoded.push(digit()? << 4 | digit()?);
    }
    String::from_utf8(decoded).map_err(|_| PurlError::Utf8)
}

/// Returns the beginning of a purl as purls in canonical form begin: its scheme and type in lower case, and each segment escaped as it is there. What is
/// no escape, as one of which the end is missing, stays as it is.
pub(super) fn canonical_beginning(text: &str) -> String {
    let mut canonical = String::with_capacity(text.len());
    for (index, segment) in text.split('/').enumerate() {
        if index == 0 {
            canonical.push_str(&segment.to_ascii_lowercase());
            continue;
        }
        canonical.push('/');
        match decode(segment) {
            Ok(plain) => write_encoded(&plain, &mut canonical).expect("texts take what is written"),
            Err(_) => canonical.push_str(segment),
        }
    }
    canonical
}

/// Writes the canonical form.
pub(super) fn write_purl(purl: &Purl, output: &mut impl Write) -> fmt::Result {
    write!(output, "pkg:{}/", purl.ty())?;
    if let Some(namespace) = purl.namespace() {
        write_path(namespace, output)?;
        output.write_char('/')?;
    }
    if purl.ty.name_is_path() {
        write_path(&purl.name, output)?;
    } else {
        write_encoded(&purl.name, output)?;
    }
    if let Some(version) = purl.version() {
        output.write_char('@')?;
        write_encoded(version, output)?;
    }
    for (index, (key, value)) in purl.qualifiers().enumerate() {
        write!(output, "{}{key}=", if index == 0 { '?' } else { '&' })?;
        write_encoded(value, output)?;
    }
    if let Some(subpath) = purl.subpath() {
        output.write_char('#')?;
        write_path(subpath, output)?;
    }
    Ok(())
}

fn write_path(path: &str, output: &mut impl Write) -> fmt::Result {
    for (index, segment) in path.split('/').enumerate() {
        if index > 0 {
            output.write_char('/')?;
        }
        write_encoded(segment, output)?;
    }
    Ok(())
}

fn write_encoded(text: &str, output: &mut impl Write) -> fmt::Result {
    let mut rest = text;
    while let Some(plain) = rest.bytes().position(|byte| !is_plain(byte)) {
        let (before, escaped) = rest.split_at(plain);
        output.write_str(before)?;
        let character = escaped.chars().next().map_or(0, char::len_utf8);
        let (character, after) = escaped.split_at(character);
        for byte in character.bytes() {
            output.write_char('%')?;
            output.write_char(char::from(UPPER_HEX[usize::from(byte >> 4)]))?;
            output.write_char(char::from(UPPER_HEX[usize::from(byte & 15)]))?;
        }
        rest = after;
    }
    output.write_str(rest)
}

const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'~' | b':')
}

const fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}
