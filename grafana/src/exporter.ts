// Losant / Exporter: whether the other dashboards can be trusted, and why not.

import { firing, periods } from './annotations.js';
import { dashboard, heading, row } from './dashboard.js';
import { barGauge, byName, LOOKS, matching, stat, timeSeries, whenUnknown, yesNo } from './panels.js';
import { Scopes, top } from './promql.js';
import { table } from './table.js';
import * as thresholds from './thresholds.js';
import * as variables from './variables.js';

const JOB = 'job=~"$job"';
const instances = new Scopes('instance', ['instance']);
const orgs = new Scopes('org', ['instance']);
const sandboxes = new Scopes('sandbox', ['instance']);

const recorded = (what: string, labels = '') => `losant_exporter:${what}{${JOB}${labels && `, ${labels}`}}`;
const own = (family: string, labels = '') => `losant_exporter_${family}{${JOB}${labels && `, ${labels}`}}`;
const rate = (family: string, labels = '') => `rate(${own(family, labels)}[$__rate_interval])`;

const UNSEEN = 'No exporter is scraped';
const NEVER = 'Not in this time range';

const ready = stat({
  title: 'Ready',
  description: 'Whether every exporter that was scraped within a day is there, has read everything once and is not ending.',
  unit: 'none',
  noData: UNSEEN,
  series: [['Ready', `min(${recorded('ready:min')} or 0 * ${recorded('target:known')})`]],
  thresholds: thresholds.yesIsGood,
  mappings: yesNo(),
});

const notFresh = stat({
  title: 'Not fresh',
  description:
    'Instances, orgs and sandbox users whose numbers are missing or older than three of their intervals, or whose last poll failed.',
  unit: 'none',
  noData: UNSEEN,
  series: [['Not fresh', `sum(${recorded('scopes:sum', 'state=~"stale|failing"')})`]],
  thresholds: thresholds.noneIsGood,
});

const lag = stat({
  title: 'Poll lag',
  description:
    'How late the most overdue poll is. Above 15 minutes the budget is not enough for the intervals, Losant throttles, or it answers slowly.',
  unit: 's',
  noData: UNSEEN,
  series: [['Poll lag', `max(${recorded('poll_lag_seconds:max')})`]],
  thresholds: thresholds.lag,
});

const budget = stat({
  title: 'Budget used',
  description: 'Requests over 15 minutes as a share of those that the budgets of all accounts allow now.',
  unit: 'percentunit',
  noData: UNSEEN,
  series: [['Budget used', `sum(${recorded('api_requests:rate15m')}) / sum(${own('api_budget_requests_per_second')})`]],
  decimals: 1,
});

const token = stat({
  title: 'Token OK',
  description: 'Whether Losant accepted the API token of every account when it last answered.',
  unit: 'none',
  noData: 'No answer yet',
  series: [['Token OK', `min(${recorded('token_accepted:min')})`]],
  thresholds: thresholds.yesIsGood,
  mappings: [...yesNo(), whenUnknown('No answer yet', 'text')],
});

const tokenLeft = stat({
  title: 'Token left',
  description: 'Time left to the API token that expires first. Orange below 14 days, red below three.',
  unit: 's',
  noData: 'Does not say',
  series: [['Token left', `min(${recorded('token_left:seconds')})`]],
  thresholds: thresholds.timeLeft,
  mappings: [whenUnknown('Does not say', 'text')],
});

const shards = stat({
  title: 'Shards',
  description:
    'How many shards are scraped, and how many more share the work as the exporters were told: the orgs of those that are missing are not watched.',
  unit: 'none',
  noData: UNSEEN,
  series: [
    ['scraped', `sum(${recorded('shards_seen:count')})`],
    ['missing', `sum(clamp_min(${recorded('shards:max')} - ${recorded('shards_seen:count')}, 0))`],
  ],
  overrides: [byName('missing', { thresholds: thresholds.noneIsVital })],
});

