//! What stands in addresses: parameters of pages, the path of metrics, where to listen, where Losant is, where samples go.
//!
//! What is refused is refused in one short line, and secrets of URLs are never repeated. What the status page links to is what it
//! shows.

use losant_exporter::losant::BaseUrl;
use losant_exporter::metrics::Filter;
use losant_exporter::remote_write::Endpoint;
use losant_exporter::status::Query;
use losant_exporter::web::{ListenAddress, check_telemetry_path};

use crate::form;

/// Longer refusals than this are no help.
const LONGEST_REFUSAL: usize = 1_500;

/// Checks a text as all of these.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    query(text);
    paths(text);
    urls(text);
}

fn query(text: &str) {
    let pairs = form::pairs(text);
    let borrowed = || pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    match Query::parse(borrowed()) {
        Ok(query) => {
            let href = query.href();
            assert!(href.is_ascii() && !href.contains(['"', '<', '>', ' ']), "{href}");
            let linked = form::pairs(href.strip_prefix('?').unwrap_or_default());
            let again = Query::parse(linked.iter().map(|(name, value)| (name.as_str(), value.as_str())));
            assert_eq!(again.as_ref(), Ok(&query), "{href} leads elsewhere");
        }
        Err(error) => assert_refusal(&error.to_string()),
    }
    if let Err(error) = Filter::parse(borrowed()) {
        assert_refusal(&error.to_string());
    }
}

fn paths(text: &str) {
    match check_telemetry_path(text) {
        Ok(()) => {
            let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/-._~".contains(letter);
            assert!(text.starts_with('/') && text.len() > 1 && text.chars().all(is_plain), "{text:?}");
            // Another reader of URLs takes it for the same path.
            let base: Result<BaseUrl, _> = format!("http://localhost{text}").parse();
            assert_eq!(base.map(|url| url.to_string()), Ok(format!("http://localhost{text}")));
        }
        Err(error) => assert_refusal(&error.to_string()),
    }
    match text.parse::<ListenAddress>() {
        Ok(address) => assert_eq!(address.to_string().parse(), Ok(address)),
        Err(error) => assert_one_line(&error.to_string()),
    }
}

fn urls(text: &str) {
    const SECRET: &str = "hunter2hunter2";
    if let Ok(url) = text.parse::<BaseUrl>() {
        let shown = url.to_string();
        let host = shown.split_once("://").and_then(|(_, rest)| rest.split('/').next()).expect("a host");
        assert!(!host.contains('@') && !shown.contains(['?', '#', ' ']), "{shown}");
        assert_eq!(shown.parse(), Ok(url), "{shown} is another");
    }
    // Line breaks and tabs are no part of a URL: it is read as if they were not there. Hosts are in lower case.
    if text.replace(['\n', '\r', '\t'], "").to_lowercase().contains(SECRET) {
        return;
    }
    let mut with_secret = vec![format!("{text}?key={SECRET}"), format!("{text}#{SECRET}")];
    if let Some(rest) = text.strip_prefix("http://").or(text.strip_prefix("https://")) {
        with_secret.push(format!("https://me:{SECRET}@{rest}"));
    }
    for text in with_secret {
        let said = match text.parse::<BaseUrl>() {
            Ok(url) => format!("{url} {url:?}"),
            Err(error) => error.to_string(),
        };
        let shown = match text.parse::<Endpoint>() {
            Ok(url) => format!("{url} {url:?}"),
            Err(error) => error.to_string(),
        };
        assert!(!said.contains(SECRET) && !shown.contains(SECRET), "{said} {shown}");
    }
}

fn assert_refusal(said: &str) {
    assert_one_line(said);
    assert!(said.chars().count() <= LONGEST_REFUSAL, "{said}");
}

fn assert_one_line(said: &str) {
    assert!(!said.contains(char::is_control), "{said:?}");
}
