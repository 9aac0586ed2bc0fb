//! Requests at a given rate over many connections, by one thread: it shares the machine's cores with the server that is
//! measured, and a thread for each connection would mostly measure the scheduler.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::event::{Timespec, epoll};

use super::load::{Outcome, summarize};

/// How long an answer may take before the measurement is given up.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
    /// When the request that runs was due.
    due: Instant,
}

/// Sends `count` times the same `GET`, `per_second` for all connections together, and reads each answer to its end. A late
/// one counts from when it was due.
pub(crate) fn run(
    address: SocketAddr,
    request: &str,
    connections: usize,
    count: usize,
    per_second: f64,
) -> Result<Outcome> {
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let mut clients = Vec::with_capacity(connections);
    for number in 0..connections {
        let stream = TcpStream::connect(address).with_context(|| format!("failed to connect to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        epoll::add(&poll, &stream, epoll::EventData::new_u64(number as u64), epoll::EventFlags::IN)?;
        clients.push(Connection { stream, received: Vec::new(), due: Instant::now() });
    }
    let mut idle: VecDeque<usize> = (0..connections).collect();
    let mut times = Vec::with_capacity(count);
    let mut events = Vec::with_capacity(connections);
    let begin = Instant::now();
    let due_at = |index: usize| begin + Duration::from_secs_f64(index as f64 / per_second);
    let mut sent = 0;
    while times.len() < count {
        while sent < count && due_at(sent) <= Instant::now() {
            let Some(number) = idle.pop_front() else { break };
            let client = &mut clients[number];
            client.due = due_at(sent);
            // A request of a few hundred bytes fits into the buffer of a connection at rest.
            client.stream.write_all(request.as_bytes())?;
            sent += 1;
        }
        let waits = sent < count && !idle.is_empty();
        let wait = if waits { due_at(sent).saturating_duration_since(Instant::now()) } else { ANSWER_TIMEOUT };
        let timeout = Timespec::try_from(wait).context("the pause is too long")?;
        events.clear();
        epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), Some(&timeout))?;
        ensure!(waits || !events.is_empty(), "an answer did not come within {ANSWER_TIMEOUT:?}");
        for event in &events {
            let number = usize::try_from(event.data.u64())?;
            let client = &mut clients[number];
            if client.receive()? {
                times.push(client.due.elapsed());
                idle.push_back(number);
            }
        }
    }
    summarize(times, begin.elapsed())
}

impl Connection {
    /// Reads what is there; tells whether the answer is complete.
    fn receive(&mut self) -> Result<bool> {
        let mut buffer = [0; 16 << 10];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => bail!("the server closed a connection"),
                Ok(count) => self.received.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        let Some(length) = answer_length(&self.received)? else { return Ok(false) };
        ensure!(self.received.len() <= length, "more came than was asked for");
        let is_complete = self.received.len() == length;
        if is_complete {
            self.received.clear();
        }
        Ok(is_complete)
    }
}

/// Returns the length of an answer with its head, once that has come.
fn answer_length(received: &[u8]) -> Result<Option<usize>> {
    let Some(end) = received.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&received[..end])?;
    ensure!(head.starts_with("HTTP/1.1 200 "), "the answer is not 200: {head}");
    let header = head.lines().filter_map(|line| line.split_once(':'));
    let mut length = header.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let (_, length) = length.next().context("the answer does not say its length")?;
    Ok(Some(end + 4 + length.trim().parse::<usize>()?))
}
