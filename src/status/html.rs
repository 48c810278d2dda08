//! The status page as HTML.
//!
//! It loads nothing, and its policy tells the browser so. Everything works without the script, which keeps the page current and
//! lets the search be reached by a key.

mod chart;
mod row;

use std::time::Duration;

use maud::{DOCTYPE, Markup, PreEscaped, html as markup};

use super::listing::PAGE;
use super::query::{Query, Sort};
use super::view::{AccountView, View};
use super::wording::{grouped, span};
use crate::poll::HOURS;
use crate::store::ScopeState;
use crate::usage::Level;

const STYLE: &str = include_str!("html/status.css");
const SCRIPT: &str = include_str!("html/status.js");

/// What a browser may do with the page: apply exactly the style sheet and run exactly the script whose SHA-256 stand here, ask
/// this exporter for the page again, and nothing else.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; \
    style-src 'sha256-VCnthMAwTdDgC8/Z4K2nWdtQD0VDM3gd/TNcpPlvExY='; \
    script-src 'sha256-geEduYBqyE8+ChhZGeg/JBubEvlz3+76crgaYE0o9uM='; \
    connect-src 'self'; img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const DOCUMENTATION: &str = "https://github.com/losant-exporter/losant-exporter/tree/main/docs";

/// How long before the end of a token somebody should think of the next one.
const TOKEN_ENDS_SOON: i64 = 14 * 86_400;

/// Writes the page. Links are relative, so that they work behind a proxy that adds a prefix.
pub fn html(view: &View) -> String {
    let exporter = &view.exporter;
    let page = markup! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (exporter.name) " status" }
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#list" { "Skip to orgs and sandboxes" }
                header {
                    div.title {
                        h1 { (exporter.name) }
                        span.version { "version " (exporter.version) }
                        @if let Some(shard) = &exporter.shard { span.version { (shard) } }
                    }
                    nav aria-label="Pages of the exporter" {
                        a href=(exporter.metrics) { "Metrics" }
                        a href="-/healthy" { "Health" }
                        a href="-/ready" { "Readiness" }
                        a href="config" { "Configuration" }
                        a href={ "status.json" (view.query.href().trim_start_matches("./")) } { "JSON" }
                        a href=(DOCUMENTATION) { "Documentation" }
                    }
                }
                main #live {
                    (state(view))
                    (accounts(view))
                    (instances(view))
                    (list(view))
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

fn state(view: &View) -> Markup {
    let exporter = &view.exporter;
    let uptime = span(Duration::from_secs(view.uptime_seconds));
    let down = view.accounts.iter().filter(|account| account.up == Some(false)).count() as u64;
    markup! {
        section.state aria-label="State of the exporter" {
            @if exporter.waits_for.is_empty() {
                strong.good { "Ready" }
            } @else {
                strong.wait { "Not ready" }
            }
            @if down > 0 { strong.bad { (counted(down, "account", "accounts")) " down" } }
            span { "As of " time datetime=(view.at) { (view.at.replace('T', " ").replace('Z', " UTC")) } }
            span { "running for " (uptime) }
            @if !exporter.waits_for.is_empty() {
                ul { @for wait in &exporter.waits_for { li { (wait) } } }
            }
        }
    }
}

fn accounts(view: &View) -> Markup {
    let headings = [
        ("Account", false),
        ("State", false),
        ("Token", false),
        ("Requests a second", true),
        ("Instances", true),
    ];
    markup! {
        section {
            h2 #accounts { "Accounts" }
            table.rows role="table" {
                caption.unseen { "Losant accounts with their request budgets and tokens" }
                thead role="rowgroup" {
                    tr role="row" {
                        @for (heading, is_number) in headings {
                            th.number[is_number] role="columnheader" scope="col" { (heading) }
                        }
                    }
                }
                tbody role="rowgroup" { @for account in &view.accounts { (account_row(account)) } }
            }
        }
    }
}

fn account_row(account: &AccountView) -> Markup {
    let AccountView { requests_per_second: now, configured_requests_per_second: configured, .. } = account;
    markup! {
        tr role="row" {
            th.name role="rowheader" scope="row" { span.called { (account.name) } }
            td role="cell" data-label="State" {
                @if let Some(problem) = &account.problem {
                    @if account.token_accepted == Some(false) || account.instances.is_empty() {
                        span.tag.bad { "not polled" } " " span.problem { (problem) }
                    } @else {
                        span.tag.bad { "down" } " " span.problem { "Losant does not answer as it should: " (problem) }
                    }
                } @else if account.up == Some(true) {
                    span.tag.good { "polled" }
                } @else if account.token_accepted == Some(true) {
                    span.tag.wait { "being read" }
                } @else {
                    span.tag.wait { "no answer yet" }
                }
            }
            td role="cell" data-label="Token" {
                @match (&account.token_expires_at, account.token_expires_in_seconds) {
                    (Some(_), Some(..=0)) => { span.tag.bad { "expired" } }
                    (Some(at), Some(seconds)) => {
                        span.tag[seconds < TOKEN_ENDS_SOON].wait[seconds < TOKEN_ENDS_SOON] {
                            "expires in " time datetime=(at) title=(at) {
                                (span(Duration::from_secs(seconds.unsigned_abs())))
                            }
                        }
                    }
                    _ => { span.soft { "does not expire, or does not say when" } }
                }
            }
            td.number role="cell" data-label="Requests a second" {
                (rate(*now))
                @if now < configured { " " span.tag.wait { "throttled from " (rate(*configured)) } }
            }
            td.number role="cell" data-label="Instances" { (account.instances.len()) }
        }
    }
}

