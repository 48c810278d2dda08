//! What lists are good for, in one word: for a metric and the log.

use tracing::{info, warn};

use super::poller::Poller;

impl Poller {
    /// Says whether lists tell enough to know whom to ask.
    pub(super) fn tell_sweep_mode(&mut self) {
        let listed = self.fleet.members().filter(|(_, member)| member.sweep > 0);
        let (mut told, mut untold) = (0_usize, 0_usize);
        for (_, member) in listed {
            *(if member.figures.tell_payloads() { &mut told } else { &mut untold }) += 1;
        }
        let too_old = self.lists_are_too_old();
        let mode = match (told, untold) {
            (0, 0) => return,
            _ if too_old => SweepMode::Scopes,
            // A summary that is missing now and then is nothing to write about.
            (told, untold) if untold * 100 <= told => SweepMode::Summaries,
            (0, _) => SweepMode::Scopes,
            (_, _) => SweepMode::Mixed,
        };
        if self.sweep_mode.replace(mode) == Some(mode) {
            return;
        }
        self.metrics.sweep_mode(&self.config.account, mode);
        let account = &self.config.account;
        match mode {
            SweepMode::Summaries => {
                info!(
                    account,
                    orgs_and_sandboxes = told,
                    "lists tell what has been used: only those that move are asked"
                );
            }
            SweepMode::Scopes if too_old => warn!(
                account,
                lag = ?self.trust.lag(),
                "lists know of use much later than answers about single scopes: everybody is asked in turn, which takes many \
                 more requests"
            ),
            SweepMode::Scopes => warn!(
                account,
                orgs_and_sandboxes = untold,
                "lists do not tell what has been used: everybody is asked in turn, which takes many more requests"
            ),
            SweepMode::Mixed => warn!(
                account,
                told,
                untold,
                "lists do not tell of everybody what has been used: the others are asked in turn"
            ),
        }
    }
}

/// What lists are good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SweepMode {
    /// They tell use, so only what moves is asked about.
    Summaries,
    /// They do not, so everybody is asked in turn.
    Scopes,
    /// They tell the use of some.
    Mixed,
}

impl SweepMode {
    /// Every mode.
    pub(super) const ALL: [Self; 3] = [Self::Summaries, Self::Scopes, Self::Mixed];

    /// The label value.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Summaries => "summaries",
            Self::Scopes => "scopes",
            Self::Mixed => "mixed",
        }
    }
}
