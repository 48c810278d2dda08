// Panels about hours and days of the past: bars that stand over their hour or day, with what is usual.

import type { Panel } from '@grafana/schema';

import { MONTH, timeSeries } from './panels.js';
import { BILLABLE, day, hour, medianOfThreeWeeks, type Scopes, unsettledDay, unsettledHour } from './promql.js';

export const NO_DAYS = 'No days in this time range';

const UNITS = {
  payloads: { title: 'Billable payloads by hour', counted: 'payloads', noun: 'Billable payloads', unit: 'short' },
  payload_bytes: { title: 'Bytes by hour', counted: 'bytes', noun: 'Bytes of billable payloads', unit: 'decbytes' },
} as const;

/** Hours of the selected scopes, all of them added up. */
export function hours(scopes: Scopes, what: keyof typeof UNITS): Panel {
  const { title, counted, noun, unit } = UNITS[what];
  const settled = scopes.recorded(`${what}_last_hour:max`, BILLABLE);
  const running = scopes.recorded(`${what}_this_hour:max`, BILLABLE);
  const hourOf = (weeksBefore: number) => `sum(${hour(settled, weeksBefore)})`;
  return timeSeries({
    title,
    description: `${noun} by UTC hour; each bar stands over its hour. Yellow: the running hour, and one that has not settled yet. Grey: the same hour of the week before. Orange: the median of the three weeks before, which alerts compare with.`,
    unit,
    noData: 'No hours in this time range',
    step: '1h',
    min: 0,
    series: [
      ['a week before', hourOf(1)],
      [counted, hourOf(0)],
      ['not settled yet', `sum(${unsettledHour(running, settled)})`],
      ['median of three weeks', medianOfThreeWeeks(hourOf)],
    ],
    looks: {
      'a week before': 'past',
      [counted]: 'counted',
      'not settled yet': 'unsettled',
      'median of three weeks': 'usual',
    },
  });
}

/** Days of the selected scopes, all of them added up. */
export function days(scopes: Scopes): Panel {
  const of = (what: string, billable: boolean) => scopes.recorded(`payloads_${what}:max`, `billable="${billable}"`);
  return timeSeries({
    title: 'Billable and other payloads by day',
    description:
      'Payloads by UTC day, those that are billed and those that are not; each bar stands over its day. The running day is yellow, and has only those that are billed.',
    unit: 'short',
    noData: NO_DAYS,
    step: '1d',
    over: MONTH,
    min: 0,
    stacked: true,
    series: [
      ['billable', `sum(${day(of('last_day', true))})`],
      ['not billable', `sum(${day(of('last_day', false))})`],
      ['day not over', `sum(${unsettledDay(of('today', true), of('last_day', true))})`],
    ],
    looks: { billable: 'counted', 'not billable': 'unbilled', 'day not over': 'unsettled' },
  });
}
