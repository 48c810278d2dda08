//! Rule files, and what `rules --check` says of them.
//!
//! A text that begins with `groups` is a rule file, any other an expression of one. What is refused is refused in one line with file
//! and line. Each rule gets its verdict, and that does not depend on the order in which rules stand.

use losant_exporter::rules::{Check, Page, RuleFile, Verdict};

/// Some series of every kind that rules look at.
const PAGE: &str = "losant_up{instance_id=\"a\"} 1\n\
    losant_org_payloads_today{instance_id=\"a\",org_id=\"b\",billable=\"true\"} 7\n\
    losant_org_info{instance_id=\"a\",org_id=\"b\",name=\"Acme\"} 1\n\
    losant_exporter_api_requests_total{action=\"orgs.get\",code=\"200\"} 7\n\
    process_cpu_seconds_total 1\n";

/// Checks a text as a rule file.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if text.trim_start().starts_with("groups") {
        file(text);
    } else {
        let expr = text.replace(['\n', '\r'], " ");
        file(&format!(
            "groups:\n- name: g\n  rules:\n  - record: a:b\n    expr: {}\n",
            serde_json::json!(expr)
        ));
    }
}

fn file(text: &str) {
    let rules = match RuleFile::read("rules.yaml", text) {
        Ok(file) => file.rules,
        Err(error) => {
            let said = error.to_string();
            assert!(!said.contains(char::is_control), "more than one line: {said:?}");
            let place = said.strip_prefix("rules.yaml:").and_then(|rest| rest.split_once(": "));
            let line: usize = place.expect("file and line").0.parse().expect("a number");
            assert!((1..=lines(text) + 1).contains(&line), "{said}");
            return;
        }
    };
    let page = Page::read(PAGE).expect("a page");
    let verdicts = words(&Check::new(&rules, &page).verdicts());
    assert_eq!(verdicts.len(), rules.len());
    assert!(rules.iter().all(|rule| (1..=lines(text) as u64).contains(&rule.line)));
    let backwards: Vec<_> = rules.into_iter().rev().collect();
    let mut again = words(&Check::new(&backwards, &page).verdicts());
    again.reverse();
    assert_eq!(again, verdicts, "the order of rules matters");
}

/// To YAML a carriage return ends a line, too.
fn lines(text: &str) -> usize {
    text.split(['\n', '\r']).count()
}

fn words(verdicts: &[Verdict<'_>]) -> Vec<String> {
    verdicts.iter().map(|verdict| format!("{:?} {:?}", verdict.series, verdict.problems)).collect()
}
