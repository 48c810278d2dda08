//! A trial as a file for `promtool test rules`.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::time::{HOUR, LIVE};
use super::{Course, Size, Tenant, exporter, notation, promtool};

/// How long after an hour's end its history begins to be there, as `backfill` writes it.
const SETTLE_DELAY: usize = 10;

/// Writes what was to be seen of some orgs, and asks at every step which alerts fire.
pub fn write(file: &Path, size: &Size, rules: &[PathBuf], members: &[(usize, &Tenant, &Course)]) {
    let mut out = BufWriter::new(File::create(file).expect("a file"));
    write_all(&mut out, size, rules, members).expect("a file that can be written");
}

fn write_all(
    out: &mut impl Write,
    size: &Size,
    rules: &[PathBuf],
    members: &[(usize, &Tenant, &Course)],
) -> std::io::Result<()> {
    let step = size.step;
    writeln!(out, "rule_files:")?;
    for rule_file in rules {
        writeln!(out, "- {}", rule_file.display())?;
    }
    writeln!(out, "evaluation_interval: {step}m\ntests:\n- interval: {step}m\n  input_series:")?;
    let mut line = String::new();
    let mut write_series =
        |out: &mut dyn Write, name: &str, labels: &str, values: &mut dyn Iterator<Item = _>| {
            line.clear();
            notation::write(&mut line, values);
            writeln!(out, "  - series: '{name}{{{labels}}}'\n    values: '{}'", line.trim_end())
        };
    for (index, tenant, course) in members {
        let ids = format!(r#"instance_id="{}",org_id="{}""#, tenant.instance, tenant.id);
        for billable in [true, false] {
            let mut hours = history(size, tenant, course, billable);
            let labels = format!(r#"{ids},billable="{billable}""#);
            write_series(out, "losant_org:payloads_last_hour:max", &labels, &mut hours)?;
        }
        for series in exporter::shown(size, *index, tenant, course) {
            let target = format!(r#"job="losant",instance="10.0.0.{0}:9402",pod="{0}""#, series.process);
            let labels = [ids.as_str(), series.labels, target.as_str()]
                .into_iter()
                .filter(|labels| !labels.is_empty());
            let labels: Vec<&str> = labels.collect();
            let nothing = std::iter::repeat_n(None, LIVE / step);
            let mut values = nothing.chain(series.values.iter().copied());
            write_series(out, series.name, &labels.join(","), &mut values)?;
        }
    }
    writeln!(out, "  promql_expr_test:")?;
    for minute in (LIVE..size.minutes()).step_by(step) {
        writeln!(out, "  - {{ expr: '{}', eval_time: {minute}m }}", promtool::FIRING)?;
    }
    out.flush()
}

/// The settled hours before the exporter was there, a sample each.
fn history<'a>(
    size: &'a Size,
    tenant: &'a Tenant,
    course: &'a Course,
    billable: bool,
) -> impl Iterator<Item = Option<u64>> + use<'a> {
    (0..LIVE).step_by(size.step).map(move |minute| {
        let end = minute.checked_sub(SETTLE_DELAY).filter(|end| *end > 0 && end % HOUR == 0)?;
        let count = if billable { course.billable(end - HOUR, end) } else { course.other(end - HOUR, end) };
        (end - HOUR >= tenant.founded).then_some(count)
    })
}
