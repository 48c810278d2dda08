//! What somebody wants to see of the list of orgs and sandboxes.

use std::fmt::Write;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::store::ScopeState;
use crate::usage::Level;

/// Nobody looks for a longer text.
const LONGEST_SEARCH: usize = 100;

/// What the list shows, as the parameters of its address say it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// A part of the name or id, in whatever case; empty for everybody.
    pub search: String,
    /// Orgs only, or sandboxes only.
    pub level: Option<Level>,
    /// Those that are known so well only.
    pub state: Option<ScopeState>,
    /// By what they are sorted.
    pub sort: Sort,
    /// Against the usual direction of that.
    pub reversed: bool,
    /// Which page, from 0.
    pub page: usize,
}

/// By what the list can be sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// By name, and those without one by id.
    Name,
    /// Billable payloads of the running hour.
    ThisHour,
    /// Billable payloads of the running day.
    Today,
    /// Billable payloads of the billing period.
    Period,
    /// The share of the limit that is used up: who comes first may have to pay first.
    #[default]
    Share,
    /// The age of the payload counts.
    Age,
}

/// A parameter that is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidQuery {
    /// Nobody has heard of it.
    #[error("there is no parameter {0:?}: there are q, level, state, sort, order and page")]
    Parameter(String),
    /// It cannot have that value.
    #[error("{name}={value:?} is not understood: it can be {expected}")]
    Value {
        /// The parameter.
        name: &'static str,
        /// Its value.
        value: String,
        /// What would be one.
        expected: &'static str,
    },
}

impl Sort {
    /// All orders.
    pub const ALL: [Self; 6] =
        [Self::Name, Self::ThisHour, Self::Today, Self::Period, Self::Share, Self::Age];

    /// The value of the parameter.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::ThisHour => "this_hour",
            Self::Today => "today",
            Self::Period => "period",
            Self::Share => "share",
            Self::Age => "age",
        }
    }

    /// Whether the largest comes first, unless the order is reversed.
    const fn is_descending(self) -> bool {
        !matches!(self, Self::Name)
    }
}

