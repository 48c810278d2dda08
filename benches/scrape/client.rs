//! A client that takes a page of metrics off the wire and does nothing with it.
//!
//! It neither unpacks nor reads what it gets: what it measures is the server, and the loopback between them.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use losant_exporter::clock::Clock;

/// How much is taken off the wire at once, at most.
const BUFFER: usize = 256 * 1_024;

/// Longer than any server takes to begin its answer.
const PATIENCE: Duration = Duration::from_secs(180);

/// What scrapers ask for here: the format that every server knows.
pub const TEXT: &str = "text/plain;version=0.0.4";

/// How the body may travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    Gzip,
    Plain,
}

impl Coding {
    pub const ALL: [Self; 2] = [Self::Gzip, Self::Plain];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Plain => "plain",
        }
    }

    /// A request for `path`, as a scraper writes it.
    pub fn request(self, path: &str, accept: &str) -> String {
        let coding = match self {
            Self::Gzip => "Accept-Encoding: gzip\r\n",
            Self::Plain => "",
        };
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\n{coding}\r\n")
    }
}

/// One answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    /// From before the first byte of the request until behind the last one of the body.
    pub took: Duration,
    /// Bytes of the body on the wire, without the framing of chunks.
    pub bytes: u64,
    pub is_gzip: bool,
    pub content_type: String,
}

/// A client of one server. Keeps its connection for as long as the server does.
pub struct Client {
    address: SocketAddr,
    connection: Option<BufReader<TcpStream>>,
    clock: Clock,
}

impl Client {
    pub fn of(address: SocketAddr) -> Self {
        Self { address, connection: None, clock: Clock::system() }
    }

    /// The server that it asks.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// A scrape whose body is dropped.
    pub fn scrape(&mut self, coding: Coding) -> Answer {
        let answer = self.get("/metrics", coding, TEXT, |_| ());
        assert_eq!(answer.status, 200, "{answer:?}");
        answer
    }

    /// A scrape whose body is kept.
    pub fn page(&mut self, coding: Coding, accept: &str) -> (Answer, Vec<u8>) {
        let mut body = Vec::new();
        let answer = self.get("/metrics", coding, accept, |piece| body.extend_from_slice(piece));
        assert_eq!(answer.status, 200, "{answer:?}");
        (answer, body)
    }

    /// Any request. `take` gets the body piece by piece.
    pub fn get(&mut self, path: &str, coding: Coding, accept: &str, mut take: impl FnMut(&[u8])) -> Answer {
        let request = coding.request(path, accept);
        loop {
            let was_used = self.connection.is_some();
            let started = self.clock.uptime();
            match self.exchange(&request, &mut take) {
                Ok(answer) => return Answer { took: self.clock.uptime().saturating_sub(started), ..answer },
                // The server has ended an idle connection meanwhile, as it may: the scrape begins again on a new one.
                Err(Broken::BeforeAnswer(_)) if was_used => self.connection = None,
                Err(Broken::BeforeAnswer(error) | Broken::Within(error)) => {
                    panic!("no answer from {}: {error}", self.address)
                }
            }
        }
    }

    fn exchange(&mut self, request: &str, take: &mut impl FnMut(&[u8])) -> Result<Answer, Broken> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect(self.address).map_err(Broken::BeforeAnswer)?,
        };
        let head = ask(&mut connection, request).map_err(Broken::BeforeAnswer)?;
        let length = head.text("content-length").map(|length| length.parse().expect("a length"));
        let bytes = if head.holds("transfer-encoding", "chunked") {
            take_chunks(&mut connection, take)
        } else {
            take_bytes(&mut connection, length.unwrap_or(u64::MAX), take)
        };
        let bytes = bytes.map_err(Broken::Within)?;
        assert!(length.is_none_or(|length| length == bytes), "{bytes} of {length:?} bytes");
        if head.keeps_connection() {
            self.connection = Some(connection);
        }
        Ok(Answer {
            status: head.status(),
            took: Duration::ZERO,
            bytes,
            is_gzip: head.holds("content-encoding", "gzip"),
            content_type: head.text("content-type").unwrap_or_default().to_owned(),
        })
    }
}

enum Broken {
    BeforeAnswer(std::io::Error),
    Within(std::io::Error),
}

fn connect(address: SocketAddr) -> std::io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(BufReader::with_capacity(BUFFER, stream))
}

/// Sends the request and reads the head of the answer.
fn ask(connection: &mut BufReader<TcpStream>, request: &str) -> std::io::Result<Head> {
    connection.get_mut().write_all(request.as_bytes())?;
    let mut head = Head(Vec::new());
    loop {
        let line = line(connection)?;
        if line.is_empty() {
            return Ok(head);
        }
        head.0.push(line);
    }
}

fn line(connection: &mut impl BufRead) -> std::io::Result<String> {
    let mut line = String::new();
    if connection.read_line(&mut line)? == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    line.truncate(line.trim_end().len());
    Ok(line)
}

/// Takes `most` bytes, or all until the end.
fn take_bytes(
    connection: &mut impl BufRead,
    most: u64,
    take: &mut impl FnMut(&[u8]),
) -> std::io::Result<u64> {
    let mut connection = connection.take(most);
    let mut taken = 0;
    loop {
        let piece = connection.fill_buf()?;
        let length = piece.len();
        if length == 0 {
            return Ok(taken);
        }
        take(piece);
        connection.consume(length);
        taken += length as u64;
    }
}

fn take_chunks(connection: &mut impl BufRead, take: &mut impl FnMut(&[u8])) -> std::io::Result<u64> {
    let mut taken = 0;
    loop {
        let size = line(connection)?;
        let size = size.split(';').next().unwrap_or_default();
        let size = u64::from_str_radix(size, 16).map_err(std::io::Error::other)?;
        taken += take_bytes(connection, size, take)?;
        line(connection)?;
        if size == 0 {
            return Ok(taken);
        }
    }
}

/// The head of an answer, line by line.
struct Head(Vec<String>);

impl Head {
    fn status(&self) -> u16 {
        self.0[0].split(' ').nth(1).expect("a status").parse().expect("a number")
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().skip(1).find_map(|line| {
            let (header, text) = line.split_once(':')?;
            header.eq_ignore_ascii_case(name).then(|| text.trim())
        })
    }

    fn holds(&self, name: &str, what: &str) -> bool {
        self.text(name).is_some_and(|text| text.to_ascii_lowercase().contains(what))
    }

    fn keeps_connection(&self) -> bool {
        !self.holds("connection", "close")
            && (self.0[0].starts_with("HTTP/1.1") || self.holds("connection", "keep-alive"))
            && (self.text("content-length").is_some() || self.text("transfer-encoding").is_some())
    }
}
