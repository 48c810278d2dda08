// Losant / Overview: what is going on, whether it can be trusted, and who it is.

import { MappingType } from '@grafana/schema';

import { firing, periods } from './annotations.js';
import { dashboard, heading, row } from './dashboard.js';
import { days, hours } from './history.js';
import { barGauge, byName, MINUTES, MONTH, stat, timeSeries, whenUnknown, yesNo } from './panels.js';
import { byClosenessToLimit, byGrowth, byUsage, firingAlerts } from './rankings.js';
import { BILLABLE, Scopes } from './promql.js';
import * as thresholds from './thresholds.js';
import * as variables from './variables.js';

const instances = new Scopes('instance', ['instance']);
const orgs = new Scopes('org', ['instance']);
const sandboxes = new Scopes('sandbox', ['instance']);

const LEGEND = '{{name}}';
const UNREAD = 'Not read yet';

// A day back: it has to go on when the exporter has gone.
const lastSuccess = `max_over_time(${instances.raw('last_success_timestamp_seconds', 'collector="payload_counts_breakdown"')}[1d])`;
const ageOfData = `clamp_min(max(time() - max by (instance_id) (${lastSuccess})), 0)`;

const freshness = stat({
  title: 'Is the data fresh?',
  description:
    'Up to when the hours and days of the instance are known to be true. Beyond 15 minutes they are late, beyond 45 minutes stale: then no number and no alert here can be trusted. Not fresh: instances, orgs and sandbox users whose own numbers are missing, old, or could not be read. The dashboard Losant / Exporter says why.',
  unit: 's',
  noData: 'NO DATA',
  series: [
    ['State', ageOfData],
    ['Age', ageOfData],
    ['Not fresh', `sum(losant_exporter:scopes:sum{job=~"$job", state=~"stale|failing"})`],
  ],
  thresholds: thresholds.age,
  filled: true,
  overrides: [
    byName('State', {
      mappings: [
        { type: MappingType.RangeToText, options: { from: null, to: thresholds.LATE, result: { text: 'FRESH', index: 0 } } },
        { type: MappingType.RangeToText, options: { from: thresholds.LATE, to: thresholds.STALE, result: { text: 'LATE', index: 1 } } },
        { type: MappingType.RangeToText, options: { from: thresholds.STALE, to: null, result: { text: 'STALE', index: 2 } } },
      ],
    }),
    byName('Not fresh', { unit: 'none', thresholds: thresholds.noneIsGood }),
  ],
  mappings: [whenUnknown('NO DATA', 'red')],
});

const readable = stat({
  title: 'Reachable',
  description: 'Whether the last look at every selected instance succeeded, its own numbers included.',
  unit: 'none',
  noData: 'Unknown',
  series: [['Reachable', `min(${instances.recorded('up:max')})`]],
  thresholds: thresholds.yesIsGood,
  mappings: yesNo(),
});

// Where the rules are not loaded nothing fires, and nobody knows.
const howManyFire = (severity: string) =>
  `count(ALERTS{alertname=~"Losant.*", alertstate="firing", ${severity}, instance_id=~"$instance|"})` +
  ` or 0 * max(losant:page_stale_seconds:threshold)`;

const alerts = stat({
  title: 'Firing alerts',
  description:
    'Alerts of Losant that fire now, about the selected instances or about the exporter. The table below says which.',
  unit: 'none',
  noData: 'Unknown',
  series: [
    ['critical', howManyFire('severity="critical"')],
    ['others', howManyFire('severity!="critical"')],
  ],
  thresholds: thresholds.noneIsGood,
  overrides: [byName('critical', { thresholds: thresholds.noneIsVital })],
});

/** A number of each selected instance; with several, each has its name beside it. */
const ofInstances = (expr: string): [string, string][] => [[LEGEND, instances.named(expr)]];

const thisHour = stat({
  title: 'Payloads this hour',
  description: 'Billable payloads of all orgs in the running UTC hour so far. Sandboxes are not part of it.',
  unit: 'short',
  noData: UNREAD,
  series: ofInstances(instances.recorded('payloads_this_hour:max', BILLABLE)),
});

