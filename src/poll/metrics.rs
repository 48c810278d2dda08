//! What polling says of itself.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use prometheus_client::collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::sweep_mode::SweepMode;
use crate::clock::Clock;
use crate::usage::Collector;

/// Metrics of all pollers of the process. Clones share their values.
#[derive(Clone, Debug)]
pub struct PollMetrics {
    polls: Family<PollLabels, Counter>,
    sweep_duration: Gauge<f64, AtomicU64>,
    account_up: Family<AccountLabels, Gauge>,
    sweep_mode: Family<SweepModeLabels, Gauge>,
    lag: LagBoards,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AccountLabels {
    account: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SweepModeLabels {
    account: String,
    mode: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PollLabels {
    collector: &'static str,
    result: &'static str,
}

impl PollMetrics {
    /// Registers the metrics.
    pub fn register(registry: &mut Registry, clock: Clock) -> Self {
        let metrics = Self {
            polls: Family::default(),
            sweep_duration: Gauge::default(),
            account_up: Family::default(),
            sweep_mode: Family::default(),
            lag: LagBoards::default(),
        };
        registry.register(
            "losant_exporter_polls",
            "Polls that ended, by collector and result: success, or the word for what failed",
            metrics.polls.clone(),
        );
        registry.register(
            "losant_exporter_sweep_duration_seconds",
            "How long the last discovery of an instance with all its orgs and sandboxes took",
            metrics.sweep_duration.clone(),
        );
        registry.register(
            "losant_exporter_account_up",
            "1 when the last discovery of every instance of the account succeeded, else 0, from the start on",
            metrics.account_up.clone(),
        );
        registry.register(
            "losant_exporter_sweep_mode",
            "1 for what lists are good for: summaries (they tell use, so only orgs and sandboxes that move are asked), \
             scopes (they do not, or much too late: everybody is asked in turn) or mixed",
            metrics.sweep_mode.clone(),
        );
        registry.register_collector(Box::new(PollLag { boards: metrics.lag.clone(), clock }));
        metrics
    }

    pub(super) fn ended(&self, collector: Collector, result: &'static str) {
        self.polls.get_or_create(&PollLabels { collector: collector.as_str(), result }).inc();
    }

    pub(super) fn account_up(&self, account: &str, up: bool) {
        let labels = AccountLabels { account: account.to_owned() };
        self.account_up.get_or_create(&labels).set(i64::from(up));
    }

    pub(super) fn sweep_mode(&self, account: &str, mode: SweepMode) {
        for known in SweepMode::ALL {
            let labels = SweepModeLabels { account: account.to_owned(), mode: known.as_str() };
            self.sweep_mode.get_or_create(&labels).set(i64::from(known == mode));
        }
    }

    pub(super) fn swept(&self, duration: Duration) {
        self.sweep_duration.set(duration.as_secs_f64());
    }

    /// A board of its own for one poller.
    pub(super) fn lag_board(&self) -> LagBoard {
        let board = LagBoard::default();
        let mut boards = self.lag.0.lock().unwrap_or_else(PoisonError::into_inner);
        boards.retain(|board| board.strong_count() > 0);
        boards.push(Arc::downgrade(&board.0));
        board
    }

    /// Says nothing more of an account that is polled no more.
    pub fn forget_account(&self, account: &str) {
        self.account_up.remove(&AccountLabels { account: account.to_owned() });
        for mode in SweepMode::ALL {
            self.sweep_mode.remove(&SweepModeLabels { account: account.to_owned(), mode: mode.as_str() });
        }
    }
}

/// When the most overdue job of each collector was due.
type EarliestDue = Mutex<[Option<Duration>; Collector::ALL.len()]>;

/// Where one poller writes it. Goes with the poller.
#[derive(Clone, Debug, Default)]
pub(super) struct LagBoard(Arc<EarliestDue>);

impl LagBoard {
    pub(super) fn write(&self, earliest_due: [Option<Duration>; Collector::ALL.len()]) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = earliest_due;
    }
}

#[derive(Clone, Debug, Default)]
struct LagBoards(Arc<Mutex<Vec<Weak<EarliestDue>>>>);

/// Works out on each scrape how late polls are: a poller that is stuck cannot hide it.
#[derive(Debug)]
struct PollLag {
    boards: LagBoards,
    clock: Clock,
}

impl collector::Collector for PollLag {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let mut earliest = [None; Collector::ALL.len()];
        let boards = self.boards.0.lock().unwrap_or_else(PoisonError::into_inner);
        for board in boards.iter().filter_map(Weak::upgrade) {
            let board = *board.lock().unwrap_or_else(PoisonError::into_inner);
            for (earliest, due) in earliest.iter_mut().zip(board) {
                *earliest = match (*earliest, due) {
                    (Some(a), Some(b)) => Some(std::cmp::min::<Duration>(a, b)),
                    (a, b) => a.or(b),
                };
            }
        }
        drop(boards);
        let now = self.clock.uptime();
        if earliest.iter().all(Option::is_none) {
            return Ok(());
        }
        let mut family = encoder.encode_descriptor(
            "losant_exporter_poll_lag_seconds",
            "How late the most overdue poll of the collector is, those under way included: tells whether the budget is \
             enough, not whether polls succeed.",
            None,
            MetricType::Gauge,
        )?;
        for (collector, due) in Collector::ALL.into_iter().zip(earliest) {
            if let Some(due) = due {
                let labels = [("collector", collector.as_str())];
                family.encode_family(&labels)?.encode_gauge(&now.saturating_sub(due).as_secs_f64())?;
            }
        }
        Ok(())
    }
}
