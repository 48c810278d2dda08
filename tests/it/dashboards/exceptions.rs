//! What is let pass, and why.

use super::lint::Finding;

/// A rule that does not hold somewhere.
#[derive(Debug)]
pub struct Exception {
    rule: &'static str,
    /// The uid of a dashboard, or `*`.
    dashboard: &'static str,
    /// A panel, a variable or a series; with a star at its end, all that begin so.
    place: &'static str,
    /// For the reader.
    #[expect(dead_code, reason = "it is there to be read")]
    reason: &'static str,
}

const fn exception(
    rule: &'static str,
    dashboard: &'static str,
    place: &'static str,
    reason: &'static str,
) -> Exception {
    Exception { rule, dashboard, place, reason }
}

const RECORDED: &str =
    "rules record it without the labels of a target, so that a restart or a second replica changes nothing";
const CONSTANT: &str = "a threshold: one for all";
const OF_EXPORTER: &str = "the exporter speaks of itself, not of an instance of Losant";
const BY_DAY: &str = "days are added up by a subquery that has the step of a day";
const ONE_OF_EACH: &str = "about one org or one sandbox user, which has one instance";

pub const EXCEPTIONS: [Exception; 22] = [
    exception("template-instance-rule", "losant-organization", "instance", ONE_OF_EACH),
    exception("template-instance-rule", "losant-sandbox", "instance", ONE_OF_EACH),
    exception("target-job-rule", "*", "losant_instance:*", RECORDED),
    exception("target-job-rule", "*", "losant_org:*", RECORDED),
    exception("target-job-rule", "*", "losant_sandbox:*", RECORDED),
    exception("target-job-rule", "*", "losant:*", CONSTANT),
    exception("target-job-rule", "*", "ALERTS*", "alerts about orgs come from rules and have no job"),
    exception("target-job-rule", "*", "losant_exporter_build_info", "the variable job is read from it"),
    exception("target-instance-rule", "*", "losant:*", CONSTANT),
    exception("target-instance-rule", "*", "losant_exporter_*", OF_EXPORTER),
    exception("target-instance-rule", "*", "losant_exporter:*", OF_EXPORTER),
    exception("target-instance-rule", "*", "process_*", OF_EXPORTER),
    exception("target-instance-rule", "*", "scrape_duration_seconds", OF_EXPORTER),
    exception("target-instance-rule", "*", "up", OF_EXPORTER),
    exception("target-instance-rule", "*", "ALERTS*", "alerts about the exporter are about no instance"),
    exception("target-instance-rule", "*", "losant_instance_info", "the variable instance is read from it"),
    exception(
        "target-instance-rule",
        "*",
        "losant_instance:collector_age:seconds",
        "the variable instance is read from it",
    ),
    exception("hours-and-days", "losant-organization", "Billing period against the limit", BY_DAY),
    exception("hours-and-days", "losant-sandbox", "Billing period against the limit", BY_DAY),
    exception(
        "recorded",
        "losant-organization",
        "losant_org_payloads_period",
        "by type and by source, which the rule adds up",
    ),
    exception(
        "recorded",
        "losant-sandbox",
        "losant_sandbox_payloads_period",
        "by type and by source, which the rule adds up",
    ),
    exception(
        "recorded",
        "losant-exporter",
        "losant_exporter_api_requests_total",
        "by status, which the rule adds up",
    ),
];

const NOT_MODELLED: &str =
    "the SDK knows annotations of Grafana itself; this is one of the Prometheus data source";

/// What the SDK does not write back, in the order of its report.
pub const LOST_IN_THE_SDK: [(&str, &str); 9] = [
    ("dashboard.annotations.list.*.tagKeys is lost", NOT_MODELLED),
    ("dashboard.annotations.list.*.target.datasource is lost", NOT_MODELLED),
    ("dashboard.annotations.list.*.target.editorMode is lost", NOT_MODELLED),
    ("dashboard.annotations.list.*.target.expr is lost", NOT_MODELLED),
    ("dashboard.annotations.list.*.target.interval is lost", NOT_MODELLED),
    ("dashboard.annotations.list.*.target.refId is lost", NOT_MODELLED),
    ("dashboard.annotations.list.*.textFormat is lost", NOT_MODELLED),
    ("dashboard.annotations.list.*.titleFormat is lost", NOT_MODELLED),
    ("dashboard.annotations.list.*.useValueForTime is lost", NOT_MODELLED),
];

impl Exception {
    pub fn covers(&self, finding: &Finding) -> bool {
        let place = match self.place.strip_suffix('*') {
            Some(start) => finding.place.starts_with(start),
            None => finding.place == self.place,
        };
        self.rule == finding.rule && (self.dashboard == "*" || self.dashboard == finding.dashboard) && place
    }
}

pub fn allow(finding: &Finding) -> bool {
    EXCEPTIONS.iter().any(|exception| exception.covers(finding))
}
