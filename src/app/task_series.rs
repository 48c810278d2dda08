//! How many tasks the process has.

use std::sync::{Arc, OnceLock};
use std::{fmt, iter};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use tokio::runtime::Handle;

#[derive(Debug)]
struct TaskSeries {
    /// Where there are tasks besides those of the runtime that makes the page.
    elsewhere: Arc<OnceLock<Handle>>,
}

/// Registers the series. It counts the tasks of the runtime that makes the page, and of the one `elsewhere`, once there is one.
pub(super) fn register(registry: &mut Registry, elsewhere: Arc<OnceLock<Handle>>) {
    registry.register_collector(Box::new(TaskSeries { elsewhere }));
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
        register(&mut registry, Arc::default());
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
    fn those_of_the_runtime_elsewhere_count_as_well() {
        let other = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let mut registry = Registry::default();
        register(&mut registry, Arc::new(other.handle().clone().into()));
        for _ in 0..2 {
            other.spawn(std::future::pending::<()>());
        }
        let here = tokio::runtime::Builder::new_current_thread().build().unwrap();
        here.block_on(async {
            let mut own = JoinSet::new();
            own.spawn(std::future::pending::<()>());
            assert_eq!(line(&registry).as_deref(), Some("losant_exporter_tasks 3"));
        });
    }

    #[test]
    fn nothing_is_told_where_there_is_no_runtime() {
        assert_eq!(told(), None);
    }
}
