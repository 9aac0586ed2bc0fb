//! Bytes that one thread writes ahead of another that reads them.

use std::io::{self, BufRead, Read};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};

use crate::stream::Blob;

/// The most pieces that are written and not read: enough that neither thread waits for the other at each of its own.
const PIECES_MAX: usize = 4;

/// The size of a piece: those on the way fit into the caches of two cores.
const PIECE_BYTES: usize = 128 << 10;

type Piece = Vec<u8>;

/// Makes a writer and what reads from it.
pub(crate) fn channel() -> (Reader, Writer) {
    let (written, to_read) = mpsc::sync_channel(PIECES_MAX);
    let (empty, to_fill) = mpsc::channel();
    (Reader { to_read, empty, piece: Piece::new(), at: 0, bytes: 0 }, Writer { written, to_fill })
}

/// Reads what the writer wrote; its end is where the writer's is, and its error what the writer's was.
pub(crate) struct Reader {
    to_read: Receiver<io::Result<Piece>>,
    /// Takes back what was read, so that a few pieces do for all.
    empty: Sender<Piece>,
    piece: Piece,
    at: usize,
    /// Of all pieces so far.
    bytes: u64,
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = self.fill_buf()?;
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Reader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at == self.piece.len() {
            // Nobody to take it back is nobody who writes.
            let _ = self.empty.send(std::mem::take(&mut self.piece));
            self.at = 0;
            let Ok(piece) = self.to_read.recv() else { return Ok(&[]) };
            self.piece = piece?;
            self.bytes += self.piece.len() as u64;
        }
        Ok(&self.piece[self.at..])
    }

    fn consume(&mut self, count: usize) {
        self.at += count;
    }
}

impl Blob for Reader {
    fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// Writes as long as somebody reads.
pub(crate) struct Writer {
    written: SyncSender<io::Result<Piece>>,
    to_fill: Receiver<Piece>,
}

impl Writer {
    /// Copies a source to its end, and returns it; none if it failed, which the reader is told, or if the reader went away.
    pub(crate) fn copy<S: Read>(self, mut source: S) -> Option<S> {
        loop {
            let mut piece = self.to_fill.try_recv().unwrap_or_default();
            piece.resize(PIECE_BYTES, 0);
            let (count, filled) = fill(&mut source, &mut piece);
            piece.truncate(count);
            if count > 0 {
                self.written.send(Ok(piece)).ok()?;
            }
            match filled {
                Ok(()) if count < PIECE_BYTES => return Some(source),
                Ok(()) => {}
                // What came before it is read first.
                Err(error) => {
                    self.written.send(Err(error)).ok()?;
                    return None;
                }
            }
        }
    }
}

/// Reads until the buffer is full or the source ends or fails; returns how much that was.
fn fill(source: &mut impl Read, buffer: &mut [u8]) -> (usize, io::Result<()>) {
    let mut count = 0;
    while count < buffer.len() {
        match source.read(&mut buffer[count..]) {
            Ok(0) => break,
            Ok(read) => count += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (count, Err(error)),
        }
    }
    (count, Ok(()))
}
