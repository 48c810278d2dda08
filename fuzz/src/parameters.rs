//! Requests as the command line asks for them: an action, ids, parameters, a body.
//!
//! The input is a text: the action and the ids that are given (`instanceOrg.get instance org`), then `name=value` lines, then maybe a
//! line that is the body. What is not refused is sent as it was meant: below the base URL, with those ids, each parameter once and
//! of its kind. What is refused is said in one line that names action and parameter.

use jiff::Timestamp;
use losant_exporter::losant::{Access, Action, BaseUrl, Ids, Kind, Problem, Request, read_time};
use losant_exporter::usage::Id;
use serde_json::Value;

const BASE: &str = "https://losant.example.com/api";
const IDS: [&str; 3] = ["aaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbb", "cccccccccccccccccccccccc"];

/// Checks a request.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let now: Timestamp = "2026-03-08T12:00:00.250Z".parse().expect("a time");
    let mut lines = text.lines();
    let mut first = lines.next().unwrap_or_default().split_whitespace();
    let Ok(action) = first.next().unwrap_or_default().parse::<Action>() else { return time(text, now) };
    let given: Vec<_> = first.collect();
    let id = |level: &str, id: &str| given.contains(&level).then(|| id.parse::<Id>().expect("an id"));
    let ids =
        Ids { instance: id("instance", IDS[0]), org: id("org", IDS[1]), sandbox: id("sandbox", IDS[2]) };
    let (bodies, parameters): (Vec<_>, Vec<_>) = lines.partition(|line| line.starts_with(['{', '[']));
    let body = bodies.first().and_then(|body| serde_json::from_str::<Value>(body).ok());
    let parameters: Vec<_> = parameters.into_iter().filter_map(|line| line.split_once('=')).collect();
    match Request::new(action, ids, parameters.iter().copied(), body.clone(), now) {
        Ok(request) => sent(action, ids, &parameters, body.as_ref(), &request),
        Err(error) => {
            let said = error.to_string();
            assert!(said.starts_with(action.label()), "{said}");
            assert!(!said.contains(char::is_control), "{said:?}");
            if let Problem::Value(name, _) | Problem::RepeatedParameter(name) = error.problem {
                assert!(said.contains(name), "{said}");
            }
        }
    }
}

/// A text that is no action may be a time.
fn time(text: &str, now: Timestamp) {
    match read_time(text, now) {
        Ok(time) => assert!(time.as_millisecond() > 0, "{time} would be an offset to Losant"),
        Err(words) => assert!(!words.contains(char::is_control), "{words:?}"),
    }
}

fn sent(action: Action, ids: Ids, parameters: &[(&str, &str)], body: Option<&Value>, request: &Request) {
    assert_eq!(matches!(request, Request::Read(_)), action.access() == Access::Read);
    assert_eq!(request.body(), body);
    let base: BaseUrl = BASE.parse().expect("a URL");
    let url = request.url(&base);
    assert!(url.is_ascii() && !url.contains([' ', '#', '"', '<', '>']), "{url}");
    let (path, query) = url.split_once('?').expect("extras are always switched");
    let mut expected = format!("{BASE}{}", action.path());
    for (place, id) in [("{instance}", ids.instance), ("{org}", ids.org), ("{sandbox}", ids.sandbox)] {
        assert_eq!(expected.contains(place), id.is_some(), "an id without a place, or a place without an id");
        expected = expected.replace(place, &id.map(|id| id.to_string()).unwrap_or_default());
    }
    assert_eq!(path, expected);
    let mut pairs: Vec<_> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    pairs.retain(|(name, _)| !matches!(*name, "_links" | "_embedded" | "_actions"));
    for (name, value) in parameters {
        let kind = action.parameter(name).expect("a parameter that there is").kind;
        let sent = request.parameter(name).expect("each parameter is sent");
        assert!(is_of(kind, value, sent), "{name}={value:?} is sent as {sent:?}");
        let decoded: Vec<_> = pairs.iter().filter(|(known, _)| decode(known) == *name).collect();
        if !name.starts_with('_') {
            assert_eq!(decoded.len(), 1, "{name} is sent {} times", decoded.len());
            assert_eq!(decode(decoded[0].1), sent);
        }
    }
    let own = parameters.iter().filter(|(name, _)| !name.starts_with('_')).count();
    assert_eq!(pairs.len(), own, "{query} says more than was asked");
}

/// Whether `sent` is a value of the kind that means what was written.
fn is_of(kind: Kind, written: &str, sent: &str) -> bool {
    let json = |text: &str| serde_json::from_str::<Value>(text).ok();
    match kind {
        Kind::Text => sent == written,
        Kind::Number => written.parse::<u32>().is_ok_and(|number| number.to_string() == sent),
        Kind::Boolean => matches!(sent, "true" | "false") && written.eq_ignore_ascii_case(sent),
        Kind::Time => sent.parse::<i64>().is_ok_and(|millisecond| millisecond > 0),
        Kind::Id => sent.len() == 24 && written.eq_ignore_ascii_case(sent),
        Kind::Choice(choices) => choices.contains(&sent) && sent == written,
        Kind::List => {
            sent.split(',').all(|name| !name.is_empty() && name == name.trim())
                && sent.split(',').eq(written.split(',').map(str::trim))
        }
        Kind::Json => json(sent).is_some_and(|value| value.is_object() && Some(value) == json(written)),
    }
}

/// A part of a query, read as forms are.
fn decode(text: &str) -> String {
    crate::form::decode(text)
}
