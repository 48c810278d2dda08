//! Readers of a page: programs and libraries that ask for gzip and decode it, each in its own way.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use super::page::RUNTIME;
use super::relay::Relay;
use crate::components;
use crate::test_app::{PATIENCE, http, http_without_gzip, within_patience};

/// What a reader made of an answer.
#[derive(Debug)]
pub struct Decoded {
    /// The `Content-Encoding` that the reader was sent, empty for none.
    pub encoding: String,
    pub body: String,
}

/// Reads an address with an `Accept` header.
pub type Reader = Box<dyn Fn(&str, &str) -> Result<Decoded, String>>;

/// An answer as it was sent.
#[derive(Debug)]
pub struct Sent {
    pub encoding: String,
    /// The `Content-Length`.
    pub promised: Option<usize>,
    pub body: Vec<u8>,
}

/// Asks without decoding anything.
pub fn sent(url: &str, accept: &str, accepted_encoding: &str) -> Result<Sent, String> {
    let request =
        http_without_gzip().get(url).header("accept", accept).header("accept-encoding", accepted_encoding);
    let answer = within_patience("an answer", async {
        let answer = request.send().await?.error_for_status()?;
        let header = |name| answer.headers().get(name).and_then(|value| value.to_str().ok());
        let encoding = header("content-encoding").unwrap_or_default().to_owned();
        let promised = header("content-length").and_then(|length| length.parse().ok());
        Ok(Sent { encoding, promised, body: answer.bytes().await?.to_vec() })
    });
    RUNTIME.block_on(answer).map_err(|error: reqwest::Error| format!("{error:?}"))
}

/// A decoder that knows one member only, and would leave a second one behind.
pub fn flate2() -> Reader {
    Box::new(|url, accept| {
        let sent = sent(url, accept, "gzip")?;
        let mut decoder = flate2::bufread::GzDecoder::new(sent.body.as_slice());
        let mut body = String::new();
        decoder.read_to_string(&mut body).map_err(|error| error.to_string())?;
        match decoder.into_inner().len() {
            0 => Ok(Decoded { encoding: sent.encoding, body }),
            left => Err(format!("{left} bytes are left behind the member")),
        }
    })
}

/// What the exporter itself reads Losant with. It hides the header of what it decodes, so somebody listens.
pub fn reqwest() -> Reader {
    Box::new(|url, accept| {
        let read = async {
            let relay = Relay::start(url).await;
            let answer = http().get(&relay.url).header("accept", accept).send().await?.error_for_status()?;
            Ok(Decoded { body: answer.text().await?, encoding: relay.encoding() })
        };
        let read = RUNTIME.block_on(within_patience("an answer", read));
        read.map_err(|error: reqwest::Error| format!("{error:?}"))
    })
}

pub fn curl() -> Option<Reader> {
    let curl = components::program("curl")?;
    Some(Box::new(move |url, accept| {
        let folder = tempfile::tempdir().expect("a folder");
        let (head, body) = (folder.path().join("head"), folder.path().join("body"));
        let mut command = Command::new(&curl);
        // Without the settings of whoever runs this, which only the first word can ask for.
        command.args(["--disable", "--silent", "--show-error", "--fail", "--compressed"]);
        command.arg("--max-time").arg(PATIENCE.as_secs().to_string());
        command.arg("--header").arg(format!("Accept: {accept}"));
        command.arg("--dump-header").arg(&head).arg("--output").arg(&body).arg(url);
        run(&mut command)?;
        let head = fs::read_to_string(head).expect("a head");
        Ok(Decoded { encoding: encoding_in(&head), body: text(fs::read(body).expect("a body"))? })
    }))
}

pub fn wget() -> Option<Reader> {
    let wget = components::program("wget")?;
    Some(Box::new(move |url, accept| {
        let (encoding, body) = saved_by_wget(&wget, url, accept, "--compression=auto")?;
        Ok(Decoded { encoding, body: text(body)? })
    }))
}

/// wget asks for gzip without knowing what it is, and gzip decodes the file.
pub fn wget_and_gzip() -> Option<Reader> {
    let (wget, gzip) = (components::program("wget")?, components::program("gzip")?);
    Some(Box::new(move |url, accept| {
        let (encoding, body) = saved_by_wget(&wget, url, accept, "--header=Accept-Encoding: gzip")?;
        Ok(Decoded { encoding, body: decoded_by_gzip(&gzip, &body)? })
    }))
}

