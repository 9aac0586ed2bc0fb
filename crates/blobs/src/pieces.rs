use std::mem;

use bytes::{Bytes, BytesMut};

/// A piece of fewer bytes is copied behind the one before it. To keep a piece costs its 32 bytes here, one of the slots of a
/// write, and all of the buffer that it was cut from; to copy this much, half a microsecond.
const KEPT_BYTES_MIN: usize = 4 * 1024;

/// Copies are gathered up to this size.
const GATHERED_BYTES_MAX: usize = 64 * 1024;

/// Bytes that arrived in pieces, of which small ones are joined: a sender of single bytes costs no more memory than one of
/// large pieces.
#[derive(Debug, Default)]
pub struct Pieces {
    kept: Vec<Bytes>,
    gathered: BytesMut,
    size_bytes: usize,
}

impl Pieces {
    /// Adds a piece at the end.
    pub fn push(&mut self, piece: Bytes) {
        self.size_bytes += piece.len();
        if piece.len() >= KEPT_BYTES_MIN {
            self.end_gathered();
            self.kept.push(piece);
            return;
        }
        if self.gathered.len() + piece.len() > GATHERED_BYTES_MAX {
            self.end_gathered();
        }
        self.gathered.extend_from_slice(&piece);
    }

    /// Returns how many bytes there are.
    pub fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// Returns the bytes, in as few pieces as they were joined to.
    pub fn into_vec(mut self) -> Vec<Bytes> {
        self.end_gathered();
        self.kept
    }

    /// Returns the bytes as [`Self::into_vec`] does and begins anew.
    pub(crate) fn take(&mut self) -> Vec<Bytes> {
        mem::take(self).into_vec()
    }

    fn end_gathered(&mut self) {
        if !self.gathered.is_empty() {
            self.kept.push(mem::take(&mut self.gathered).freeze());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sizes: &[usize], expected: &[usize]) {
        let mut pieces = Pieces::default();
        let mut content = Vec::new();
        for (number, size) in sizes.iter().enumerate() {
            let piece = vec![u8::try_from(number % 251).expect("it is below 251"); *size];
            content.extend_from_slice(&piece);
            pieces.push(piece.into());
        }
        assert_eq!(pieces.size_bytes(), content.len());
        let joined = pieces.take();
        assert_eq!(joined.iter().map(Bytes::len).collect::<Vec<_>>(), expected, "{sizes:?}");
        assert_eq!(joined.concat(), content);
        assert_eq!((pieces.size_bytes(), pieces.take().len()), (0, 0));
    }

    #[test]
    fn small_pieces_are_joined_and_large_ones_kept() {
        const KEPT: usize = KEPT_BYTES_MIN;
        const FULL: usize = GATHERED_BYTES_MAX;
        check(&[], &[]);
        check(&[0, 0], &[]);
        check(&[1], &[1]);
        check(&[1, 0, 2, 3], &[6]);
        check(&[KEPT - 1, KEPT - 1], &[2 * KEPT - 2]);
        check(&[KEPT, KEPT + 1], &[KEPT, KEPT + 1]);
        check(&[1, KEPT, 1, 1, KEPT], &[1, KEPT, 2, KEPT]);
        check(&vec![1; FULL - 1], &[FULL - 1]);
        check(&vec![1; FULL], &[FULL]);
        check(&vec![1; FULL + 1], &[FULL, 1]);
    }
}