impl Query {
    /// Reads the parameters of an address. An empty one is as good as none: that is what a form sends.
    pub fn parse<'a>(parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, InvalidQuery> {
        let (mut query, mut descending) = (Self::default(), None);
        for (name, value) in parameters {
            let refuse = |name, expected| InvalidQuery::Value { name, value: shortened(value), expected };
            match name {
                "q" => shortened(value.trim()).trim_end().clone_into(&mut query.search),
                "level" | "state" | "sort" | "order" | "page" if value.is_empty() => {}
                "level" => {
                    let levels = [Level::Org, Level::Sandbox];
                    let level = levels.into_iter().find(|level| level.as_str() == value);
                    query.level = Some(level.ok_or_else(|| refuse("level", "org or sandbox"))?);
                }
                "state" => {
                    let states = [ScopeState::Fresh, ScopeState::Stale, ScopeState::Failing];
                    let state = states.into_iter().find(|state| state.as_str() == value);
                    query.state = Some(state.ok_or_else(|| refuse("state", "fresh, stale or failing"))?);
                }
                "sort" => {
                    let sort = Sort::ALL.into_iter().find(|sort| sort.as_str() == value);
                    let known = "name, this_hour, today, period, share or age";
                    query.sort = sort.ok_or_else(|| refuse("sort", known))?;
                }
                "order" => match value {
                    "asc" => descending = Some(false),
                    "desc" => descending = Some(true),
                    _ => return Err(refuse("order", "asc or desc")),
                },
                "page" => {
                    let page = value.parse::<u32>().ok().and_then(|page| page.checked_sub(1));
                    query.page = page.ok_or_else(|| refuse("page", "a number from 1"))? as usize;
                }
                other => return Err(InvalidQuery::Parameter(shortened(other))),
            }
        }
        query.reversed = descending.is_some_and(|descending| descending != query.sort.is_descending());
        Ok(query)
    }

    /// Whether the largest comes first.
    pub const fn is_descending(&self) -> bool {
        self.sort.is_descending() != self.reversed
    }

    /// The address of what it shows, from the page itself.
    pub fn href(&self) -> String {
        let mut href = String::new();
        let mut add = |name: &str, value: &str| {
            href.push(if href.is_empty() { '?' } else { '&' });
            let _ = write!(href, "{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC));
        };
        if !self.search.is_empty() {
            add("q", &self.search);
        }
        if let Some(level) = self.level {
            add("level", level.as_str());
        }
        if let Some(state) = self.state {
            add("state", state.as_str());
        }
        if self.sort != Sort::default() {
            // An underscore needs no escape.
            add("sort", self.sort.as_str());
        }
        if self.reversed {
            add("order", self.order());
        }
        if self.page > 0 {
            add("page", &(self.page + 1).to_string());
        }
        if href.is_empty() { "./".to_owned() } else { href.replace("%5F", "_") }
    }

    /// The value of the parameter `order`.
    pub const fn order(&self) -> &'static str {
        if self.is_descending() { "desc" } else { "asc" }
    }

    /// The same from its first page, sorted by `sort`; where it is that already, the other way round.
    #[must_use]
    pub fn sorted_by(&self, sort: Sort) -> Self {
        Self { sort, reversed: self.sort == sort && !self.reversed, page: 0, ..self.clone() }
    }

    /// The same on another page.
    #[must_use]
    pub fn on_page(&self, page: usize) -> Self {
        Self { page, ..self.clone() }
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(LONGEST_SEARCH).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(parameters: &[(&str, &str)]) -> Result<Query, String> {
        Query::parse(parameters.iter().copied()).map_err(|refused| refused.to_string())
    }

    #[test]
    fn without_parameters_those_come_first_that_have_used_up_most_of_their_limit() {
        let query = parse(&[]).unwrap();
        assert_eq!((query.sort, query.is_descending(), query.page), (Sort::Share, true, 0));
        assert_eq!(query.href(), "./");
        let form = [("q", ""), ("level", ""), ("state", ""), ("sort", "share"), ("order", "desc")];
        assert_eq!(parse(&form).unwrap(), query);
    }

    #[test]
    fn an_address_leads_to_what_it_was_made_from() {
        let query = parse(&[
            ("q", " a&b=<ü> "),
            ("level", "org"),
            ("state", "failing"),
            ("sort", "this_hour"),
            ("order", "asc"),
            ("page", "7"),
        ])
        .unwrap();
        assert_eq!(query.search, "a&b=<ü>");
        let href = query.href();
        assert_eq!(href, "?q=a%26b%3D%3C%C3%BC%3E&level=org&state=failing&sort=this_hour&order=asc&page=7");
        let url = reqwest::Url::parse(&format!("http://x.example/{href}")).unwrap();
        let pairs: Vec<_> = url.query_pairs().into_owned().collect();
        let again = Query::parse(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        assert_eq!(again, Ok(query));
    }

    #[test]
    fn a_search_that_is_cut_at_a_space_is_the_same_behind_its_own_link() {
        let query = parse(&[("q", &format!("{} y", "x".repeat(99)))]).unwrap();
        assert_eq!(query.search, "x".repeat(99));
        assert_eq!(parse(&[("q", &query.search)]), Ok(query));
    }

    #[test]
    fn sorting_by_the_same_again_turns_the_order_round_and_goes_to_the_first_page() {
        let query = parse(&[("page", "3")]).unwrap();
        let today = query.sorted_by(Sort::Today);
        assert_eq!((today.is_descending(), today.page), (true, 0));
        assert!(!today.sorted_by(Sort::Today).is_descending());
        assert!(today.sorted_by(Sort::Today).sorted_by(Sort::Today).is_descending());
        assert!(!today.sorted_by(Sort::Name).is_descending());
    }

    #[test]
    fn what_is_not_understood_is_refused_by_name() {
        let refused = |name, value| parse(&[(name, value)]).unwrap_err();
        insta::assert_snapshot!(refused("page", "0"), @r#"page="0" is not understood: it can be a number from 1"#);
        insta::assert_snapshot!(refused("sort", "size"), @r#"sort="size" is not understood: it can be name, this_hour, today, period, share or age"#);
        insta::assert_snapshot!(refused("level", "instance"), @r#"level="instance" is not understood: it can be org or sandbox"#);
        insta::assert_snapshot!(refused("state", "excluded"), @r#"state="excluded" is not understood: it can be fresh, stale or failing"#);
        insta::assert_snapshot!(refused("order", "up"), @r#"order="up" is not understood: it can be asc or desc"#);
        insta::assert_snapshot!(refused("size", "9"), @r#"there is no parameter "size": there are q, level, state, sort, order and page"#);
        assert!(refused(&"x".repeat(9_000), "").len() < 300);
    }
}
