use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What a publisher has under a path, and how it misbehaves.
#[derive(Clone, Default)]
pub(crate) struct Page {
    pub(crate) bytes: Vec<u8>,
    pub(crate) etag: &'static str,
    /// Headers besides.
    pub(crate) headers: String,
    pub(crate) fault: Fault,
}

#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) enum Fault {
    #[default]
    None,
    /// Breaks off after so many bytes, each time.
    CutAfter(usize),
    /// Promises so many bytes less than it has.
    Short(usize),
    /// Says nothing after so many bytes of the whole.
    SilentAfter(usize),
    /// Points elsewhere.
    Redirect(String),
    /// Refuses.
    Status(&'static str),
}

/// A publisher on loopback: `ETag`s, ranges, faults.
pub(crate) struct Server {
    pub(crate) address: String,
    pages: Arc<Mutex<BTreeMap<String, Page>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (pages, asked) = (Arc::default(), Arc::default());
        let shared = (Arc::clone(&pages), Arc::clone(&asked));
        tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                tokio::spawn(answer(socket, Arc::clone(&shared.0), Arc::clone(&shared.1)));
            }
        });
        Self { address, pages, asked }
    }

    pub(crate) fn put(&self, path: &str, page: Page) {
        self.pages.lock().unwrap().insert(path.to_owned(), page);
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Returns what was asked since it was asked last: the status with which it was answered, and the request.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

async fn answer(
    mut socket: TcpStream,
    pages: Arc<Mutex<BTreeMap<String, Page>>>,
    asked: Arc<Mutex<Vec<String>>>,
) -> Option<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(socket.read_u8().await.ok()?);
    }
    let request = String::from_utf8(request).ok()?;
    let mut words = request.split(' ');
    let (method, path) = (words.next()?, words.next()?);
    let header = |name: &str| request.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let page = pages.lock().unwrap().get(path).cloned();
    let page = page.unwrap_or_else(|| Page { fault: Fault::Status("404 Not Found"), ..Page::default() });
    let Page { bytes, etag, headers, fault } = page;
    let is_same = !etag.is_empty() && header("if-none-match") == Some(etag);
    let from = header("range").filter(|_| header("if-range") == Some(etag));
    let from = from.and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    let (status, extra, body) = match (&fault, from) {
        (Fault::Redirect(to), _) => ("302 Found", format!("location: {to}\r\n"), &[][..]),
        (Fault::Status(status), _) => (*status, String::new(), &[][..]),
        _ if is_same => ("304 Not Modified", String::new(), &[][..]),
        (_, Some(from)) => {
            let range = format!("content-range: bytes {from}-{}/{}\r\n", bytes.len() - 1, bytes.len());
            ("206 Partial Content", range, &bytes[from..])
        }
        (_, None) => ("200 OK", String::new(), &bytes[..]),
    };
    asked.lock().unwrap().push(format!("{} {method} {path} {}", &status[..3], from.unwrap_or_default()));
    let length = match fault {
        Fault::Short(by) => body.len() - by,
        _ => body.len(),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\netag: {etag}\r\n{headers}{extra}content-length: {length}\r\nconnection: close\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await.ok()?;
    if method == "HEAD" {
        return Some(());
    }
    let sent = match fault {
        Fault::CutAfter(count) => &body[..count.min(body.len())],
        Fault::SilentAfter(count) => &body[..count.saturating_sub(from.unwrap_or_default()).min(body.len())],
        _ => body,
    };
    socket.write_all(sent).await.ok()?;
    if matches!(fault, Fault::SilentAfter(_)) {
        // Until the client hangs up.
        let _hung_up = socket.read_u8().await;
    }
    socket.shutdown().await.ok()
}
