//! A client that does exactly what it is told, also half a request: HTTP/1.1 over one connection, opened again when needed.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Nothing that is asked here takes a tenth of this.
const READ_DEADLINE: Duration = Duration::from_mins(2);

/// A name and a secret, as Basic authentication sends them.
#[derive(Clone, Debug)]
pub(crate) struct Credentials(String);

impl Credentials {
    pub(crate) fn new(name: &str, secret: &str) -> Self {
        Self(format!("Basic {}", STANDARD.encode(format!("{name}:{secret}"))))
    }
}

pub(crate) struct Client {
    address: String,
    credentials: Option<Credentials>,
    connection: Option<BufReader<TcpStream>>,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Returns the answer, which must have this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }
}

impl Client {
    pub(crate) fn new(address: &str, credentials: Option<&Credentials>) -> Self {
        Self { address: address.to_owned(), credentials: credentials.cloned(), connection: None }
    }

    pub(crate) fn get(&mut self, path: &str) -> io::Result<Answer> {
        self.send("GET", path, &[], b"")
    }

    pub(crate) fn post_json(&mut self, path: &str, body: &serde_json::Value) -> io::Result<Answer> {
        self.send("POST", path, &[("Content-Type", "application/json")], body.to_string().as_bytes())
    }

    /// Sends a request and reads its answer. An error leaves open whether the request was carried out.
    pub(crate) fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Answer> {
        let length = body.len().to_string();
        let headers: Vec<_> = headers.iter().copied().chain([("Content-Length", length.as_str())]).collect();
        self.begin(method, path, &headers)?;
        self.push(body)?;
        self.answer(method)
    }

    /// Sends a request's head.
    pub(crate) fn begin(&mut self, method: &str, path: &str, headers: &[(&str, &str)]) -> io::Result<()> {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.address);
        if let Some(Credentials(value)) = &self.credentials {
            head.extend(["Authorization: ", value, "\r\n"]);
        }
        for (name, value) in headers {
            head.extend([*name, ": ", *value, "\r\n"]);
        }
        head += "\r\n";
        self.push(head.as_bytes())
    }

    /// Sends bytes as they are.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        let connection = if let Some(connection) = &mut self.connection {
            connection
        } else {
            let stream = TcpStream::connect(&self.address)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(READ_DEADLINE))?;
            self.connection.insert(BufReader::new(stream))
        };
        let sent = connection.get_mut().write_all(bytes);
        if sent.is_err() {
            self.connection = None;
        }
        sent
    }

    /// Reads the answer to a request.
    pub(crate) fn answer(&mut self, method: &str) -> io::Result<Answer> {
        let Some(mut connection) = self.connection.take() else { return Err(io::ErrorKind::NotConnected.into()) };
        let answer = read_answer(&mut connection, method == "HEAD")?;
        if answer.header("connection") != Some("close") {
            self.connection = Some(connection);
        }
        Ok(answer)
    }
}

fn read_answer(connection: &mut BufReader<TcpStream>, is_head: bool) -> io::Result<Answer> {
    let status_line = read_line(connection)?;
    let status = status_line.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| io::Error::other(format!("no status line: {status_line}")))?;
    let mut headers = Vec::new();
    loop {
        let line = read_line(connection)?;
        match line.split_once(':') {
            Some((name, value)) => headers.push((name.to_owned(), value.trim().to_owned())),
            None => break,
        }
    }
    let mut answer = Answer { status, headers, body: Vec::new() };
    if is_head || matches!(status, 204 | 304) {
        return Ok(answer);
    }
    if answer.header("transfer-encoding") == Some("chunked") {
        loop {
            let size = read_line(connection)?;
            let size = usize::from_str_radix(&size, 16).map_err(io::Error::other)?;
            let start = answer.body.len();
            answer.body.resize(start + size, 0);
            connection.read_exact(&mut answer.body[start..])?;
            read_line(connection)?;
            if size == 0 {
                return Ok(answer);
            }
        }
    }
    let length = answer.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    answer.body.resize(length, 0);
    connection.read_exact(&mut answer.body)?;
    Ok(answer)
}

fn read_line(connection: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = String::new();
    if connection.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}
