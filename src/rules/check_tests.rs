//! Rules in, verdicts out, against a small page.

use super::*;

/// A page of an exporter without sandboxes, tokens that expire, or failures.
const PAGE: &str = "\
losant_exporter_build_info{version=\"1\"} 1
losant_org_payloads_today{instance_id=\"i\",org_id=\"o\",billable=\"true\"} 5
losant_org_payloads_today{instance_id=\"i\",org_id=\"o\",billable=\"false\"} 0
losant_org_payloads_period{instance_id=\"i\",org_id=\"o\",payload_type=\"timer\",source=\"\"} 5
losant_org_info{instance_id=\"i\",org_id=\"o\",name=\"Acme\",plan_id=\"\",subscription_status=\"\",referral_id=\"\"} 1
losant_application_devices{instance_id=\"i\",org_id=\"o\",application_id=\"a\"} 1
losant_exporter_polls_total{collector=\"discovery\",result=\"success\"} 7
losant_new_thing{id=\"1\"} 1
";

fn rules(rules: &str) -> Vec<Rule> {
    RuleFile::read("r.yaml", &format!("groups:\n- name: g\n  rules:\n{rules}")).unwrap().rules
}

/// What is said of the last of some rules: its series, and what is wrong with labels.
fn verdict(records: &[&str], expr: &str) -> (Vec<Standing>, Vec<Problem>) {
    let mut text = String::new();
    for record in records {
        let (name, expr) = record.split_once(" = ").unwrap();
        text += &["  - record: ", name, "\n    expr: ", expr, "\n"].concat();
    }
    text += &["  - alert: A\n    expr: |\n      ", expr, "\n"].concat();
    let (rules, page) = (rules(&text), Page::read(PAGE).unwrap());
    let verdict = Check::new(&rules, &page).verdicts().pop().unwrap();
    (verdict.series.into_iter().map(|(_, standing)| standing).collect(), verdict.problems)
}

fn standing(expr: &str) -> Standing {
    verdict(&[], expr).0.remove(0)
}

/// What is wrong with labels, in short.
fn problems(records: &[&str], expr: &str) -> Vec<String> {
    let problems = verdict(records, expr).1.into_iter();
    let short = problems.map(|problem| match problem {
        Problem::MissingLabel { label, series, setting } => {
            format!(
                "no {label} on {}{}",
                series.join("|"),
                if setting.is_some() { ", switched off" } else { "" }
            )
        }
        Problem::NeverMatched { series, .. } => format!("never {series}"),
    });
    short.collect()
}

#[test]
fn series_stand_as_the_page_has_them() {
    assert_eq!(standing("losant_org_payloads_today > 1"), Standing::Shown(2));
    assert_eq!(standing("losant_org_payloads_today{billable=\"true\"}"), Standing::Shown(1));
    // Labels of the target are on no page.
    assert_eq!(standing("losant_org_payloads_today{job=\"losant\"}"), Standing::Shown(2));
    assert_eq!(standing("losant_org_payloads_today{org_id=\"p\"}"), Standing::NoneFitNow);
    assert_eq!(standing("losant_sandbox_devices"), Standing::NoneNow);
    assert_eq!(standing("rate(losant_exporter_api_request_duration_seconds_bucket[5m])"), Standing::NoneNow);
    assert_eq!(standing("losant_org_payload_today"), Standing::UnknownFamily);
    assert_eq!(standing("process_cpu_seconds"), Standing::UnknownFamily);
    assert_eq!(standing("losant_new_thing"), Standing::Shown(1));
    assert_eq!(standing("losant_org:devices:max"), Standing::NotRecorded);
    assert_eq!(standing("up == 0"), Standing::OfPrometheus);
    assert_eq!(standing("kube_pod_info"), Standing::Foreign);
    assert_eq!(standing("{__name__=~\"losant_org_.*\"}"), Standing::Shown(4));
    let (series, _) = verdict(&["a:b = vector(1)"], "a:b > 1");
    assert_eq!(series, [Standing::RecordedBy(vec!["r.yaml".to_owned()])]);
}

#[test]
fn a_label_that_nothing_has_is_missing() {
    for (expr, wrong) in [
        ("sum by (instance_id, billable) (losant_org_payloads_today)", &[][..]),
        ("sum by (job, instance, org_id) (losant_org_payloads_today)", &[]),
        ("sum by (org) (losant_org_payloads_today)", &["no org on losant_org_payloads_today"]),
        ("losant_org_payloads_today{bilable=\"true\"}", &["no bilable on losant_org_payloads_today"]),
        (
            "sum by (source) (losant_org_payloads_period{source=\"timer.flow\"})",
            &["no source on losant_org_payloads_period, switched off"],
        ),
        // Names may be empty.
        ("losant_org_payloads_today * on (org_id) group_left (plan_id) losant_org_info", &[]),
        (
            "losant_org_payloads_today * on (org_id) group_left (plan) losant_org_info",
            &["no plan on losant_org_info"],
        ),
        // No sandbox has an application now.
        ("sum by (sandbox_id) (losant_application_devices)", &[]),
        ("sum by (sandbox_id) (losant_org_payloads_today)", &["no sandbox_id on losant_org_payloads_today"]),
        ("max by (sandbox_id) (losant_sandbox_devices)", &[]),
        ("max by (org_id) (losant_sandbox_devices)", &["no org_id on losant_sandbox_devices"]),
        ("max by (source) (losant_sandbox_payloads_period)", &[]),
        ("max by (org_id) (sum(losant_org_payloads_today))", &["no org_id on "]),
        ("max by (org_id) (losant_org_payloads_today or losant_sandbox_devices)", &[]),
        ("max by (x) (losant_org_info or losant_up)", &["no x on losant_org_info|losant_up"]),
        ("max by (alertname) (ALERTS)", &[]),
        ("max by (whatever) (kube_pod_info)", &[]),
    ] {
        assert_eq!(problems(&[], expr), wrong, "{expr}");
    }
}

#[test]
fn labels_are_followed_through_recorded_series() {
    let records = [
        "a:today:max = max by (instance_id, org_id, billable) (losant_org_payloads_today)",
        "a:today:sum = sum by (org_id) (a:today:max)",
        "a:round:trip = a:round:trip offset 1m or a:today:sum",
        "a:made:up = label_replace(a:today:sum, \"hour\", \"this\", \"\", \"\")",
    ];
    for (expr, wrong) in [
        ("sum by (billable) (a:today:max)", &[][..]),
        ("sum by (billable) (a:today:sum)", &["no billable on a:today:sum"]),
        ("a:today:sum{instance_id=\"i\"}", &["no instance_id on a:today:sum"]),
        ("sum by (org_id) (a:round:trip)", &[]),
        ("sum by (billable) (a:round:trip)", &["no billable on a:round:trip"]),
        ("sum by (hour, org_id) (a:made:up)", &[]),
        ("a:today:max{billable=\"yes\"}", &["never a:today:max{billable=\"yes\"}"]),
    ] {
        assert_eq!(problems(&records, expr), wrong, "{expr}");
    }
}

#[test]
fn a_value_that_a_label_never_has_is_found_where_all_are_known() {
    for (expr, wrong) in [
        ("losant_org_payloads_today{billable=~\"true|false\"}", &[][..]),
        (
            "losant_org_payloads_today{billable=\"True\"}",
            &["never losant_org_payloads_today{billable=\"True\"}"],
        ),
        ("losant_org_notebook_runs_today{outcome=~\"error|timeout\"}", &[]),
        (
            "losant_org_notebook_runs_today{outcome=\"error\"}",
            &["never losant_org_notebook_runs_today{outcome=\"error\"}"],
        ),
        ("losant_exporter_polls_total{collector!=\"previous_period\"}", &[]),
        // Which results there are depends on what happens.
        ("losant_exporter_polls_total{result=\"anything\"}", &[]),
    ] {
        assert_eq!(problems(&[], expr), wrong, "{expr}");
    }
    assert_eq!(standing("losant_exporter_polls_total{result=\"anything\"}"), Standing::NoneFitNow);
}

#[test]
fn labels_that_a_rule_adds_are_there_with_any_value() {
    let rules = rules(
        "  - record: a:limit:ratio\n    expr: losant_org_payloads_today\n    labels: { resource: x, billable: maybe }\n\
         \x20 - alert: A\n    expr: sum by (resource) (a:limit:ratio{billable=\"maybe\"})\n",
    );
    let page = Page::read(PAGE).unwrap();
    assert!(Check::new(&rules, &page).verdicts().iter().all(Verdict::is_ok));
}

#[test]
fn the_sum_counts_each_selector_once_and_rules_that_lack_something() {
    let rules = rules(
        "  - alert: A\n    expr: losant_up == 0\n  - alert: B\n    expr: losant_up == 1 or losant_sandbox_devices\n\
         \x20 - alert: C\n    expr: losant_upp\n",
    );
    let page = Page::read(PAGE).unwrap();
    let tally = Tally::of(&Check::new(&rules, &page).verdicts());
    assert_eq!(tally, Tally { rules: 3, failed: 1, series: 3, none_now: 2 });
}
