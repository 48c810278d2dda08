//! `rules`: the alert rules that are shipped, and whether what rules need is there.

mod page;
mod report;
mod write;

use std::path::PathBuf;

use anyhow::{Context as _, anyhow};

use super::columns::{self, Cell};
use super::flags::{self, ConfigFlags, LogFlags, ShardFlags, WebFlags};
use super::{Exit, output, runtimes};
use crate::config;
use crate::metrics::vocabulary;
use crate::rules::{BaseUrl, Check, Kind, Page, Rule, RuleFile, SHIPPED, Verdict};
use crate::web::ListenAddress;

/// Flags of `rules`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Without flags it lists the alerts that are shipped.\n\n\
                  --check reads a page of metrics and says of every rule whether the series and labels are there that its \
                  expression needs. Series that rules record have to be recorded by one of the rules that are checked: give \
                  all files of a Prometheus together. A family that has no series at the moment, for example of sandboxes \
                  where there are none, is said and is no failure. Labels that Prometheus adds to a target, such as job and \
                  instance, are taken for granted. A page is that of one exporter: where several share the work, check \
                  against each.\n\n\
                  Examples:\n  \
                  losant-exporter rules --output /etc/prometheus/rules --dashboard-url https://grafana.example.org\n  \
                  losant-exporter rules --check --config.file=/etc/losant-exporter.toml\n  \
                  losant-exporter once | losant-exporter rules --check --metrics - --rule-file my-rules.yaml\n\n\
                  Exit codes: 0 all there, 1 something is missing or could not be written, 2 wrong \
                  usage, or rules or metrics cannot be read.")]
pub(super) struct RulesArgs {
    /// Write the shipped rule files into this folder
    #[arg(long, value_name = "DIR", conflicts_with = "check")]
    output: Option<PathBuf>,
    /// Base URL of Grafana, for the links of alerts to their dashboards
    #[arg(long, value_name = "URL", requires = "output")]
    dashboard_url: Option<BaseUrl>,
    /// Base URL of the runbooks, for the links of alerts to theirs
    #[arg(long, value_name = "URL", requires = "output")]
    runbook_url: Option<BaseUrl>,
    /// Overwrite rule files that are there already
    #[arg(long, requires = "output")]
    force: bool,
    /// Check that the series and labels that rules need are there
    #[arg(long)]
    check: bool,
    /// Rule file to check; can be given several times [default: the shipped ones]
    #[arg(long = "rule-file", value_name = "FILE", requires = "check")]
    rule_files: Vec<PathBuf>,
    /// Page of metrics to check against, - for standard input [default: that of the configured exporter]
    #[arg(long, value_name = "URL|FILE|-", requires = "check")]
    metrics: Option<String>,
    /// List all rules with the series that they need
    #[arg(long, requires = "check")]
    verbose: bool,
    #[command(flatten)]
    config: ConfigFlags,
    #[command(flatten)]
    web: WebFlags,
}

/// Lists, writes or checks rules. An error means that nothing was written, or nothing could be checked.
pub(super) fn run(args: &RulesArgs) -> anyhow::Result<Exit> {
    if let Some(folder) = &args.output {
        return write::shipped(folder, args.dashboard_url.as_ref(), args.runbook_url.as_ref(), args.force);
    }
    if args.check {
        return check(args);
    }
    let rules = shipped()?;
    Ok(output::print(&table(&rules)))
}

