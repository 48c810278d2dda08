//! Somebody who passes bytes on and listens: for readers that do not tell what they were sent.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::decoders::encoding_in;

const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// Stands before a server until it is dropped.
pub struct Relay {
    /// The address by way of the relay.
    pub url: String,
    /// What the first answer on each connection began with.
    heads: Arc<Mutex<Vec<String>>>,
    _connections: JoinSet<()>,
}

impl Relay {
    /// Stands before the server of this address.
    pub async fn start(url: &str) -> Self {
        let authority = url.trim_start_matches("http://").split('/').next().expect("an authority").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
        let address = listener.local_addr().expect("an address").to_string();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let mut connections = JoinSet::new();
        let url = url.replacen(&authority, &address, 1);
        let heard = Arc::clone(&heads);
        connections.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                open.spawn(pass_on(client, authority.clone(), Arc::clone(&heard)));
            }
        });
        Self { url, heads, _connections: connections }
    }

    /// The `Content-Encoding` of the first answers, if they have the same.
    pub fn encoding(&self) -> String {
        let heads = self.heads.lock().expect("nobody panicked");
        let mut encodings: Vec<_> = heads.iter().map(|head| encoding_in(head)).collect();
        encodings.dedup();
        encodings.join(" and ")
    }
}

/// Passes on what two sides say until one of them ends.
async fn pass_on(client: TcpStream, server: String, heads: Arc<Mutex<Vec<String>>>) {
    let server = TcpStream::connect(server).await.expect("the server");
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let asked = tokio::io::copy(&mut from_client, &mut to_server);
    let answered = async {
        let (mut head, mut is_whole) = (Vec::new(), false);
        let mut bytes = vec![0; 64 << 10];
        while let Ok(length @ 1..) = from_server.read(&mut bytes).await {
            if !is_whole {
                head.extend_from_slice(&bytes[..length]);
                if let Some(end) = head.windows(END_OF_HEAD.len()).position(|four| four == END_OF_HEAD) {
                    is_whole = true;
                    let head = String::from_utf8_lossy(&head[..end]).into_owned();
                    // Heard before it is passed on: whoever has the answer may ask for its head.
                    heads.lock().expect("nobody panicked").push(head);
                }
            }
            if to_client.write_all(&bytes[..length]).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        _ = asked => {}
        () = answered => {}
    }
}
