//! Prometheus' own rule engine at work, and what it said.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// What is asked for at each step.
pub const FIRING: &str = r#"ALERTS{alertstate="firing"}"#;

/// Lets the garbage of a long run lie for a while, which saves a tenth of the time, but not without limit.
const GARBAGE: [(&str, &str); 2] = [("GOGC", "400"), ("GOMEMLIMIT", "6GiB")];

/// An alert that fires at one moment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Firing {
    pub alert: String,
    pub org: String,
    /// Minute of the trial.
    pub minute: usize,
}

/// Evaluates each of these files in a process of its own, all at once.
pub fn run(promtool: &Path, files: &[PathBuf]) -> Vec<Firing> {
    let start = |file: &PathBuf| -> (PathBuf, Child) {
        let output = file.with_extension("out");
        let to = File::create(&output).expect("a file");
        let child = Command::new(promtool)
            .args(["test", "rules"])
            .arg(file)
            .envs(GARBAGE)
            .stdout(Stdio::from(to.try_clone().expect("a handle")))
            .stderr(Stdio::from(to))
            .spawn()
            .expect("promtool starts");
        (output, child)
    };
    let running: Vec<_> = files.iter().map(start).collect();
    let mut firing = Vec::new();
    for (output, mut child) in running {
        let status = child.wait().expect("promtool ends");
        let said = std::fs::read_to_string(&output).expect("text");
        // It fails as a test: nothing was said to be expected, so it shows what there is.
        assert_eq!(status.code(), Some(1), "promtool: {status}, {said:.2000}");
        firing.extend(read(&said));
    }
    firing.sort_unstable();
    firing.dedup();
    firing
}

/// Reads the differences that promtool shows.
fn read(said: &str) -> Vec<Firing> {
    let mut firing = Vec::new();
    let mut minute = None;
    for line in said.lines().map(str::trim_start) {
        if let Some((expr, at)) = line.strip_prefix("expr: ").and_then(|line| line.split_once(", time: ")) {
            assert!(expr.contains("ALERTS"), "{line}");
            minute = Some(minutes(at.trim_end_matches([',', ':'])));
        } else if let Some(got) = line.strip_prefix("got: ").filter(|got| *got != "nil") {
            let minute = minute.expect("a time before it");
            let samples = got.split("{__name__=").skip(1);
            firing.extend(samples.map(|sample| Firing {
                alert: label(sample, "alertname"),
                org: label(sample, "org_id"),
                minute,
            }));
        } else {
            let is_known =
                ["exp: ", "Unit Testing", "FAILED", "SUCCESS"].iter().any(|word| line.starts_with(word));
            assert!(is_known || line.is_empty(), "promtool: {line}");
        }
    }
    firing
}

fn label(sample: &str, name: &str) -> String {
    let (_, rest) =
        sample.split_once(&format!("{name}=\"")).unwrap_or_else(|| panic!("no {name} in {sample}"));
    rest.split('"').next().expect("a value").to_owned()
}

/// A duration as Prometheus writes it: `3w2d1h5m`.
fn minutes(text: &str) -> usize {
    let (mut total, mut number) = (0, 0);
    for letter in text.chars() {
        match letter {
            'w' => total += number * super::time::WEEK,
            'd' => total += number * super::time::DAY,
            'h' => total += number * super::time::HOUR,
            'm' => total += number,
            digit => {
                number = number * 10
                    + usize::try_from(digit.to_digit(10).unwrap_or_else(|| panic!("{text}")))
                        .expect("a digit");
                continue;
            }
        }
        number = 0;
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_of_prometheus_are_minutes_of_the_trial() {
        assert_eq!(minutes("3w"), 30_240);
        assert_eq!(minutes("3w2d5h45m"), 30_240 + 2 * 1_440 + 5 * 60 + 45);
    }

    #[test]
    fn each_alert_that_fires_is_read_with_its_org_and_its_time() {
        let said = "Unit Testing:  part0.yaml\n  FAILED:\n    expr: \"ALERTS{alertstate=\\\"firing\\\"}\", time: 3w5m,\n        \
                    exp: nil\n        got: {__name__=\"ALERTS\", alertname=\"A\", org_id=\"1\"} 1E+00, {__name__=\"ALERTS\", \
                    alertname=\"B\", org_id=\"2\"} 1E+00\n";
        let firing =
            |alert: &str, org: &str| Firing { alert: alert.to_owned(), org: org.to_owned(), minute: 30_245 };
        assert_eq!(read(said), [firing("A", "1"), firing("B", "2")]);
    }
}