const dropped = stat({
  title: 'Left out',
  description: 'Series that are left out since exposition.max_series is reached, and alerts and panels with them.',
  unit: 'short',
  noData: UNSEEN,
  series: [['Left out', `sum(${recorded('series_dropped:sum')}) or 0 * min(${recorded('ready:min')})`]],
  thresholds: thresholds.noneIsGood,
});

const requests = table({
  title: 'Requests by action',
  description: 'Requests a second to the Losant API over 15 minutes, by action of the API.',
  noData: UNSEEN,
  rows: `sum by (action) (${recorded('api_requests:rate15m')})`,
  key: ['action'],
  labels: [{ label: 'action', title: 'Action' }],
  value: { title: 'Requests', unit: 'reqps', width: 120 },
  sortBy: 'Requests',
});

const codes = timeSeries({
  title: 'Requests by answer',
  description:
    'Requests a second to the Losant API by HTTP status, or by the way that no usable answer came. Green: success. Orange: throttled. Red: an error of Losant. Gray: all else.',
  unit: 'reqps',
  noData: NEVER,
  stacked: true,
  min: 0,
  series: [['{{code}}', `sum by (code) (${rate('api_requests_total')})`]],
  overrides: [
    matching('.*', { color: LOOKS.canceled.color }),
    matching('^2', { color: LOOKS.completed.color }),
    matching('^5', { color: LOOKS.errored.color }),
    byName('429', { color: LOOKS.timeout.color }),
  ],
});

const latency = timeSeries({
  title: 'How long answers take',
  description:
    'Quantiles of the time from sending a request to the Losant API to the end of its answer, over all actions.',
  unit: 's',
  noData: NEVER,
  min: 0,
  series: [0.5, 0.9, 0.99].map((quantile) => [
    `${quantile * 100} %`,
    `histogram_quantile(${quantile}, sum by (le) (${rate('api_request_duration_seconds_bucket')}))`,
  ]),
});

const errors = recorded('api_errors:rate15m');

const failing = timeSeries({
  title: 'Requests that fail',
  description:
    'Share of the requests over 15 minutes that had no success, by action, throttling included; of actions of which five or more failed, as the alert has it. Above the line it fires.',
  unit: 'percentunit',
  noData: 'No action has failed five times',
  min: 0,
  series: [
    [
      '{{action}}',
      `sum by (action) (${errors}) / sum by (action) (${recorded('api_requests:rate15m')}) and sum by (action) (${errors}) * 900 >= 5`,
    ],
    ['alert', 'losant:api_error_ratio:threshold'],
  ],
  looks: { alert: 'threshold' },
});

const pace = timeSeries({
  title: 'Pace and budget',
  description:
    'Requests a second of all accounts, and how many their budgets allow: the configured rate, or less after Losant throttled.',
  unit: 'reqps',
  noData: NEVER,
  min: 0,
  series: [
    ['requests', `sum(${rate('api_requests_total')})`],
    ['budget', `sum(${own('api_budget_requests_per_second')})`],
  ],
  looks: { requests: 'level', budget: 'threshold' },
});

const slowed = timeSeries({
  title: 'Retries and throttling',
  description:
    'Requests a second that were made again, by what was wrong the time before, and answers that asked to slow down.',
  unit: 'reqps',
  noData: 'None in this time range',
  min: 0,
  series: [
    ['again: {{reason}}', `sum by (reason) (${rate('api_retries_total')})`],
    ['throttled', `sum(${recorded('api_throttled:increase15m')}) / 900`],
  ],
});

const levels = [instances, orgs, sandboxes];
const age = (scopes: Scopes) => scopes.age('collector!="previous_period"');

