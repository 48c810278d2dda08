//! Prometheus rules: those that are shipped, and whether the series that rules need are there.
//!
//! Owns: the shipped rule files, how a rule file is read, which series and labels an expression needs, how a page of metrics is
//! read, and the verdict on each rule.
//! Must not: do I/O, or evaluate an expression.

mod check;
mod file;
mod needs;
mod origin;
mod page;
mod shipped;
mod verdict;

pub use check::Check;
pub use file::{Kind, Rule, RuleError, RuleFile};
pub use page::{Page, PageError};
pub use shipped::{BaseUrl, DASHBOARD_BASE, InvalidBaseUrl, RUNBOOK_BASE, SHIPPED, ShippedFile};
pub use verdict::{Problem, Standing, Tally, Verdict};

#[cfg(test)]
mod check_tests;
