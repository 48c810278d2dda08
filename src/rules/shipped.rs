//! The rule files that come with the exporter.
//!
//! Owns: their texts, and the base URLs that their annotations begin with.
//! Must not: know what the rules say.

use std::str::FromStr;

/// What every `dashboard_url` of the shipped files begins with: a Grafana on the same machine, and its path of dashboards.
pub const DASHBOARD_BASE: &str = "http://localhost:3000/d";

/// What every `runbook_url` of the shipped files begins with.
pub const RUNBOOK_BASE: &str = "https://github.com/losant-exporter/losant-exporter/blob/main/docs/runbooks";

/// Where a Grafana has its dashboards.
const PATH_OF_DASHBOARDS: &str = "/d";

/// A rule file that comes with the exporter.
#[derive(Clone, Copy, Debug)]
pub struct ShippedFile {
    /// Its name.
    pub name: &'static str,
    /// What stands in it.
    pub text: &'static str,
}

macro_rules! shipped {
    ($($name:literal),+ $(,)?) => {
        &[$(ShippedFile { name: $name, text: include_str!(concat!("../../deploy/prometheus/rules/", $name)) }),+]
    };
}

/// The rule files that come with the exporter: what the alerts compare with first.
pub static SHIPPED: &[ShippedFile] = shipped![
    "losant-thresholds.yaml",
    "losant-instance.yaml",
    "losant-org.yaml",
    "losant-sandbox.yaml",
    "losant-exporter.yaml",
];

/// What links in annotations begin with: an http or https URL, which is put into YAML as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl(String);

/// A text that is not a [`BaseUrl`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidBaseUrl(&'static str);

impl FromStr for BaseUrl {
    type Err = InvalidBaseUrl;

    fn from_str(text: &str) -> Result<Self, InvalidBaseUrl> {
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let host = host.ok_or(InvalidBaseUrl("expected a URL that starts with https:// or http://"))?;
        if host.is_empty() || host.starts_with('/') {
            return Err(InvalidBaseUrl("the host is missing"));
        }
        // In quotes or not, in a template of Prometheus or not: these have no meaning of their own.
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?[]@!$&()*+,;=%".contains(&byte);
        if !host.bytes().all(is_plain) {
            return Err(InvalidBaseUrl("other characters than those of a URL have to be written as %XX"));
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }
}

impl ShippedFile {
    /// The text with links to another Grafana and to other runbooks, where these are given.
    pub fn with_urls(&self, grafana: Option<&BaseUrl>, runbooks: Option<&BaseUrl>) -> String {
        let links = [
            ("dashboard_url:", DASHBOARD_BASE, grafana.map(|url| [&url.0, PATH_OF_DASHBOARDS].concat())),
            ("runbook_url:", RUNBOOK_BASE, runbooks.map(|url| url.0.clone())),
        ];
        let mut text = String::with_capacity(self.text.len());
        for line in self.text.split_inclusive('\n') {
            let link = links.iter().find(|(key, ..)| line.trim_start().starts_with(key));
            match link {
                Some((_, shipped, Some(wanted))) => text += &line.replacen(shipped, wanted, 1),
                _ => text += line,
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, RuleFile};
    use super::*;

    fn links(dashboards: Option<&BaseUrl>, runbooks: Option<&BaseUrl>) -> Vec<[String; 2]> {
        let files = SHIPPED.iter().map(|file| {
            RuleFile::read(file.name, &file.with_urls(dashboards, runbooks))
                .unwrap_or_else(|error| panic!("{error}"))
        });
        let rules = files.flat_map(|file| file.rules).filter(|rule| rule.kind == Kind::Alert);
        let link = |rule: &super::super::Rule, key: &str| {
            rule.annotations.get(key).unwrap_or_else(|| panic!("{}: no {key}", rule.name)).clone()
        };
        rules.map(|rule| [link(&rule, "dashboard_url"), link(&rule, "runbook_url")]).collect()
    }

    #[test]
    fn every_alert_links_to_a_dashboard_and_a_runbook_below_the_bases() {
        let shipped = links(None, None);
        assert!(!shipped.is_empty());
        for [dashboard, runbook] in &shipped {
            assert!(dashboard.starts_with(&format!("{DASHBOARD_BASE}/")), "{dashboard}");
            assert!(runbook.starts_with(&format!("{RUNBOOK_BASE}/")), "{runbook}");
        }
        let [dashboards, runbooks] =
            ["https://g.example.org/grafana/", "http://wiki/r"].map(|url| url.parse::<BaseUrl>().unwrap());
        for (moved, shipped) in links(Some(&dashboards), Some(&runbooks)).iter().zip(&shipped) {
            assert_eq!(moved[0], shipped[0].replace(DASHBOARD_BASE, "https://g.example.org/grafana/d"));
            assert_eq!(moved[1], shipped[1].replace(RUNBOOK_BASE, "http://wiki/r"));
        }
    }

    #[test]
    fn without_other_urls_the_files_stay_as_they_are() {
        assert!(SHIPPED.iter().all(|file| file.with_urls(None, None) == file.text));
    }

    #[test]
    fn what_would_not_be_a_link_is_refused() {
        let refused = |text: &str| text.parse::<BaseUrl>().unwrap_err().to_string();
        insta::assert_snapshot!(
            [
                refused("grafana.example.com"),
                refused("https://"),
                refused("https:///d"),
                refused("https://a.b/c d"),
                refused("https://a.b/'"),
                refused("https://a.b/{{ $value }}"),
            ]
            .join("\n"),
            @r"
            expected a URL that starts with https:// or http://
            the host is missing
            the host is missing
            other characters than those of a URL have to be written as %XX
            other characters than those of a URL have to be written as %XX
            other characters than those of a URL have to be written as %XX
            "
        );
    }
}
