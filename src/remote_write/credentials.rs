//! What a server wants to see before it takes samples.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::HeaderValue;

/// Longest secret that is believed to be one, in bytes. Servers refuse longer headers.
const LONGEST: usize = 16 * 1024;

/// What is shown to the server. Never shown to anybody else: not by `Debug`, and there is no `Display`.
#[derive(Clone)]
pub struct Credentials(Option<Secret>);

#[derive(Clone)]
struct Secret {
    header: HeaderValue,
    /// What must not come back to light: the secret, and how it is sent.
    forms: [String; 2],
}

/// Credentials that cannot be used. Names the file, and repeats nothing of it.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", path.display())]
pub struct CredentialsError {
    path: PathBuf,
    problem: String,
}

impl Credentials {
    /// None.
    pub const fn none() -> Self {
        Self(None)
    }

    /// A bearer token that stands in a file.
    pub fn bearer(file: &Path) -> Result<Self, CredentialsError> {
        let token = read(file)?;
        Self::new("Bearer ", token.clone(), token, file)
    }

    /// A user name, and a password that stands in a file.
    pub fn basic(username: &str, password_file: &Path) -> Result<Self, CredentialsError> {
        let password = read(password_file)?;
        let sent = BASE64_STANDARD.encode(format!("{username}:{password}"));
        Self::new("Basic ", sent, password, password_file)
    }

    /// Whether there are any.
    pub const fn is_none(&self) -> bool {
        self.0.is_none()
    }

    fn new(scheme: &str, sent: String, secret: String, file: &Path) -> Result<Self, CredentialsError> {
        let header = HeaderValue::from_str(&format!("{scheme}{sent}"));
        let mut header = header.map_err(|_| refusal(file, "it holds characters that cannot be sent"))?;
        header.set_sensitive(true);
        Ok(Self(Some(Secret { header, forms: [secret, sent] })))
    }

    pub(super) fn header(&self) -> Option<HeaderValue> {
        self.0.as_ref().map(|secret| secret.header.clone())
    }

    /// Takes the secret out of foreign text: something between here and the server may echo what it was sent.
    pub(super) fn hide_in(&self, text: &str) -> String {
        let forms = self.0.iter().flat_map(|secret| &secret.forms);
        forms.fold(text.to_owned(), |text, form| text.replace(form.as_str(), "[redacted]"))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_none() { "none" } else { "[redacted]" })
    }
}

fn refusal(path: &Path, problem: impl Into<String>) -> CredentialsError {
    CredentialsError { path: path.to_owned(), problem: problem.into() }
}

/// Reads a secret. White space around it is ignored, since files end in a line feed.
fn read(path: &Path) -> Result<String, CredentialsError> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(LONGEST as u64 + 1).read_to_string(&mut text));
    match read {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Err(refusal(path, "it is not text"));
        }
        Err(error) => return Err(refusal(path, error.to_string())),
        Ok(length) if length > LONGEST => return Err(refusal(path, "it is longer than 16 KiB")),
        Ok(_) => {}
    }
    let secret = text.trim();
    if secret.is_empty() { Err(refusal(path, "it is empty")) } else { Ok(secret.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        file
    }

    #[test]
    fn credentials_are_sent_and_shown_nowhere() {
        let bearer = Credentials::bearer(file("hunter2\n").path()).unwrap();
        assert_eq!(bearer.header().unwrap().to_str().unwrap(), "Bearer hunter2");
        let basic = Credentials::basic("me", file("hunter2").path()).unwrap();
        assert_eq!(basic.header().unwrap().to_str().unwrap(), "Basic bWU6aHVudGVyMg==");
        for credentials in [bearer, basic] {
            assert_eq!(
                format!("{credentials:?} {:?}", credentials.header().unwrap()),
                "[redacted] Sensitive"
            );
            assert!(!credentials.hide_in("you sent hunter2").contains("hunter2"));
        }
        assert!(Credentials::none().is_none() && Credentials::none().header().is_none());
    }

    #[test]
    fn a_bad_file_is_named_and_its_content_is_not() {
        for content in ["", " \n", "hunter\n2", &"hunter2".repeat(3_000)] {
            let file = file(content);
            let problem = Credentials::bearer(file.path()).unwrap_err().to_string();
            assert!(problem.starts_with(&file.path().display().to_string()), "{problem}");
            assert!(!problem.contains("hunter"), "{problem}");
        }
    }
}