/// Up to two decimals.
fn rate(rate: f64) -> String {
    let text = format!("{rate:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn instances(view: &View) -> Markup {
    markup! {
        section {
            h2 #instances { "Instances" }
            @if view.instances.is_empty() {
                p.none { "None has been found yet." }
            } @else {
                table.rows role="table" {
                    caption.unseen { "Instances: their figures count orgs only, sandboxes come on top" }
                    thead role="rowgroup" { tr role="row" { (row::plain_headings()) } }
                    tbody role="rowgroup" { @for scope in &view.instances { (row::row(scope)) } }
                }
                p.note { "Figures of an instance count its orgs only; sandboxes come on top." }
                (filling(view))
            }
        }
    }
}

fn list(view: &View) -> Markup {
    let query = &view.query;
    let first = query.page * PAGE + 1;
    let last = query.page * PAGE + view.scopes.len();
    markup! {
        section #list tabindex="-1" {
            h2 #scopes { "Orgs and sandboxes" }
            (counts(view))
            (search(query))
            @if view.scopes.is_empty() {
                p.none role="status" { "Nobody fits. " @if *query != Query::default() { a href="./" { "Show everybody" } } }
            } @else {
                p.found role="status" {
                    (grouped_usize(first)) "–" (grouped_usize(last)) " of " (grouped_usize(view.total))
                    ". Billable payloads, in UTC hours, days and billing periods. The mark on a bar is how much of the period is over."
                }
                table.rows role="table" {
                    caption.unseen { "Orgs and sandboxes with their billable payloads" }
                    thead role="rowgroup" { tr role="row" { (row::headings(query)) } }
                    tbody role="rowgroup" { @for scope in &view.scopes { (row::row(scope)) } }
                }
                (filling(view))
                (pager(view))
            }
        }
    }
}

/// Why the pictures of the last 48 hours may have a gap.
fn filling(view: &View) -> Markup {
    markup! {
        @if view.uptime_seconds < HOURS as u64 * 3_600 {
            p.note { "The last 48 hours fill while the exporter runs: at first there are yesterday and today, in UTC." }
        }
    }
}

fn counts(view: &View) -> Markup {
    let levels = [("org", "orgs"), ("sandbox", "sandboxes")];
    markup! {
        ul.counts {
            @for (level, plural) in levels {
                @for (state, count) in view.counts.get(level).into_iter().flatten().filter(|(_, count)| **count > 0) {
                    @let name = if *count == 1 { level } else { plural };
                    li {
                        @if *state == "excluded" {
                            span { b { (grouped_u64(*count)) } " " (name) " left out by the configuration" }
                        } @else {
                            a href={ "?level=" (level) "&state=" (state) } {
                                b { (grouped_u64(*count)) } " " (state) " " (name)
                            }
                        }
                    }
                }
            }
        }
    }
}

fn search(query: &Query) -> Markup {
    let options = |name, label, every, values: &[(&str, &str)], chosen: Option<&str>| {
        markup! {
            label { (label) " "
                select name=(name) {
                    option value="" { (every) }
                    @for (value, words) in values { option value=(value) selected[chosen == Some(value)] { (words) } }
                }
            }
        }
    };
    let levels = [("org", "orgs"), ("sandbox", "sandboxes")];
    let states =
        [("fresh", "fresh"), ("failing", "failing: not old yet"), ("stale", "stale: too old, or never read")];
    markup! {
        form role="search" action="./" method="get" {
            label { "Name or id " input #q type="search" name="q" value=(query.search) maxlength="100"; }
            (options("level", "Level", "both", &levels, query.level.map(Level::as_str)))
            (options("state", "State", "any", &states, query.state.map(ScopeState::as_str)))
            @if query.sort != Sort::default() || query.reversed {
                input type="hidden" name="sort" value=(query.sort.as_str());
                input type="hidden" name="order" value=(query.order());
            }
            button { "Show" }
        }
    }
}

fn pager(view: &View) -> Markup {
    let (page, pages, query) = (view.query.page, view.pages, &view.query);
    let link = |label: &str, to: Option<usize>| {
        markup! {
            @match to {
                Some(to) => { a href=(query.on_page(to).href()) { (label) } }
                None => { span.off aria-hidden="true" { (label) } }
            }
        }
    };
    let next = (page + 1 < pages).then_some(page + 1);
    markup! {
        @if pages > 1 {
            nav.pager aria-label="Pages of the list" {
                (link("First", (page > 0).then_some(0)))
                (link("Previous", page.checked_sub(1)))
                span aria-current="page" { "Page " (grouped_usize(page + 1)) " of " (grouped_usize(pages)) }
                (link("Next", next))
                (link("Last", next.map(|_| pages - 1)))
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "nobody has so many that it matters")]
fn grouped_u64(number: u64) -> String {
    grouped(number as f64)
}

/// So many of something.
fn counted(number: u64, one: &str, several: &str) -> String {
    format!("{} {}", grouped_u64(number), if number == 1 { one } else { several })
}

fn grouped_usize(number: usize) -> String {
    grouped_u64(number as u64)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;

    use super::*;

    #[test]
    fn the_policy_allows_the_style_sheet_and_the_script_as_they_are() {
        for text in [STYLE, SCRIPT] {
            let sha256 = TLS13_AES_128_GCM_SHA256.tls13().unwrap().common.hash_provider.hash(text.as_bytes());
            let source = format!("'sha256-{}'", STANDARD.encode(sha256));
            assert!(CONTENT_SECURITY_POLICY.contains(&source), "{text:.60}… is now {source}");
        }
    }

    #[test]
    fn neither_of_them_ends_its_element() {
        assert!(!STYLE.contains("</") && !SCRIPT.contains("</"));
    }
}