const timesUsual = stat({
  title: 'Times usual',
  description:
    'The running hour, or the last one that has settled, as a multiple of the median of the same hour in the three weeks before. Red from where the alert on spikes fires.',
  unit: 'suffix: ×',
  noData: 'Needs 3 weeks',
  decimals: 2,
  series: ofInstances(instances.recorded('payloads_spike:ratio')),
  thresholds: thresholds.timesUsual,
});

const today = stat({
  title: 'Payloads today',
  description: 'Billable payloads of all orgs in the running UTC day so far.',
  unit: 'short',
  noData: UNREAD,
  series: ofInstances(instances.recorded('payloads_today:max', BILLABLE)),
});

const period = stat({
  title: 'Payloads this period',
  description:
    'Billable payloads of all orgs in the billing period so far; the period of an instance is the UTC calendar month.',
  unit: 'short',
  noData: UNREAD,
  series: ofInstances(instances.recorded('billable_payloads_period:max')),
});

const share = barGauge({
  title: 'Share of the payload limit',
  description:
    'What the billing period has used of the payload limit of the instance, and what it will have used at its end at the pace so far; that is left out in the first tenth of the period. Orange from 90 %, red from the limit on.',
  unit: 'percentunit',
  noData: 'No limit, or not read yet',
  series: [
    ['{{name}} now', instances.named(instances.recorded('limit_used:ratio', 'resource="payload"'))],
    [
      '{{name}} at the end of the period',
      instances.named(instances.recorded('limit_projected:ratio', 'resource="payload"')),
    ],
  ],
  thresholds: thresholds.shareOfLimit,
  max: 1,
});

const projected = stat({
  title: 'Projected payloads',
  description:
    'Billable payloads at the end of the billing period at the pace so far; left out in the first tenth of the period.',
  unit: 'short',
  noData: 'Too early in the period',
  series: ofInstances(instances.atTheEnd()),
});

const devices = stat({
  title: 'Devices',
  description: 'Devices of all orgs that exist now.',
  unit: 'short',
  noData: UNREAD,
  series: ofInstances(instances.recorded('devices:max')),
});

const notebooks = stat({
  title: 'Notebook time',
  description: 'Minutes that the notebooks of all orgs ran in the billing period so far.',
  ...MINUTES,
  noData: UNREAD,
  series: ofInstances(`${instances.recorded('notebook_run_seconds_period:max')} / 60`),
});

const devicesOverTime = timeSeries({
  title: 'Devices',
  description: 'Devices of all orgs, by instance.',
  unit: 'short',
  noData: 'Not read in this time range',
  step: '1h',
  over: MONTH,
  series: [[LEGEND, instances.namedOverTime(`last_over_time(${instances.recorded('devices:max')}[1d])`)]],
});

const known = timeSeries({
  title: 'Orgs and sandbox users',
  description:
    'How many orgs and sandbox users the lists of Losant have. A sudden fall is worth a look: somebody deleted many, or the token sees less.',
  unit: 'short',
  noData: 'Not read in this time range',
  over: MONTH,
  series: [
    ['{{name}}: orgs', instances.namedOverTime(instances.recorded('orgs:count'))],
    ['{{name}}: sandbox users', instances.namedOverTime(instances.recorded('sandboxes:count'))],
  ],
});

export const overview = dashboard({
  uid: 'losant-overview',
  title: 'Losant / Overview',
  description: 'Usage of Losant instances: what is going on, whether the numbers can be trusted, and whose they are.',
  from: 'now-2d',
  variables: [variables.datasource, variables.job, variables.several('instance')],
  annotations: [periods(instances), firing('instance_id=~"$instance|"')],
  sections: [
    row(4, [6, freshness], [3, readable], [4, alerts], [4, thisHour], [3, timesUsual], [4, today]),
    row(5, [4, period], [8, share], [4, projected], [4, devices], [4, notebooks]),
    row(10, [12, hours(instances, 'payloads')], [12, firingAlerts(instances, orgs, sandboxes)]),
    heading('Orgs'),
    row(10, [7, byUsage(orgs)], [7, byGrowth(orgs)], [10, byClosenessToLimit(orgs)]),
    heading('Sandbox users'),
    row(10, [7, byUsage(sandboxes)], [7, byGrowth(sandboxes)], [10, byClosenessToLimit(sandboxes)]),
    heading('Over time'),
    row(8, [8, days(instances)], [8, devicesOverTime], [8, known]),
  ],
});