pub fn gzip() -> Option<Reader> {
    let gzip = components::program("gzip")?;
    Some(Box::new(move |url, accept| {
        let sent = sent(url, accept, "gzip")?;
        Ok(Decoded { encoding: sent.encoding, body: decoded_by_gzip(&gzip, &sent.body)? })
    }))
}

/// `client` is one of those that the script knows.
pub fn python(client: &'static str) -> Option<Reader> {
    let python = components::python_with(client)?;
    Some(by_program(vec![python, source("read.py"), client.into()]))
}

/// `client` is one of those that the script knows.
pub fn node(client: &'static str) -> Option<Reader> {
    let node = components::program("node")?;
    Some(by_program(vec![node, source("read.mjs"), client.into()]))
}

/// `client` is one of those that the program knows.
pub fn go(client: &'static str) -> Option<Reader> {
    let go = components::program("go")?;
    Some(by_program(vec![built_by_go(&go).to_owned(), client.into()]))
}

/// The Go program, built once. What the compiler keeps is next to what else tests need.
fn built_by_go(go: &Path) -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let cache = Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/go");
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("read-by-go");
        let mut command = Command::new(go);
        command.args(["build", "-o"]).arg(&program).arg(source("read.go"));
        command.env("GOCACHE", cache.join("build")).env("GOPATH", cache.join("path"));
        // One file that needs the standard library, and neither a module, a C compiler nor another Go.
        command.env("GO111MODULE", "off").env("CGO_ENABLED", "0").env("GOTOOLCHAIN", "local");
        command.env("GOENV", "off").env("GOFLAGS", "");
        run(&mut command).expect("it builds");
        program
    })
}

/// A program that takes an address and an `Accept` header, writes the body, and names the encoding among the errors.
fn by_program(command: Vec<PathBuf>) -> Reader {
    Box::new(move |url, accept| {
        let output = run(Command::new(&command[0]).args(&command[1..]).args([url, accept]))?;
        let encoding = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Ok(Decoded { encoding, body: text(output.stdout)? })
    })
}

fn saved_by_wget(wget: &Path, url: &str, accept: &str, option: &str) -> Result<(String, Vec<u8>), String> {
    let folder = tempfile::tempdir().expect("a folder");
    let body = folder.path().join("body");
    let mut command = Command::new(wget);
    // Without the settings of whoever runs this.
    command.args(["--no-config", "--no-verbose", "--server-response", "--tries=1", option]);
    command.arg(format!("--timeout={}", PATIENCE.as_secs()));
    command.arg(format!("--header=Accept: {accept}"));
    command.arg("--output-document").arg(&body).arg(url);
    let output = run(&mut command)?;
    let encoding = encoding_in(&String::from_utf8_lossy(&output.stderr));
    Ok((encoding, fs::read(body).expect("a body")))
}

fn decoded_by_gzip(gzip: &Path, body: &[u8]) -> Result<String, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("body.gz");
    fs::write(&file, body).expect("a file");
    run(Command::new(gzip).arg("-t").arg(&file))?;
    text(run(Command::new(gzip).arg("-dc").arg(&file))?.stdout)
}

/// The `Content-Encoding` in a head as it is sent, empty for none.
pub fn encoding_in(head: &str) -> String {
    let values = head.lines().filter_map(|line| line.split_once(':'));
    let mut values = values.filter(|(name, _)| name.trim().eq_ignore_ascii_case("content-encoding"));
    values.next().map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
}

/// Runs a program to its end. What it says is an error when it fails.
fn run(command: &mut Command) -> Result<Output, String> {
    // Nothing here is beyond loopback, whatever proxy there may be.
    command.env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1").stdin(Stdio::null());
    let output = command.output().expect("it starts");
    if output.status.success() {
        return Ok(output);
    }
    Err(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)))
}

/// A file next to this one.
pub fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/readers").join(name)
}

fn text(body: Vec<u8>) -> Result<String, String> {
    String::from_utf8(body).map_err(|error| error.to_string())
}