const agesNow = barGauge({
  title: 'Age of the data by collector',
  description:
    'How long ago what the oldest org, sandbox user or instance shows was last known to be true, by collector. The month before is read once a day and left out.',
  unit: 's',
  noData: 'No ages of the selected instances',
  series: [['{{collector}}', `max by (collector) (${levels.map(age).join(' or ')})`]],
  thresholds: thresholds.ageOfAny,
  max: thresholds.STALE,
});

const ages = timeSeries({
  title: 'Age of the oldest data',
  description:
    'How long ago what the oldest instance, org and sandbox user shows was last known to be true. The month before is read once a day and left out. Above the line data are stale.',
  unit: 's',
  noData: NEVER,
  min: 0,
  series: [
    ['instances', `max(${age(instances)})`],
    ['orgs', `max(${age(orgs)})`],
    ['sandbox users', `max(${age(sandboxes)})`],
    ['stale', 'losant:page_stale_seconds:threshold'],
  ],
  looks: { stale: 'threshold' },
});

const lags = timeSeries({
  title: 'How late polls are',
  description: 'How late the most overdue poll of each collector is. Above the line an alert fires.',
  unit: 's',
  noData: NEVER,
  min: 0,
  series: [
    ['{{collector}}', `max by (collector) (${recorded('poll_lag_seconds:max')})`],
    ['alert', 'losant:poll_lag_seconds:threshold'],
  ],
  looks: { alert: 'threshold' },
});

const scopes = timeSeries({
  title: 'Scopes by state',
  description:
    'Instances, orgs and sandbox users by how well they are known: fresh, stale (missing or older than three intervals), failing (the last poll failed, numbers are not old yet), excluded by the configuration.',
  unit: 'short',
  noData: NEVER,
  stacked: true,
  min: 0,
  series: [['{{state}}', `sum by (state) (${recorded('scopes:sum')})`]],
  overrides: [
    byName('fresh', { color: LOOKS.completed.color }),
    byName('failing', { color: LOOKS.timeout.color }),
    byName('stale', { color: LOOKS.errored.color }),
    byName('excluded', { color: LOOKS.canceled.color }),
  ],
});

const polls = timeSeries({
  title: 'Polls that failed',
  description: 'Polls a second that ended without success, by what failed.',
  unit: 'ops',
  noData: 'No poll has failed in this time range',
  min: 0,
  series: [['{{result}}', `sum by (result) (${rate('polls_total', 'result!="success"')})`]],
});

const sweeps = timeSeries({
  title: 'How long a sweep takes',
  description: 'How long the last look at all lists took, by exporter.',
  unit: 's',
  noData: NEVER,
  min: 0,
  series: [['{{instance}}', `max by (instance) (${own('sweep_duration_seconds')})`]],
});

const series = table({
  title: 'Series by family',
  description: 'The twenty families with the most series on the page of metrics.',
  noData: UNSEEN,
  rows: top(20, `sum by (family) (${own('series')})`),
  key: ['family'],
  labels: [{ label: 'family', title: 'Family' }],
  value: { title: 'Series', width: 90 },
  sortBy: 'Series',
});

const pages = timeSeries({
  title: 'Making the page',
  description: 'How long it took to make the page of metrics when that was last done, by exporter.',
  unit: 's',
  noData: NEVER,
  min: 0,
  series: [['{{instance}}', `max by (instance) (${own('render_duration_seconds')})`]],
});

const scrapes = timeSeries({
  title: 'Scrapes',
  description: 'How long Prometheus took to scrape each exporter.',
  unit: 's',
  noData: NEVER,
  min: 0,
  series: [
    ['{{instance}}', `max by (instance) (scrape_duration_seconds{${JOB}} and on (job, instance) ${own('build_info')})`],
  ],
});

const ofProcess = (what: string) => `${what}{${JOB}} and on (job, instance) ${own('build_info')}`;

const memory = timeSeries({
  title: 'Memory',
  description: 'Resident memory of each exporter.',
  unit: 'bytes',
  noData: NEVER,
  min: 0,
  series: [['{{instance}}', `max by (instance) (${ofProcess('process_resident_memory_bytes')})`]],
});

