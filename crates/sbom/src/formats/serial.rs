use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};

/// What stands in a document until its contents are known. As long as what replaces it.
pub(super) const PLACEHOLDER: &str = "urn:uuid:00000000-0000-0000-0000-000000000000";

/// Puts in place of the first placeholder a UUID of version 8 (RFC 9562, section 5.8) made from the document's bytes.
/// The caller writes the placeholder before anything that comes from an inventory.
pub(super) fn replace_placeholder(document: &mut [u8]) {
    let hash = digest(&SHA256, document);
    let Some(at) = document.windows(PLACEHOLDER.len()).position(|window| window == PLACEHOLDER.as_bytes()) else {
        return;
    };
    document[at..at + PLACEHOLDER.len()].copy_from_slice(urn(hash.as_ref()).as_bytes());
}

fn urn(hash: &[u8]) -> String {
    let mut urn = String::from("urn:uuid:");
    for (index, byte) in hash.iter().take(16).enumerate() {
        let byte = match index {
            6 => byte & 0x0f | 0x80,
            8 => byte & 0x3f | 0x80,
            _ => *byte,
        };
        if matches!(index, 4 | 6 | 8 | 10) {
            urn.push('-');
        }
        // Writing to a string does not fail.
        let _ = write!(urn, "{byte:02x}");
    }
    urn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_number_is_a_uuid_of_version_8() {
        assert_eq!(urn(&[0xff; 32]), "urn:uuid:ffffffff-ffff-8fff-bfff-ffffffffffff");
        assert_eq!(urn(&[0; 32]), "urn:uuid:00000000-0000-8000-8000-000000000000");
        assert_eq!(urn(&[0; 32]).len(), PLACEHOLDER.len());
    }

    #[test]
    fn only_the_first_placeholder_is_replaced() {
        let mut document = format!("{PLACEHOLDER} {PLACEHOLDER}").into_bytes();
        replace_placeholder(&mut document);
        let document = String::from_utf8(document).unwrap();
        assert!(!document.starts_with(PLACEHOLDER) && document.ends_with(PLACEHOLDER), "{document}");
    }
}
