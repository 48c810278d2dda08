// Where numbers change colour. Those that alerts compare with are in deploy/prometheus/rules/losant-thresholds.yaml, and a test
// holds these to them. In time series the thresholds are series.

import { type ThresholdsConfig, ThresholdsMode } from '@grafana/schema';

const GOOD = 'green';
const ATTENTION = 'orange';
const BAD = 'red';
/** A number that is neither good nor bad. */
const PLAIN = 'text';

type Step = [from: number, color: string];

const steps = (base: string, ...more: Step[]): ThresholdsConfig => ({
  mode: ThresholdsMode.Absolute,
  steps: [{ color: base, value: null }, ...more.map(([value, color]) => ({ color, value }))],
});

export const plain = steps(PLAIN);
/** Share of a limit: losant:limit_near_ratio:threshold, and the limit. */
export const shareOfLimit = steps(GOOD, [0.9, ATTENTION], [1, BAD]);
/** Projected share of a limit: losant:limit_projected_ratio:threshold. */
export const projectedShare = steps(PLAIN, [1, BAD]);
/** Times the usual hour: losant:payloads_spike_ratio:threshold. */
export const timesUsual = steps(GOOD, [4, BAD]);
/** Data are late: losant:poll_lag_seconds:threshold. */
export const LATE = 900;
/** Data are stale: losant:page_stale_seconds:threshold. */
export const STALE = 2700;
/** Age of data that are read every five minutes. */
export const age = steps(GOOD, [LATE, ATTENTION], [STALE, BAD]);
/** Age of data that may be read every quarter of an hour. */
export const ageOfAny = steps(GOOD, [STALE, BAD]);
/** How late polls are. */
export const lag = steps(GOOD, [LATE, BAD]);
/** Time left to a token: losant:token_expiry_critical_seconds:threshold, losant:token_expiry_warning_seconds:threshold. */
export const timeLeft = steps(BAD, [259200, ATTENTION], [1209600, GOOD]);
/** Something that should not be there at all. */
export const noneIsGood = steps(GOOD, [1, ATTENTION]);
export const noneIsVital = steps(GOOD, [1, BAD]);
/** 1 for yes, 0 for no, and yes is good. */
export const yesIsGood = steps(BAD, [1, GOOD]);
/** 1 for yes, 0 for no, and yes asks for attention. */
export const noIsGood = steps(GOOD, [1, ATTENTION]);
/** Failed logins: losant:sandbox_failed_logins:threshold. */
export const failedLogins = steps(PLAIN, [10, BAD]);
/** A time until something happens; negative when it does not. */
export const neverIsGood = steps(GOOD, [0, ATTENTION]);
