//! A row of the tables of scopes, and their headings.

use std::time::Duration;

use maud::{Markup, html};

use super::super::query::{Query, Sort};
use super::super::view::ScopeView;
use super::super::wording::{grouped, percent, span};
use super::chart;

/// A column: its heading, by what clicking on it sorts, and whether it holds numbers.
const COLUMNS: [(&str, Option<Sort>, bool); 8] = [
    ("Name", Some(Sort::Name), false),
    ("Last 48 hours", None, false),
    ("This hour", Some(Sort::ThisHour), true),
    ("Today", Some(Sort::Today), true),
    ("Period", Some(Sort::Period), true),
    ("Of limit", Some(Sort::Share), false),
    ("Read", Some(Sort::Age), false),
    ("Next poll", None, false),
];

/// What stands where nothing is known.
const UNKNOWN: &str = "–";

/// The headings, with links that sort.
pub(super) fn headings(query: &Query) -> Markup {
    html! {
        @for (label, sort, is_number) in COLUMNS {
            @match sort {
                None => { (plain_heading(label, is_number)) }
                Some(sort) => {
                    @let sorted = (query.sort == sort).then(|| if query.is_descending() { "descending" } else { "ascending" });
                    th.number[is_number] role="columnheader" scope="col" aria-sort=[sorted] {
                        a href=(query.sorted_by(sort).href()) {
                            (label)
                            @match sorted {
                                Some("descending") => { span.arrow aria-hidden="true" { " ▼" } }
                                Some(_) => { span.arrow aria-hidden="true" { " ▲" } }
                                None => {}
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The headings without links.
pub(super) fn plain_headings() -> Markup {
    html! { @for (label, _, is_number) in COLUMNS { (plain_heading(label, is_number)) } }
}

fn plain_heading(label: &str, is_number: bool) -> Markup {
    html! { th.number[is_number] role="columnheader" scope="col" { (label) } }
}

/// The row of a scope. What its columns are called stands in each cell as well: on a narrow screen there are no columns.
pub(super) fn row(scope: &ScopeView) -> Markup {
    let payloads = &scope.billable_payloads;
    html! {
        tr role="row" {
            th.name role="rowheader" scope="row" { (name(scope)) (problems(scope)) }
            td.hours role="cell" {
                @if let Some(hours) = &payloads.last_48_hours { (chart::sparkline(hours)) } @else { (UNKNOWN) }
            }
            (number("This hour", payloads.this_hour))
            (number("Today", payloads.today))
            (number("Period", payloads.period))
            td.share role="cell" data-label="Of limit" { (share(scope)) }
            td.read role="cell" data-label="Read" { (reads(scope)) }
            td.next role="cell" data-label="Next poll" {
                @match scope.next_poll_in_seconds {
                    Some(0) => { "now" }
                    Some(seconds) => { "in " (span(Duration::from_secs(seconds))) }
                    None => { (UNKNOWN) }
                }
            }
        }
    }
}

fn name(scope: &ScopeView) -> Markup {
    html! {
        @if let Some(name) = &scope.name { span.called { (name) } }
        span.id { (scope.level) " " (scope.id) }
        @match (scope.up, scope.state) {
            (Some(false), _) => { span.tag.bad { "down" } }
            (_, "stale") => {
                span.tag.wait {
                    @match (scope.is_awaited, scope.is_read()) {
                        (false, _) => { "stale" }
                        (true, false) => { "not read yet" }
                        (true, true) => { "not all read yet" }
                    }
                }
            }
            (_, "failing") => { span.tag.bad { "failing" } }
            _ => {}
        }
    }
}

fn problems(scope: &ScopeView) -> Markup {
    html! {
        @for problem in &scope.problems {
            span.problem {
                (problem.collector) ": " (problem.problem)
                @if problem.in_a_row > 1 { " (" (problem.in_a_row) " times in a row)" }
            }
        }
    }
}

fn number(label: &str, value: Option<f64>) -> Markup {
    html! {
        td.number role="cell" data-label=(label) {
            @match value {
                Some(value) => { data value=(value) { (grouped(value)) } }
                None => { (UNKNOWN) }
            }
        }
    }
}

fn share(scope: &ScopeView) -> Markup {
    let payloads = &scope.billable_payloads;
    html! {
        @match (payloads.share_of_limit, payloads.limit) {
            (Some(share), Some(limit)) => {
                (chart::bar(share, payloads.share_of_period))
                span { (percent(share)) " of " (grouped(limit)) }
            }
            (_, Some(limit)) => { span { "of " (grouped(limit)) } }
            _ if scope.is_discovered() => { span.soft { "no limit" } }
            _ => { (UNKNOWN) }
        }
    }
}

/// How old the payload counts are; opened, how old everything is.
fn reads(scope: &ScopeView) -> Markup {
    let ago = |seconds| format!("{} ago", span(Duration::from_secs(seconds)));
    html! {
        @if scope.reads.is_empty() {
            "never"
        } @else {
            details {
                summary {
                    @match scope.counted() {
                        Some(read) => { time datetime=(read.at) { (ago(read.age_seconds)) } }
                        None => { "payloads never" }
                    }
                }
                dl {
                    @for read in &scope.reads {
                        dt { (read.collector) }
                        dd { time datetime=(read.at) title=(read.at) { (ago(read.age_seconds)) } }
                    }
                }
            }
        }
    }
}
