//! Integration tests: a simulated world in, exposition text out.
//!
//! All in one binary, so that there is one link. Tests that need a program which may be missing say so; see
//! `components`.

#![expect(unreachable_pub, reason = "modules of a test binary share with one another")]
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::float_cmp,
    clippy::print_stderr,
    reason = "a test ends by failing, compares exact numbers, and says what it leaves out"
)]

mod accounts;
mod actions;
mod actions_documentation;
mod alertmanager;
mod api;
mod applications;
mod architecture;
mod backfill;
mod certificates;
mod chain;
mod chaos;
mod cli;
mod components;
mod config;
mod configuration_documentation;
mod dashboard_queries;
mod dashboards;
mod demo;
mod dependencies;
mod detection;
mod documentation;
mod documented;
mod exactness;
mod exposition;
mod faults;
mod freshness;
mod hostile;
mod inhibition;
mod life;
mod lifecycle;
mod manual;
mod pages;
mod polling_thread;
mod possible;
mod preview;
mod prometheus;
mod readers;
mod reload;
mod rules;
mod rules_check;
mod scrape;
mod secrets;
mod selection;
mod shards;
mod simulator_schemas;
mod soak;
mod status;
mod sweeps;
mod test_app;
mod truth;
mod vendor_client;
mod watched;
mod web_certificates;
mod web_config;
mod web_reload;
mod web_security;
mod web_users;
mod writes;
