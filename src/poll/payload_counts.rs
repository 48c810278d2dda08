//! Collector `payload_counts`: payloads and bytes of the billing period by type and source.
//!
//! The answer mixes billable and other payloads; nothing here says which is which.

use jiff::Timestamp;

use crate::losant::{Client, Error, Unit};
use crate::usage::{BillingPeriod, Measure, PayloadType, Reading, Scope};

/// Reads one scope. Without a billing period there is nothing that could be asked for.
pub(super) async fn read(
    client: &Client,
    scope: Scope,
    period: Option<BillingPeriod>,
    now: Timestamp,
) -> Result<Reading, Error> {
    let mut reading = Reading::at(now);
    let Some(period) = period else { return Ok(reading) };
    let until = Some(period.holds_until(now));
    for (unit, measure) in
        [(Unit::Payloads, Measure::PayloadsPeriod), (Unit::Bytes, Measure::PayloadBytesPeriod)]
    {
        let stats = client.payload_counts(scope, period.start, now, unit).await?;
        for (payload_type, sources) in stats {
            let payload_type = PayloadType::new(&payload_type).into_label();
            for (source, value) in sources {
                reading.add_until(measure, [payload_type.clone(), source.into()], value, until);
            }
        }
    }
    Ok(reading)
}
