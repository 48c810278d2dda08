//! The status page.
//!
//! Whatever orgs, accounts and searches are called, the page has no tag and no attribute that it does not have with plain names, and
//! says the names as they are; the JSON says the same ones.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::OnceLock;
use std::time::Duration;

use arbitrary::{Result, Unstructured};
use jiff::Timestamp;
use losant_exporter::status::{Account, Exporter, Listing, Query, Rules, View, html};
use losant_exporter::store::{Freshness, Moment, Store};
use losant_exporter::usage::{Collector, Label, Measure, Reading, Scope};

use crate::fleet;

/// Checks a page of made-up names.
pub fn check(data: &[u8]) {
    let _ = page(&mut Unstructured::new(data));
}

/// What the page is made of.
struct Names {
    search: String,
    account: String,
    orgs: Vec<String>,
}

fn page(input: &mut Unstructured<'_>) -> Result<()> {
    let (search, account) = (fleet::text(input)?, fleet::text(input)?);
    let search = if input.arbitrary()? { String::new() } else { search };
    let mut orgs = Vec::new();
    for _ in 0..input.int_in_range(0..=6)? {
        orgs.push(fleet::text(input)?);
    }
    let names = Names { search, account, orgs };
    let view = view(&names);
    let page = html(&view);
    let (tokens, text) = tokens(&page);
    let plain = plain();
    let strange: Vec<_> = tokens.difference(plain).collect();
    assert!(strange.is_empty(), "a name has become a part of the page: {strange:?}");
    let json: serde_json::Value = serde_json::from_str(&view.json().expect("JSON")).expect("JSON");
    let told = json["scopes"].as_array().expect("scopes");
    for name in told.iter().filter_map(|scope| scope["name"].as_str()) {
        assert!(names.orgs.iter().any(|org| org == name || name.contains('…')), "{name:?} is made up");
        assert!(text.contains(name), "{name:?} is not on the page");
    }
    if names.search.is_empty() {
        assert_eq!(told.len(), names.orgs.len());
    }
    assert_eq!(json["accounts"][0]["name"], names.account);
    Ok(())
}

fn view(names: &Names) -> View {
    let now: Timestamp = "2026-03-17T14:23:45.250Z".parse().expect("a time");
    let store = Store::new();
    let instance = "aaaaaaaaaaaaaaaaaaaaaaaa".parse().expect("an id");
    store.claim(instance, &names.account);
    store.set_up(instance, true);
    for (place, name) in names.orgs.iter().enumerate() {
        let org = format!("{place:024x}").parse().expect("an id");
        let mut reading = Reading::at(now);
        let label = |text: &str| Label::Owned(text.to_owned());
        reading.add(Measure::OrgInfo, [label(name), label("p"), label("active"), label(name)], 1.0);
        reading.add(Measure::BillablePayloadsPeriod, [], 7.0);
        store.put(Scope::Org { instance, org }, Collector::Discovery, reading, Duration::ZERO);
    }
    let freshness = Freshness([Some(Duration::from_secs(900)); Collector::ALL.len()]);
    let rules = Rules { expire_after: Duration::from_secs(3_600), freshness };
    let moment = Moment { now, uptime: Duration::from_secs(60) };
    let query = Query::parse([("q", names.search.as_str())]).expect("a search");
    let selected = Listing::new(&store.snapshot(), moment, &rules).select(query);
    let exporter = Exporter {
        name: "losant-exporter",
        version: "0.1.0",
        waits_for: vec![names.account.clone()],
        shard: None,
        metrics: "metrics".to_owned(),
    };
    let account = Account {
        name: names.account.clone(),
        token_accepted: Some(false),
        token_expires_at: Some(now),
        requests_per_second: 1.0,
        configured_requests_per_second: 5.0,
        report: None,
    };
    View::new(exporter, &[account], selected)
}

/// All tags and attributes that pages of plain names have.
fn plain() -> &'static BTreeSet<String> {
    static PLAIN: OnceLock<BTreeSet<String>> = OnceLock::new();
    PLAIN.get_or_init(|| {
        let mut all = BTreeSet::new();
        for search in ["", "plain", "nobody"] {
            for account in ["", "plain"] {
                for orgs in [&[][..], &["plain"], &[""], &["", "plain"]] {
                    let orgs = orgs.iter().map(|org| (*org).to_owned()).collect();
                    let names = Names { search: search.to_owned(), account: account.to_owned(), orgs };
                    all.extend(tokens(&html(&view(&names))).0);
                }
            }
        }
        all
    })
}

/// The tags and attributes of a page, links with where they lead, and all of its text.
fn tokens(page: &str) -> (BTreeSet<String>, String) {
    let (mut tokens, mut text, mut rest) = (BTreeSet::new(), String::new(), page);
    while let Some((before, tag)) = rest.split_once('<') {
        text += &decoded(before);
        let name = &tag[..tag.find([' ', '>']).expect("a tag ends")];
        tokens.insert(name.to_owned());
        rest = tag[name.len()..].trim_start();
        while !rest.starts_with('>') {
            let end = rest.find(['=', ' ', '>']).expect("a tag ends");
            let attribute = format!("{name} {}", &rest[..end]);
            rest = &rest[end..];
            if let Some(quoted) = rest.strip_prefix("=\"") {
                let (value, after) = quoted.split_once('"').expect("a quote is closed");
                let _ = write!(text, "\n{}\n", decoded(value));
                if matches!(&*attribute, "a href" | "form action") {
                    tokens.insert(format!("{attribute}={}", value.split('?').next().unwrap_or_default()));
                }
                rest = after;
            }
            tokens.insert(attribute);
            rest = rest.trim_start();
        }
        rest = &rest[1..];
        if matches!(name, "script" | "style") {
            rest = &rest[rest.find("</").expect("it is closed")..];
        }
    }
    (tokens, text + &decoded(rest))
}

fn decoded(text: &str) -> String {
    assert!(!text.contains('<'));
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    text.replace("&#39;", "'").replace("&amp;", "&")
}
