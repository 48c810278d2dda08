//! Whether requests keep the pace: the budget, and the pauses that Losant asks for.

use std::time::Duration;

use losant_exporter::simulator::Arrival;

/// The pace of the run's account.
pub const REQUESTS_PER_SECOND: f64 = 20.0;
/// Requests that may go out at once.
pub const BURST: u32 = 20;
/// Requests that may be under way.
pub const MAX_IN_FLIGHT: usize = 8;

/// Fails when more requests arrived in any span of time than the budget of the run allows.
pub fn assert_budget(arrivals: &[Arrival]) {
    assert_pace(arrivals, REQUESTS_PER_SECOND, BURST, MAX_IN_FLIGHT);
}

/// Fails when more requests arrived in any span of time than a budget allows.
///
/// A request is counted where it arrives, and the clock may have moved since it was let go. So those that may be under way
/// come on top: as many were let go before the span began at most.
pub fn assert_pace(arrivals: &[Arrival], requests_per_second: f64, burst: u32, max_in_flight: usize) {
    let most = f64::from(burst) + f64::from(u32::try_from(max_in_flight).expect("few"));
    let (mut left, mut before) = (most, Duration::ZERO);
    for (index, arrival) in arrivals.iter().enumerate() {
        let passed = arrival.uptime.saturating_sub(before).as_secs_f64();
        (left, before) = ((passed * requests_per_second + left).min(most) - 1.0, arrival.uptime);
        assert!(left > -1e-6, "request {index} of {} at {:?} is over budget", arrivals.len(), arrival.uptime);
    }
}

/// A request as far as its pace matters.
#[derive(Clone, Copy, Debug)]
pub struct Paced {
    pub uptime: Duration,
    pub throttled: bool,
}

/// Fails when requests go on in a pause. `late` is how long after its arrival a request may have been refused.
pub fn assert_pauses(requests: &[Paced], pause: Duration, late: Duration) {
    for (index, refused) in requests.iter().enumerate().filter(|(_, request)| request.throttled) {
        let (from, to) = (refused.uptime + late, refused.uptime + pause);
        let within = requests[index + 1..].iter().filter(|later| from < later.uptime && later.uptime < to);
        // Those that were under way already, and those that were let go before the refusal had been read.
        let within = within.count();
        assert!(within < 2 * MAX_IN_FLIGHT, "{within} requests within {pause:?} after {:?}", refused.uptime);
    }
}
