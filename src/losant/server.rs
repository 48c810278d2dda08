//! An HTTP server for tests: answers each request with the next line of a script, and remembers what it was asked.
//! By hand instead of with a framework, because most of what it has to do is break the protocol.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::clock::Clock;

/// What happens to a request.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// These bytes, then the end of the connection.
    Raw(Vec<u8>),
    /// Nothing, for ever.
    Hang,
    /// The end of the connection.
    Close,
}

impl Answer {
    pub(super) fn json(status: u16, body: &str) -> Self {
        Self::with(status, "content-type: application/json\r\n", body.as_bytes())
    }

    pub(super) fn with(status: u16, headers: &str, body: &[u8]) -> Self {
        let length = body.len();
        let mut raw = format!(
            "HTTP/1.1 {status} Test\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n"
        )
        .into_bytes();
        raw.extend_from_slice(body);
        Self::Raw(raw)
    }
}

/// One request as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// Request line and headers.
    pub(super) head: String,
    /// When, by the clock of the test.
    pub(super) uptime: Duration,
}

/// The server, until dropped.
pub(super) struct Server {
    pub(super) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    _tasks: JoinSet<()>,
}

impl Server {
    /// Answers with `script` in order, and with its last line from then on.
    pub(super) async fn start(clock: Clock, script: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, clock, script, Arc::clone(&asked)));
        Self { url, asked, _tasks: tasks }
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(listener: TcpListener, clock: Clock, script: Vec<Answer>, asked: Arc<Mutex<Vec<Asked>>>) {
    let mut hanging = Vec::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let head = read_head(&stream).await;
        let number = {
            let mut asked = asked.lock().unwrap();
            asked.push(Asked { head, uptime: clock.uptime() });
            asked.len() - 1
        };
        match &script[number.min(script.len() - 1)] {
            Answer::Raw(bytes) => write(&stream, bytes).await,
            Answer::Hang => hanging.push(stream),
            Answer::Close => {}
        }
    }
}

async fn read_head(stream: &TcpStream) -> String {
    let mut head = Vec::new();
    let mut chunk = [0; 4096];
    // A greeting in TLS starts with 0x16, and no line of HTTP will follow.
    while !head.ends_with(b"\r\n\r\n") && head.first() != Some(&0x16) {
        stream.readable().await.unwrap();
        match stream.try_read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => head.extend_from_slice(&chunk[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}

async fn write(stream: &TcpStream, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        stream.writable().await.unwrap();
        match stream.try_write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            // The client has read enough.
            Err(_) => return,
        }
    }
}

/// A file of its own for a test, gone afterwards.
pub(super) struct TempFile(PathBuf);

impl TempFile {
    pub(super) fn new(content: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("losant-exporter-test-{}-{number}", std::process::id());
        let file = Self(std::env::temp_dir().join(name));
        file.write(content);
        file
    }

    pub(super) fn write(&self, content: &str) {
        std::fs::write(&self.0, content).unwrap();
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
