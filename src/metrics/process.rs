//! The standard `process_*` metrics.
//!
//! Owns: what the kernel says about this process, read when the end of a page is made. What it does not say, or says on no other
//! system than Linux, is absent: a 0 would be made up.
//! Must not: hold any state of the exporter.

use prometheus_client::registry::Registry;

/// Adds the metrics to `registry`. Their names are given by convention: `registry` must not have a prefix.
pub fn register(registry: &mut Registry) {
    #[cfg(target_os = "linux")]
    registry.register_collector(Box::new(linux::Process::new()));
    #[cfg(not(target_os = "linux"))]
    let _ = registry;
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fmt;

    use procfs::process::LimitValue;
    use prometheus_client::collector::Collector;
    use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
    use prometheus_client::metrics::counter::ConstCounter;
    use prometheus_client::metrics::gauge::ConstGauge;

    #[derive(Debug)]
    pub(super) struct Process {
        start_time: Option<f64>,
    }

    impl Process {
        /// Reads the start time now, once: the kernel derives it from a boot time that moves when the clock is
        /// corrected, and a start time that moves reads as a restart.
        pub(super) fn new() -> Self {
            Self { start_time: start_time() }
        }
    }

    impl Collector for Process {
        fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
            let mut write = |name, help, metric| write(&mut encoder, name, help, metric);
            write(
                "process_start_time_seconds",
                "Start time of the process since unix epoch in seconds.",
                self.start_time.map(Metric::Seconds),
            )?;
            let Ok(process) = procfs::process::Process::myself() else { return Ok(()) };
            let stat = process.stat().ok();
            let stat = stat.as_ref();
            write(
                "process_cpu_seconds",
                "Total user and system CPU time spent in seconds.",
                stat.map(|stat| Metric::Spent(seconds(stat.utime.saturating_add(stat.stime)))),
            )?;
            write(
                "process_resident_memory_bytes",
                "Resident memory size in bytes.",
                stat.map(|stat| Metric::Amount(stat.rss.saturating_mul(procfs::page_size()))),
            )?;
            write(
                "process_virtual_memory_bytes",
                "Virtual memory size in bytes.",
                stat.map(|stat| Metric::Amount(stat.vsize)),
            )?;
            write(
                "process_threads",
                "Number of operating system threads.",
                stat.and_then(|stat| stat.num_threads.try_into().ok()).map(Metric::Amount),
            )?;
            write(
                "process_open_fds",
                "Number of open file descriptors.",
                process.fd_count().ok().and_then(|open| open.try_into().ok()).map(Metric::Amount),
            )?;
            write(
                "process_max_fds",
                "Maximum number of open file descriptors.",
                process.limits().ok().and_then(|limits| match limits.max_open_files.soft_limit {
                    LimitValue::Value(most) => Some(Metric::Amount(most)),
                    // A process without a limit has no number to report.
                    LimitValue::Unlimited => None,
                }),
            )
        }
    }

    /// A number that the kernel told.
    #[derive(Clone, Copy)]
    enum Metric {
        Spent(f64),
        Seconds(f64),
        Amount(u64),
    }

    fn write(
        encoder: &mut DescriptorEncoder,
        name: &str,
        help: &str,
        metric: Option<Metric>,
    ) -> Result<(), fmt::Error> {
        let metric: &dyn EncodeMetric = match metric {
            Some(Metric::Spent(seconds)) => &ConstCounter::new(seconds),
            Some(Metric::Seconds(seconds)) => &ConstGauge::new(seconds),
            Some(Metric::Amount(amount)) => &ConstGauge::new(amount),
            None => return Ok(()),
        };
        metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)
    }

    fn start_time() -> Option<f64> {
        let stat = procfs::process::Process::myself().and_then(|process| process.stat()).ok()?;
        let boot = procfs::boot_time_secs().ok()?;
        Some(seconds(boot.checked_mul(procfs::ticks_per_second())?.checked_add(stat.starttime)?))
    }

    #[expect(clippy::cast_precision_loss, reason = "exact below 2^53 ticks, which are millions of years")]
    fn seconds(ticks: u64) -> f64 {
        ticks as f64 / procfs::ticks_per_second() as f64
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::collections::BTreeMap;

    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;

    fn scrape(registry: &Registry) -> BTreeMap<String, f64> {
        let mut text = String::new();
        encode(&mut text, registry).unwrap();
        openmetrics_parser::openmetrics::parse_openmetrics(&text).unwrap();
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        samples
            .map(|line| line.split_once(' ').unwrap())
            .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn the_standard_metrics_are_there_and_plausible() {
        let mut registry = Registry::default();
        super::register(&mut registry);
        let samples = scrape(&registry);
        assert!(samples["process_cpu_seconds_total"] >= 0.0);
        assert!(samples["process_resident_memory_bytes"] > 100_000.0);
        assert!(samples["process_virtual_memory_bytes"] >= samples["process_resident_memory_bytes"]);
        assert!(samples["process_open_fds"] >= 3.0);
        assert!(samples["process_max_fds"] >= samples["process_open_fds"]);
        assert!(samples["process_threads"] >= 1.0);
        // Later than 2020, in seconds.
        assert!((1.6e9..1e11).contains(&samples["process_start_time_seconds"]));
    }

    #[test]
    fn an_opened_file_shows_at_the_next_scrape() {
        let mut registry = Registry::default();
        super::register(&mut registry);
        let files: Vec<_> = (0..200).map(|_| std::fs::File::open("/proc/self/stat").unwrap()).collect();
        assert!(scrape(&registry)["process_open_fds"] >= 200.0);
        drop(files);
    }
}
