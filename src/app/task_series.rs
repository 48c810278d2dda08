//! How many tasks the process has.

use std::sync::{Arc, OnceLock};
use std::{fmt, iter};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use tokio::runtime::Handle;

/// The series.
#[derive(Clone, Debug, Default)]
pub(super) struct TaskSeries {
    /// Where there are tasks besides those of the runtime that makes the page.
    elsewhere: Arc<OnceLock<Handle>>,
}

impl TaskSeries {
    /// Registers the series.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let series = Self::default();
        registry.register_collector(Box::new(series.clone()));
        series
    }

    /// Counts the tasks of another runtime as well. The first one that is named stays.
    pub(super) fn count_on(&self, runtime: Handle) {
        let _ = self.elsewhere.set(runtime);
    }
}

impl Collector for TaskSeries {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        // Outside of a runtime there is nobody who would know.
        let Ok(runtime) = Handle::try_current() else { return Ok(()) };
        let runtimes = iter::once(&runtime).chain(self.elsewhere.get());
        let tasks: usize = runtimes.map(|runtime| runtime.metrics().num_alive_tasks()).sum();
        let tasks = ConstGauge::new(u64::try_from(tasks).unwrap_or(u64::MAX));
        let family = encoder.encode_descriptor(
            "losant_exporter_tasks",
            "Tasks that are alive: pollers, polls under way, connections. A number that only grows is a leak.",
            None,
            tasks.metric_type(),
        )?;
        tasks.encode(family)
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;

    use super::*;

    /// The line of the series, if there is one.
    fn told() -> Option<String> {
        let mut registry = Registry::default();
        TaskSeries::register(&mut registry);
        line(&registry)
    }

    fn line(registry: &Registry) -> Option<String> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, registry).unwrap();
        text.lines().find(|line| !line.starts_with('#')).map(str::to_owned)
    }

    #[tokio::test]
    async fn tasks_are_counted_while_they_live() {
        assert_eq!(told().as_deref(), Some("losant_exporter_tasks 0"));
        let mut tasks = JoinSet::new();
        for _ in 0..3 {
            tasks.spawn(std::future::pending::<()>());
        }
        assert_eq!(told().as_deref(), Some("losant_exporter_tasks 3"));
        tasks.shutdown().await;
        assert_eq!(told().as_deref(), Some("losant_exporter_tasks 0"));
    }

    #[test]
    fn those_of_another_runtime_that_is_named_count_as_well() {
        let other = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let mut registry = Registry::default();
        TaskSeries::register(&mut registry).count_on(other.handle().clone());
        let (release, kept) = tokio::sync::oneshot::channel::<()>();
        let task = other.spawn(kept);
        let here = tokio::runtime::Builder::new_current_thread().build().unwrap();
        here.block_on(async {
            assert_eq!(line(&registry).as_deref(), Some("losant_exporter_tasks 1"));
            drop(release);
            let _ = task.await;
        });
    }

    #[test]
    fn nothing_is_told_where_there_is_no_runtime() {
        assert_eq!(told(), None);
    }
}
