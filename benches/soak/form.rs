//! How long a run takes, at which pace everything happens in it, and how late anything may be.

use std::time::Duration;

use jiff::SignedDuration;

/// Those of whom the simulated Losant tells.
pub const ORGS: usize = 2_000;
pub const SANDBOXES: usize = 2_000;
/// Share of them that use something all the time. The others are silent, as most are.
pub const ACTIVE: f64 = 0.1;

/// The account's budget: enough to ask about everybody in less than a minute, and several times within each run.
pub const REQUESTS_PER_SECOND: f64 = 400.0;
pub const BURST: u32 = 50;
pub const MAX_IN_FLIGHT: usize = 8;
/// Requests that hang take all of it.
pub const REQUEST_TIMEOUT: SignedDuration = SignedDuration::from_secs(2);

/// Everybody is listed this often, and whoever moves is asked about twice as rarely.
pub const SWEEP: SignedDuration = SignedDuration::from_secs(15);
/// After how long a scope is read anew although lists show no change.
pub const REFRESH: SignedDuration = SignedDuration::from_mins(10);

/// How old a page of metrics may be, in times that making one took: the exporter rests fifteen times as long, after the page and
/// before the next one, which may take a little longer.
pub const PAGE_TIMES: f64 = 18.0;
/// And what else may come on top of that: half a million series take half a second, or several where the machine has much else
/// to do.
pub const PAGE_SLACK: SignedDuration = SignedDuration::from_secs(10);
/// By when it must be known who is gone, while lists can be read: two sweeps, since the one under way may have passed them already.
pub const UNLISTED_AFTER: SignedDuration = SignedDuration::from_secs(2 * 15 + 5);

/// How often something may go wrong, or change.
pub const STEP: Duration = Duration::from_secs(5);
/// How often each scraper asks.
pub const SCRAPE_EVERY: Duration = Duration::from_secs(1);
/// How long everybody may take to be read once, while nothing goes wrong.
pub const FIRST_LOOK: Duration = Duration::from_secs(300);

/// One of the two lengths of a run.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    pub name: &'static str,
    /// From the moment at which the exporter is ready: how long things go wrong.
    pub storm: Duration,
    /// How long nothing goes wrong any more then.
    pub calm: Duration,
    /// When memory, files and threads are looked at for the first time, after the start of the storm.
    pub mark: Duration,
    /// How long a number is shown that cannot be read again.
    pub expire_after: SignedDuration,
    /// By how much memory may have grown from there to the end of the storm.
    pub growth: f64,
    /// The least share of all scopes and collectors that must be there in the end.
    pub recovered: f64,
    /// How often the token is replaced, the certificate, and the configuration.
    pub rotate_every: u64,
    pub certify_every: u64,
    pub reload_every: u64,
    /// How often Prometheus asks for a part of the page, and so how long it waits for that, in seconds.
    pub part_every: u32,
}

impl Form {
    /// For continuous integration. What has failed several times in a row is not asked again within the seconds that are left
    /// in the end, and where lists could not be read everybody is being asked in turn: so not all are back. After a minute the
    /// exporter is still growing to its size: the limit is one that a leak of a page a minute would miss.
    pub const SHORT: Self = Self {
        name: "short",
        storm: Duration::from_secs(95),
        calm: Duration::from_secs(25),
        mark: Duration::from_secs(30),
        // So short that numbers expire within the three minutes.
        expire_after: SignedDuration::from_secs(60),
        growth: 0.5,
        recovered: 0.9,
        rotate_every: 8,
        certify_every: 4,
        reload_every: 3,
        // The machine of continuous integration may be busy for seconds.
        part_every: 5,
    };

    pub const LONG: Self = Self {
        name: "long",
        storm: Duration::from_secs(1_460),
        calm: Duration::from_secs(300),
        mark: Duration::from_secs(270),
        // Once lists have contradicted answers they are not believed for hours, and everybody is asked in turn. With these
        // intervals that is half as much again as the budget allows, so a round takes minutes.
        expire_after: SignedDuration::from_secs(300),
        growth: 0.05,
        recovered: 1.0,
        rotate_every: 24,
        certify_every: 12,
        reload_every: 6,
        part_every: 1,
    };
}
