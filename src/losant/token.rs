//! The access token, and where it comes from.

use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use jiff::Timestamp;
use reqwest::header::HeaderValue;

/// Longest token that is believed to be one, in bytes. Servers refuse longer headers.
const LONGEST: usize = 16 * 1024;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// So many characters of a token give it away.
const SHORTEST_SECRET: usize = 12;

/// A Losant access token. Never shown: not by `Debug`, and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    header: HeaderValue,
}

impl Token {
    const SCHEME: &str = "Bearer ";

    /// Takes a token. White space around it is ignored, since files end in a line feed.
    pub fn new(text: &str) -> Result<Self, TokenProblem> {
        let text = text.trim();
        if text.is_empty() {
            return Err(TokenProblem::Empty);
        }
        if text.len() > LONGEST {
            return Err(TokenProblem::TooLong);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenProblem::NotAToken);
        }
        let mut header =
            HeaderValue::from_str(&format!("{}{text}", Self::SCHEME)).map_err(|_| TokenProblem::NotAToken)?;
        header.set_sensitive(true);
        Ok(Self { header })
    }

    /// Takes the token out of foreign text: something between here and Losant may echo what it was sent. Also what is left
    /// of one that was cut off.
    pub(super) fn hide_in(&self, text: &str) -> String {
        let token = self.header.to_str().unwrap_or_default();
        let token = token.strip_prefix(Self::SCHEME).unwrap_or_default();
        let Some(beginning) = token.get(..token.len().min(SHORTEST_SECRET)).filter(|text| !text.is_empty())
        else {
            return text.to_owned();
        };
        let (mut hidden, mut rest) = (String::new(), text);
        while let Some(place) = rest.find(beginning) {
            let (before, found) = rest.split_at(place);
            let end = found.find(|c: char| !(c.is_ascii_alphanumeric() || "._-~+/=".contains(c)));
            hidden = hidden + before + "[redacted]";
            rest = found.get(end.unwrap_or(found.len()).max(beginning.len())..).unwrap_or_default();
        }
        hidden + rest
    }

    /// When it expires, if it is a JWT that says so. Losant's tokens do not expire unless a date was chosen.
    pub fn expires_at(&self) -> Option<Timestamp> {
        #[derive(serde::Deserialize)]
        struct Claims {
            exp: f64,
        }
        let token = self.header.to_str().ok()?.strip_prefix(Self::SCHEME)?;
        let payload = BASE64.decode(token.split('.').nth(1)?).ok()?;
        let claims: Claims = serde_json::from_slice(&payload).ok()?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a cast from float saturates, and the timestamp checks"
        )]
        Timestamp::from_second(claims.exp as i64).ok()
    }

    /// The value of the `Authorization` header, marked as sensitive.
    pub(super) fn header(&self) -> HeaderValue {
        self.header.clone()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Why a text is not a token. Does not repeat the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenProblem {
    /// Nothing but white space.
    #[error("it is empty")]
    Empty,
    /// More than 16 KiB.
    #[error("it is longer than 16 KiB")]
    TooLong,
    /// Other characters than a token has.
    #[error("it holds characters other than visible ASCII")]
    NotAToken,
    /// The file cannot be read.
    #[error("{}", in_words(*.0))]
    Unreadable(ErrorKind),
}

fn in_words(kind: ErrorKind) -> String {
    match kind {
        ErrorKind::NotFound => "there is no such file".to_owned(),
        ErrorKind::PermissionDenied => "no permission to read it".to_owned(),
        ErrorKind::IsADirectory => "it is a directory".to_owned(),
        other => other.to_string(),
    }
}

/// A token that cannot be used, and where it was to come from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("token file {}: {problem}", path.display())]
pub struct TokenError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: TokenProblem,
}

/// Where the token comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenSource {
    /// A file, read again every now and then and when Losant stops accepting the token: that is how a mounted secret is
    /// rotated.
    File(PathBuf),
    /// This token.
    Fixed(Token),
}

impl TokenSource {
    /// Reads the token.
    pub fn read(&self) -> Result<Token, TokenError> {
        match self {
            Self::Fixed(token) => Ok(token.clone()),
            Self::File(path) => read_file(path).map_err(|problem| TokenError { path: path.clone(), problem }),
        }
    }
}