const cpu = timeSeries({
  title: 'CPU',
  description: 'Processor time that each exporter uses: 100 % is one core.',
  unit: 'percentunit',
  noData: NEVER,
  min: 0,
  series: [
    [
      '{{instance}}',
      `max by (instance) (rate(process_cpu_seconds_total{${JOB}}[$__rate_interval]) and on (job, instance) ${own('build_info')})`,
    ],
  ],
});

const refused = timeSeries({
  title: 'Refused configurations',
  description:
    'How many exporters go on with the configuration, or the web configuration file, from before, because the changed one cannot be used.',
  unit: 'none',
  noData: NEVER,
  min: 0,
  series: [
    ['configuration', `sum(1 - ${recorded('config_last_reload_successful:min')})`],
    ['web configuration', `sum(1 - ${recorded('web_config_last_reload_successful:min')})`],
  ],
});

/** The version of each exporter, also of one that is gone. */
const versions = `topk by (job, instance) (1, max by (job, instance, version) (last_over_time(${own('build_info')}[1d])))`;

const builds = table({
  title: 'Exporters',
  description:
    'Every exporter that was scraped within a day: whether it answers, its version, its shard, since when it runs and since when its configuration is in force. Without a web configuration file there is no web reload.',
  noData: UNSEEN,
  rows: recorded('target:known'),
  named: (rows) => `${rows} * on (job, instance) group_left (version) ${versions}\nor on (job, instance) ${rows}`,
  key: ['job', 'instance'],
  labels: [
    { label: 'job', title: 'Job' },
    { label: 'instance', title: 'Exporter' },
    { label: 'version', title: 'Version' },
  ],
  columns: [
    {
      title: 'Answers',
      width: 90,
      expr: `up{${JOB}}`,
      mappings: yesNo(),
      thresholds: thresholds.yesIsGood,
    },
    { title: 'Shard', width: 90, expr: own('shard') },
    { title: 'Started', unit: 'dateTimeAsIso', expr: `process_start_time_seconds{${JOB}} * 1000` },
    {
      title: 'Configured',
      unit: 'dateTimeAsIso',
      expr: `${own('config_last_reload_success_timestamp_seconds')} * 1000`,
    },
    {
      title: 'Last reload',
      expr: recorded('config_last_reload_successful:min'),
      mappings: yesNo('taken over', 'refused'),
      thresholds: thresholds.yesIsGood,
    },
    {
      title: 'Web reload',
      expr: recorded('web_config_last_reload_successful:min'),
      mappings: yesNo('taken over', 'refused'),
      thresholds: thresholds.yesIsGood,
    },
    { title: 'Page', unit: 'bytes', expr: own('page_bytes') },
  ],
});

export const exporter = dashboard({
  uid: 'losant-exporter',
  title: 'Losant / Exporter',
  description: 'The exporter itself and its way to Losant: whether the other dashboards can be trusted, and why not.',
  from: 'now-6h',
  variables: [variables.datasource, variables.job, variables.several('instance')],
  annotations: [periods(instances), firing('instance_id=~"$instance|", org_id="", sandbox_id=""')],
  sections: [
    row(4, [3, ready], [3, notFresh], [3, lag], [3, budget], [3, token], [3, tokenLeft], [3, shards], [3, dropped]),
    row(9, [8, agesNow], [8, ages], [8, lags]),
    row(9, [8, requests], [8, codes], [8, pace]),
    heading('Losant'),
    row(8, [8, latency], [8, failing], [8, slowed]),
    heading('Polls'),
    row(8, [8, scopes], [8, polls], [8, sweeps]),
    heading('Page and process'),
    row(10, [8, series], [8, pages], [8, scrapes]),
    row(7, [8, memory], [8, cpu], [8, refused]),
    row(5, [24, builds]),
  ],
});