fn check(args: &RulesArgs) -> anyhow::Result<Exit> {
    let rules = if args.rule_files.is_empty() { shipped()? } else { read(&args.rule_files)? };
    let origin = match &args.metrics {
        Some(named) => page::Origin::named(named)?,
        None => configured_page(args)?,
    };
    let text = runtimes::block_on(page::read(&origin)).map_err(|error| match args.metrics {
        Some(_) => error,
        None => anyhow!(
            "{error:#}; --metrics names another page, or a file, or - for what `curl` reads where it takes a certificate or a password"
        ),
    })?;
    let page = Page::read(&text).map_err(|error| anyhow!("{origin}: {error}; this is no page of metrics"))?;
    if !page.names().any(|name| name == vocabulary::BUILD_INFO) {
        return Err(anyhow!(
            "{origin}: not the page of a losant-exporter: it has no {}",
            vocabulary::BUILD_INFO
        ));
    }
    let check = Check::new(&rules, &page);
    let verdicts = check.verdicts();
    let printed = output::print(&report::of(&check, &verdicts, args.verbose));
    let is_ok = verdicts.iter().all(Verdict::is_ok);
    Ok(if is_ok { printed } else { Exit::Failure })
}

/// The rules that come with the exporter.
fn shipped() -> anyhow::Result<Vec<Rule>> {
    let mut rules = Vec::new();
    for file in SHIPPED {
        rules.extend(RuleFile::read(file.name, file.text)?.rules);
    }
    Ok(rules)
}

fn read(files: &[PathBuf]) -> anyhow::Result<Vec<Rule>> {
    let mut rules = Vec::new();
    for file in files {
        let name = file.display().to_string();
        let text = std::fs::read_to_string(file).with_context(|| name.clone())?;
        rules.extend(RuleFile::read(&name, &text)?.rules);
    }
    Ok(rules)
}

/// The page of the exporter that the configuration describes, which runs on this machine.
fn configured_page(args: &RulesArgs) -> anyhow::Result<page::Origin> {
    let flags =
        flags::merge(args.config.clone(), args.web.clone(), ShardFlags::default(), LogFlags::default());
    let web = config::load(&flags)?.config.web;
    let authority = web.listen_addresses.iter().find_map(ListenAddress::local_authority);
    let authority =
        authority.context("nobody knows the port that the system chooses; give the page with --metrics")?;
    Ok(page::Origin::Url(format!("http://{authority}{}", web.telemetry_path)))
}

/// The alerts, one a line.
fn table(rules: &[Rule]) -> String {
    let mut rows = vec![["ALERT", "SEVERITY", "FOR", "SUMMARY"].map(Cell::text).to_vec()];
    for rule in rules.iter().filter(|rule| rule.kind == Kind::Alert) {
        let severity = rule.labels.get("severity").map_or("-", String::as_str);
        let summary =
            rule.annotations.get("summary").map(|summary| without_templates(summary)).unwrap_or_default();
        let holds_for = rule.holds_for.as_deref().unwrap_or("-");
        rows.push([&rule.name, severity, holds_for, &summary].map(Cell::text).to_vec());
    }
    columns::lines(&rows)
}

/// A text with an ellipsis where a template is filled in. What stands in the middle of one condition goes with it.
fn without_templates(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, template)) = rest.split_once("{{") {
        plain += before;
        let mut template = template;
        let mut depth = 0_usize;
        loop {
            let (action, after) = template.split_once("}}").unwrap_or((template, ""));
            match action.trim_matches(['-', ' ']).split(' ').next() {
                Some("with" | "if" | "range") => depth += 1,
                Some("end") => depth = depth.saturating_sub(1),
                _ => {}
            }
            rest = after;
            match after.split_once("{{") {
                Some((_, next)) if depth > 0 => template = next,
                _ => break,
            }
        }
        plain.push('…');
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_an_ellipsis_with_all_that_they_hold() {
        for (text, plain) in [
            ("no template", "no template"),
            ("Org {{ $labels.org_id }} uses {{ $value | humanize }} times", "Org … uses … times"),
            ("{{ with query }}{{ . | first }} and {{ else }}none{{ end }}({{ $labels.a }})", "…(…)"),
            ("broken {{ with", "broken …"),
            ("{{ if a }}open", "…open"),
        ] {
            assert_eq!(without_templates(text), plain);
        }
    }
}