fn read_file(path: &Path) -> Result<Token, TokenProblem> {
    // White space around the token may not push a good one over the limit, an endless file may not fill memory.
    let limit = LONGEST as u64 + 1024;
    let mut content = Vec::new();
    File::open(path)
        .and_then(|file| file.take(limit).read_to_end(&mut content))
        .map_err(|error| TokenProblem::Unreadable(error.kind()))?;
    if content.len() as u64 == limit {
        return Err(TokenProblem::TooLong);
    }
    Token::new(str::from_utf8(&content).map_err(|_| TokenProblem::NotAToken)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn jwt(payload: &str) -> Token {
        Token::new(&format!("e30.{}.c2ln", base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(payload))).unwrap()
    }

    #[test]
    fn a_token_is_shown_nowhere() {
        let token = Token::new("hunter2").unwrap();
        for shown in [
            format!("{token:?}"),
            format!("{:?}", TokenSource::Fixed(token.clone())),
            format!("{:?}", token.header()),
        ] {
            assert!(!shown.contains("hunter2"), "{shown}");
        }
        assert_eq!(token.header().to_str().unwrap(), "Bearer hunter2");
    }

    #[test]
    fn white_space_around_a_token_is_ignored_and_within_it_refused() {
        assert_eq!(Token::new(" \n abc\r\n"), Token::new("abc"));
        assert_eq!(Token::new("a b"), Err(TokenProblem::NotAToken));
        assert_eq!(Token::new("a\nb"), Err(TokenProblem::NotAToken));
        assert_eq!(Token::new("tökén"), Err(TokenProblem::NotAToken));
        assert_eq!(Token::new("a\0"), Err(TokenProblem::NotAToken));
        assert_eq!(Token::new(" \n"), Err(TokenProblem::Empty));
        assert_eq!(Token::new(&"x".repeat(LONGEST + 1)), Err(TokenProblem::TooLong));
        assert!(Token::new(&"x".repeat(LONGEST)).is_ok());
    }

    #[test]
    fn expiry_is_what_a_jwt_claims() {
        assert_eq!(jwt(r#"{"exp":1767225600}"#).expires_at().unwrap().to_string(), "2026-01-01T00:00:00Z");
        assert_eq!(jwt(r#"{"exp":1767225600.5}"#).expires_at().unwrap().to_string(), "2026-01-01T00:00:00Z");
        for token in [
            jwt("{}"),
            jwt(r#"{"exp":"soon"}"#),
            jwt(r#"{"exp":1e300}"#),
            jwt("nonsense"),
            Token::new("a.!.c").unwrap(),
            Token::new("plain").unwrap(),
        ] {
            assert_eq!(token.expires_at(), None);
        }
    }

    #[test]
    fn a_bad_token_file_is_named_and_its_content_is_not() {
        let file = crate::losant::server::TempFile::new("hunter 2");
        let error = TokenSource::File(file.path().to_owned()).read().unwrap_err();
        assert_eq!(error.problem, TokenProblem::NotAToken);
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(file.path().to_str().unwrap()) && !shown.contains("hunter"), "{shown}");
        file.write(&"x".repeat(1 << 20));
        let error = TokenSource::File(file.path().to_owned()).read().unwrap_err();
        assert_eq!(error.problem, TokenProblem::TooLong);
        let missing = file.path().with_extension("missing");
        let error = TokenSource::File(missing).read().unwrap_err();
        assert_eq!(error.problem, TokenProblem::Unreadable(std::io::ErrorKind::NotFound));
    }

    proptest! {
        #[test]
        fn reading_the_expiry_never_panics(text in "[!-~]{1,80}", payload: Vec<u8>) {
            let _ = Token::new(&text).unwrap().expires_at();
            let middle = base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(payload);
            let _ = Token::new(&format!("a.{middle}.b")).unwrap().expires_at();
        }
    }

    #[test]
    fn a_token_is_taken_out_of_foreign_text_also_when_it_is_cut_off() {
        let token = Token::new("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln").unwrap();
        let hidden = |text: &str| token.hide_in(text);
        assert_eq!(
            hidden("<p>Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln</p>"),
            "<p>Bearer [redacted]</p>"
        );
        assert_eq!(hidden("got eyJhbGciOiJIUzI1Ni…"), "got [redacted]…");
        assert_eq!(hidden("nothing to hide: eyJ"), "nothing to hide: eyJ");
    }
}
