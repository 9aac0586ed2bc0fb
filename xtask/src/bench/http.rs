//! A client that costs as little as it can: one blocking connection, kept alive, bodies counted and thrown away.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// How much of an answer's body can be looked at.
const KEPT_BYTES: usize = 256 << 10;

/// A connection to a server.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    authorization: String,
    /// The start of the last answer's body.
    buffer: Vec<u8>,
    /// What comes behind it, thrown away.
    rest: Vec<u8>,
    head: String,
}

/// An answer without its body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) body_bytes: u64,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr, authorization: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).with_context(|| format!("failed to connect to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_mins(2)))?;
        Ok(Self {
            stream: BufReader::with_capacity(64 << 10, stream),
            authorization: authorization.to_owned(),
            buffer: vec![0; KEPT_BYTES],
            rest: vec![0; KEPT_BYTES],
            head: String::new(),
        })
    }

    /// Sends a request and reads its answer to the end.
    pub(crate) fn send(&mut self, method: &str, path: &str, headers: &str, body: &[u8]) -> Result<Answer> {
        self.send_parts(method, path, headers, body.len() as u64, |stream| Ok(stream.write_all(body)?))
    }

    /// As [`Connection::send`], with a body that is written piece by piece.
    pub(crate) fn send_parts(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        length: u64,
        write: impl FnOnce(&mut TcpStream) -> Result<()>,
    ) -> Result<Answer> {
        let length =
            if length > 0 || method != "GET" { format!("Content-Length: {length}\r\n") } else { String::new() };
        let head = format!("{method} {path} HTTP/1.1\r\nHost: bench\r\n{}{headers}{length}\r\n", self.authorization);
        let stream = self.stream.get_mut();
        stream.write_all(head.as_bytes())?;
        write(stream)?;
        self.read_answer(method == "HEAD")
    }

    /// Sends a request and fails unless its answer has the status.
    pub(crate) fn expect(
        &mut self,
        status: u16,
        method: &str,
        path: &str,
        headers: &str,
        body: &[u8],
    ) -> Result<Answer> {
        let answer = self.send(method, path, headers, body)?;
        if answer.status != status {
            let text = String::from_utf8_lossy(self.last_body(answer.body_bytes.min(512))).into_owned();
            bail!("{method} {path} was answered {} instead of {status}: {text}", answer.status);
        }
        Ok(answer)
    }

    /// Returns the start of the last answer's body: as much of it as is kept.
    pub(crate) fn last_body(&self, bytes: u64) -> &[u8] {
        &self.buffer[..usize::try_from(bytes).unwrap_or(usize::MAX).min(self.buffer.len())]
    }

    fn read_answer(&mut self, is_head: bool) -> Result<Answer> {
        self.head.clear();
        self.stream.read_line(&mut self.head)?;
        let status: u16 = self.head.split(' ').nth(1).context("the answer has no status line")?.parse()?;
        let (mut length, mut is_chunked, mut location) = (None, false, None);
        loop {
            self.head.clear();
            if self.stream.read_line(&mut self.head)? == 0 {
                bail!("the connection was closed in the middle of an answer");
            }
            let Some((name, value)) = self.head.trim_end().split_once(':') else { break };
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = Some(value.parse::<u64>()?),
                "transfer-encoding" => is_chunked = value.eq_ignore_ascii_case("chunked"),
                "location" => location = Some(path_of(value).to_owned()),
                _ => {}
            }
        }
        let has_body = !is_head && status >= 200 && status != 204 && status != 304;
        let body_bytes = match (has_body, is_chunked, length) {
            (false, ..) => 0,
            (true, true, _) => self.read_chunks()?,
            (true, false, length) => self.read_part(0, length.unwrap_or(0))?,
        };
        Ok(Answer { status, location, body_bytes })
    }

    /// Reads a part of a body that begins after some bytes of it.
    fn read_part(&mut self, begin: u64, length: u64) -> Result<u64> {
        let mut left = length;
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(usize::MAX);
            let at = usize::try_from(begin + length - left).unwrap_or(usize::MAX).min(KEPT_BYTES);
            let kept = &mut self.buffer[at..];
            let into = if kept.is_empty() { &mut self.rest[..] } else { kept };
            let most = most.min(into.len());
            let read = self.stream.read(&mut into[..most])?;
            if read == 0 {
                bail!("the connection was closed {left} bytes before the end of a body");
            }
            left -= read as u64;
        }
        Ok(length)
    }

    fn read_chunks(&mut self) -> Result<u64> {
        let mut total = 0;
        loop {
            self.head.clear();
            self.stream.read_line(&mut self.head)?;
            let length = u64::from_str_radix(self.head.trim(), 16).context("a chunk has no length")?;
            total += self.read_part(total, length)?;
            self.head.clear();
            self.stream.read_line(&mut self.head)?;
            if length == 0 {
                return Ok(total);
            }
        }
    }
}

/// Returns the path of a location that may be absolute.
fn path_of(location: &str) -> &str {
    match location.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => location,
    }
}
