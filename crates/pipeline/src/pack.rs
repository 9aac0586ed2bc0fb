//! How records are kept: a version byte, the length, and postcard in zstd. They are read back by this program alone, from its
//! own database; what does not read is made again.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Raised with each change of a type that is packed.
const VERSION: u8 = 1;

/// What a packed record may take unpacked: the largest layer keeps 512 MiB.
const UNPACKED_BYTES_MAX: usize = 1 << 30;

/// Fast to write, and a fifth of the size.
const LEVEL: i32 = 3;

/// Packs a value.
pub(crate) fn pack<T: Serialize>(value: &T) -> Option<Vec<u8>> {
    let plain = postcard::to_stdvec(value).ok()?;
    let mut packed = vec![VERSION];
    packed.extend_from_slice(&u32::try_from(plain.len()).ok()?.to_le_bytes());
    packed.extend_from_slice(&zstd::bulk::compress(&plain, LEVEL).ok()?);
    Some(packed)
}

/// Unpacks a value; none when it was packed by another version or is damaged.
pub(crate) fn unpack<T: DeserializeOwned>(packed: &[u8]) -> Option<T> {
    let (head, body) = packed.split_first_chunk::<5>()?;
    let [VERSION, length @ ..] = *head else { return None };
    let length = usize::try_from(u32::from_le_bytes(length)).ok().filter(|length| *length <= UNPACKED_BYTES_MAX)?;
    let plain = zstd::bulk::decompress(body, length).ok()?;
    postcard::from_bytes(&plain).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_unpacks_and_nothing_else_does() {
        let value = vec![("a".repeat(1000), 7_u32), (String::new(), 0)];
        let packed = pack(&value).unwrap();
        assert!(packed.len() < 100);
        assert_eq!(unpack::<Vec<(String, u32)>>(&packed), Some(value));
        let newer = [&[VERSION + 1], &packed[1..]].concat();
        let larger = [&[VERSION], &u32::MAX.to_le_bytes()[..], &packed[5..]].concat();
        for damaged in [&b""[..], &packed[..4], &packed[..packed.len() - 1], &newer, &larger] {
            assert_eq!(unpack::<Vec<(String, u32)>>(damaged), None);
        }
    }
}
