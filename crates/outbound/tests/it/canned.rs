use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Answers each connection with the next text and keeps what was asked.
pub(crate) struct Canned {
    pub(crate) address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Canned {
    pub(crate) async fn new(answers: Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        tokio::spawn(async move {
            for answer in answers {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut request = vec![0; 64 << 10];
                let length = socket.read(&mut request).await.unwrap();
                log.lock().unwrap().push(String::from_utf8_lossy(&request[..length]).into_owned());
                // The client may hang up first, as it does when an answer is too long.
                let _hung_up = socket.write_all(answer.as_bytes()).await;
                let _hung_up = socket.shutdown().await;
            }
        });
        Self { address, asked }
    }

    /// Answers one connection with a text that never comes to its end.
    pub(crate) async fn silent(answer: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let _asked = socket.read(&mut vec![0; 64 << 10]).await.unwrap();
            socket.write_all(answer.as_bytes()).await.unwrap();
            // Reads until the client hangs up.
            let mut rest = Vec::new();
            let _hung_up = socket.read_to_end(&mut rest).await;
        });
        Self { address, asked: Arc::default() }
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

pub(crate) fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}
