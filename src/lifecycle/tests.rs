use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::clock::ClockHand;

const PATIENCE: Duration = Duration::from_secs(30);

fn shutdown() -> (SignalSender, ClockHand, Shutdown) {
    let (sender, signals) = Signals::manual();
    let (clock, hand) = Clock::manual("2026-03-01T00:00:00Z".parse().unwrap());
    (sender, hand, Shutdown::new(signals, clock, PATIENCE))
}

fn died(name: &str, reason: &str) -> Result<Ending, TaskDied> {
    Err(TaskDied { name: name.to_owned(), reason: reason.to_owned() })
}

#[tokio::test]
async fn a_signal_lets_every_task_finish() {
    let (signals, _hand, shutdown) = shutdown();
    let finished = Arc::new(AtomicBool::new(false));
    let mut tasks = Tasks::new();
    let drain = shutdown.drain();
    assert!(!drain.is_requested());
    tasks.spawn("poller", {
        let (drain, finished) = (drain.clone(), Arc::clone(&finished));
        async move {
            drain.requested().await;
            finished.store(true, Ordering::SeqCst);
        }
    });
    signals.send("SIGTERM");
    assert_eq!(tasks.run_until(shutdown).await, Ok(Ending::Drained));
    assert!(finished.load(Ordering::SeqCst));
    assert!(drain.is_requested());
}

#[tokio::test]
async fn a_signal_ends_even_a_process_without_tasks() {
    let (signals, _hand, shutdown) = shutdown();
    signals.send("SIGTERM");
    assert_eq!(Tasks::new().run_until(shutdown).await, Ok(Ending::Drained));
}

#[tokio::test]
async fn the_work_before_the_drain_is_done_before_any_task_hears_of_it() {
    let (signals, _hand, shutdown) = shutdown();
    let unready = Arc::new(AtomicBool::new(false));
    let mut tasks = Tasks::new();
    let drain = shutdown.drain();
    tasks.spawn("web", {
        let unready = Arc::clone(&unready);
        async move {
            drain.requested().await;
            if unready.load(Ordering::SeqCst) { Ok(()) } else { Err("still ready") }
        }
    });
    signals.send("SIGTERM");
    let shutdown = shutdown.before_drain(move || unready.store(true, Ordering::SeqCst));
    assert_eq!(tasks.run_until(shutdown).await, Ok(Ending::Drained));
}

#[tokio::test]
async fn a_second_signal_stops_waiting() {
    let (signals, _hand, shutdown) = shutdown();
    let mut tasks = Tasks::new();
    tasks.spawn("stuck", std::future::pending::<()>());
    signals.send("SIGTERM");
    signals.send("SIGINT");
    assert_eq!(tasks.run_until(shutdown).await, Ok(Ending::Aborted));
}

#[tokio::test]
async fn patience_bounds_the_wait() {
    let (signals, hand, shutdown) = shutdown();
    let mut tasks = Tasks::new();
    let drain = shutdown.drain();
    tasks.spawn("stuck", async move {
        drain.requested().await;
        hand.advance(PATIENCE);
        std::future::pending::<()>().await;
    });
    signals.send("SIGTERM");
    assert_eq!(tasks.run_until(shutdown).await, Ok(Ending::TimedOut));
}

#[tokio::test]
async fn a_task_that_returns_unasked_is_noticed_and_the_others_are_stopped() {
    let (_signals, _hand, shutdown) = shutdown();
    let alive = Arc::new(());
    let mut tasks = Tasks::new();
    tasks.spawn("web", {
        let alive = Arc::clone(&alive);
        async move {
            std::future::pending::<()>().await;
            drop(alive);
        }
    });
    tasks.spawn("poller default", async {});
    assert_eq!(
        tasks.run_until(shutdown).await,
        died("poller default", "it returned although nobody asked it to stop")
    );
    // Whoever held it has been cancelled.
    while Arc::strong_count(&alive) > 1 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_error_is_told_with_its_causes() {
    let (_signals, _hand, shutdown) = shutdown();
    let mut tasks = Tasks::new();
    tasks.spawn("web", async { Err::<(), _>(anyhow::anyhow!("address in use").context("cannot listen")) });
    assert_eq!(tasks.run_until(shutdown).await, died("web", "cannot listen: address in use"));
}

#[tokio::test]
async fn a_panic_is_told_with_its_message() {
    for (text, reason) in [("", "it panicked: no text"), ("7", "it panicked: text 7")] {
        let (_signals, _hand, shutdown) = shutdown();
        let mut tasks = Tasks::new();
        tasks.spawn("poller", async move {
            // One panics with a literal, the other with a formatted message.
            assert!(!text.is_empty(), "no text");
            assert!(text.is_empty(), "text {text}");
        });
        assert_eq!(tasks.run_until(shutdown).await, died("poller", reason));
    }
}

#[test]
fn a_panic_on_another_runtime_is_noticed_as_well() {
    let elsewhere = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let here = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (_signals, _hand, shutdown) = shutdown();
    let ended = here.block_on(async {
        let mut tasks = Tasks::new();
        tasks.spawn("web", std::future::pending::<()>());
        tasks.spawn_on(elsewhere.handle(), "pollers", async { assert_eq!(1, 2, "oh") });
        tasks.run_until(shutdown).await
    });
    let TaskDied { name, reason } = ended.unwrap_err();
    assert_eq!(name, "pollers");
    assert!(reason.starts_with("it panicked: ") && reason.contains("oh"), "{reason}");
}

#[tokio::test]
async fn a_failure_while_draining_leaves_the_others_their_time() {
    let (signals, _hand, shutdown) = shutdown();
    let (failing, finishing) = (shutdown.drain(), shutdown.drain());
    let (failed, has_failed) = tokio::sync::oneshot::channel();
    let finished = Arc::new(AtomicBool::new(false));
    let mut tasks = Tasks::new();
    tasks.spawn("failing", async move {
        failing.requested().await;
        failed.send(()).unwrap();
        Err("disk full")
    });
    tasks.spawn("finishing", {
        let finished = Arc::clone(&finished);
        async move {
            finishing.requested().await;
            has_failed.await.unwrap();
            finished.store(true, Ordering::SeqCst);
        }
    });
    signals.send("SIGTERM");
    assert_eq!(tasks.run_until(shutdown).await, died("failing", "disk full"));
    assert!(finished.load(Ordering::SeqCst));
}

#[test]
fn a_dead_task_reads_well() {
    let died = TaskDied { name: "poller default".to_owned(), reason: "it panicked: oh".to_owned() };
    assert_eq!(died.to_string(), "poller default died: it panicked: oh");
}
