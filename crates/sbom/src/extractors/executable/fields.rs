//! Numbers at offsets, in either byte order.

/// Bytes whose numbers have one byte order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a> {
    bytes: &'a [u8],
    is_big_endian: bool,
}

impl<'a> Fields<'a> {
    pub(super) fn new(bytes: &'a [u8], is_big_endian: bool) -> Self {
        Self { bytes, is_big_endian }
    }

    pub(super) fn little(bytes: &'a [u8]) -> Self {
        Self::new(bytes, false)
    }

    fn array<const N: usize>(self, at: usize) -> Option<[u8; N]> {
        self.bytes.get(at..)?.first_chunk::<N>().copied()
    }

    pub(super) fn u16(self, at: usize) -> Option<u16> {
        self.array(at)
            .map(|bytes| if self.is_big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    pub(super) fn u32(self, at: usize) -> Option<u32> {
        self.array(at)
            .map(|bytes| if self.is_big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    pub(super) fn u64(self, at: usize) -> Option<u64> {
        self.array(at)
            .map(|bytes| if self.is_big_endian { u64::from_be_bytes(bytes) } else { u64::from_le_bytes(bytes) })
    }

    /// Returns an address or offset of a 32-bit or 64-bit format.
    pub(super) fn word(self, at: usize, is_64_bit: bool) -> Option<u64> {
        if is_64_bit { self.u64(at) } else { self.u32(at).map(u64::from) }
    }

    /// Returns a name in a field of fixed width that zeros fill up.
    pub(super) fn name(self, at: usize, len: usize) -> Option<&'a [u8]> {
        let field = self.bytes.get(at..at.checked_add(len)?)?;
        Some(&field[..field.iter().position(|&byte| byte == 0).unwrap_or(len)])
    }
}
