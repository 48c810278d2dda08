//! Whether `/-/ready` tells the truth: asked all the time, and judged by what the run knows itself.

use std::time::Duration;

use losant_exporter::clock::Clock;
use tokio::sync::watch;

use crate::ledger::{Ledger, Promise};
use crate::scrapers::Visitor;

const ASK_EVERY: Duration = Duration::from_millis(250);
/// How long after a signal to end the process may still say that it is ready: signals take a moment.
const UNTIL_DRAINING: Duration = Duration::from_secs(1);

/// What the run has the exporter do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nobody has been read yet.
    Starting,
    /// Whoever is ready stays ready.
    Running,
    /// It was told to end.
    Ending,
}

/// Asks until the process is gone. `ready` is told of the first yes.
pub async fn watch(
    visitor: Visitor,
    url: String,
    (clock, ledger): (Clock, Ledger),
    phase: watch::Receiver<Phase>,
    ready: watch::Sender<bool>,
) {
    let (mut was_ready, mut ending_since) = (false, None);
    loop {
        let before = *phase.borrow();
        let answer = visitor.get(&url).await;
        ledger.count("looks at readiness", 1);
        if before == Phase::Ending {
            ending_since = ending_since.or(Some(clock.uptime()));
        }
        let ending_for = ending_since.map(|since| clock.uptime().saturating_sub(since));
        let broken = |how: String| ledger.broken(Promise::ReadinessTruthful, how);
        match answer {
            Ok((200, _)) => {
                if ending_for.is_some_and(|ending| ending > UNTIL_DRAINING) {
                    broken(format!("ready {ending_for:?} after it was told to end"));
                }
                was_ready = true;
                ready.send_replace(true);
            }
            Ok((503, words)) => {
                let words = String::from_utf8_lossy(&words).into_owned();
                if was_ready && *phase.borrow() != Phase::Ending {
                    broken(format!("was ready, and is not any more: {words}"));
                }
                if words.trim().is_empty() {
                    broken("does not say what it waits for".to_owned());
                }
            }
            Ok((status, _)) => broken(format!("status {status}")),
            Err(_) if *phase.borrow() == Phase::Ending => return,
            Err(error) => broken(error),
        }
        clock.sleep(ASK_EVERY).await;
    }
}
