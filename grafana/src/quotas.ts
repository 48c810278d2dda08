// Losant / Quotas and cost: everybody against every limit, and who pays for what.

import { MappingType } from '@grafana/schema';

import { firing, periods } from './annotations.js';
import { dashboard, heading, row } from './dashboard.js';
import { allowed, fullOn, RESOURCES, used } from './limits.js';
import { MINUTES, stat } from './panels.js';
import { Scopes, top } from './promql.js';
import { nameOf } from './rankings.js';
import { type Column, table } from './table.js';
import * as thresholds from './thresholds.js';
import * as variables from './variables.js';

const instances = new Scopes('instance', ['instance']);
const orgs = new Scopes('org', ['instance', 'org']);
const sandboxes = new Scopes('sandbox', ['instance', 'sandbox']);

const UNREAD = 'Not read yet';
const NO_PRICE = 'Set a price per million';
const ROWS = '$rows';
const CHOSEN = 'resource=~"$resource"';

/** Two decimals whatever comes: `locale` would drop the last ones where they are 0. */
const MONEY = { unit: 'none', decimals: 2 };

/** What so many payloads cost. Nothing where no price is set: 0 would say that they are free. */
const cost = (payloads: string) => `${payloads} / 1e6 * on () group_left () (vector($price_per_million) > 0)`;

const costColumn = (title: string, payloads: string, width = 85): Column & { expr: string } => ({
  title,
  ...MONEY,
  width,
  expr: cost(payloads),
});

const period = orgs.recorded('billable_payloads_period:max');
const previous = orgs.scraped('billable_payloads_previous_period');

/** How many scopes there are of which something holds for one limit or more. */
const howMany = (scopes: Scopes, limits: string) =>
  `count(count by (${scopes.ids.join(', ')}) (${limits})) or 0 * count(${scopes.recorded('limit_used:ratio')})`;

const near = stat({
  title: 'Orgs close to a limit',
  description: 'Selected orgs that have used more than 90 % of a limit, those at a limit included.',
  unit: 'none',
  noData: UNREAD,
  series: [
    ['Orgs', howMany(orgs, `${orgs.recorded('limit_used:ratio')} >= scalar(losant:limit_near_ratio:threshold)`)],
  ],
  thresholds: thresholds.noneIsGood,
});

const reached = stat({
  title: 'Orgs at a limit',
  description:
    'Selected orgs that have reached a limit. Losant bills orgs for payloads and notebook time above their limits; of other things no more can be made.',
  unit: 'none',
  noData: UNREAD,
  series: [['Orgs', howMany(orgs, `${orgs.recorded('limit_used:ratio')} >= 1`)]],
  thresholds: thresholds.noneIsVital,
});

const projected = stat({
  title: 'Orgs projected over',
  description:
    'Selected orgs that will be above their payload limit at the end of the billing period, at the pace so far.',
  unit: 'none',
  noData: UNREAD,
  series: [
    [
      'Orgs',
      howMany(
        orgs,
        `${orgs.recorded('limit_projected:ratio', 'resource="payload"')} > scalar(losant:limit_projected_ratio:threshold)`,
      ),
    ],
  ],
  thresholds: thresholds.noneIsGood,
});

const rejected = stat({
  title: 'Sandboxes at a limit',
  description:
    'Selected sandbox users that have reached a limit. At the payload limit Losant rejects their payloads until the next billing period begins.',
  unit: 'none',
  noData: UNREAD,
  series: [['Sandbox users', howMany(sandboxes, `${sandboxes.recorded('limit_used:ratio')} >= 1`)]],
  thresholds: thresholds.noneIsVital,
});

const costSoFar = stat({
  title: 'Cost this period',
  description:
    'Billable payloads of the selected orgs in their billing periods so far, which need not begin at the same time, times the price per million that is set above. What a contract includes is not taken off.',
  ...MONEY,
  noData: NO_PRICE,
  series: [['Cost', cost(`sum(${period})`)]],
});

const costBefore = stat({
  title: 'Cost month before',
  description:
    'Billable payloads of the selected orgs in the UTC calendar month before this one, times the price per million that is set above.',
  ...MONEY,
  noData: NO_PRICE,
  series: [['Cost', cost(`sum(${previous})`)]],
});

const fullOnColumn = (scopes: Scopes): Column & { expr: string } => ({
  title: 'Full on',
  unit: 'time:YYYY-MM-DD HH:mm',
  width: 140,
  expr: fullOn(scopes),
  mappings: [{ type: MappingType.ValueToText, options: { 0: { text: 'reached', color: 'red', index: 0 } } }],
});

const limits = (scopes: Scopes, whose: string) =>
  table({
    title: `Limits of ${whose}`,
    description: `Those limits of ${whose} of which most is used. The variable Limit chooses one or some of them, Rows says how many rows are shown; a click on a head sorts these. Notebook time is in minutes, storage in megabytes. Projected: at the end of the billing period at the pace so far, or for what is there rather than used up in two weeks. Full on: at the same pace; empty where that is not before the end of the period, or not within a year.`,
    noData: 'No limits, or not read yet',
    rows: top(ROWS, scopes.recorded('limit_used:ratio', CHOSEN)),
    named: (rows) => scopes.named(rows),
    key: [...scopes.ids, 'resource'],
    labels: [nameOf(scopes), { label: 'resource', title: 'Limit', mappings: RESOURCES }],
    value: { title: 'Share', unit: 'percentunit', width: 260, thresholds: thresholds.shareOfLimit, gaugeTo: 1 },
    columns: [
      { title: 'Used', width: 120, expr: used(scopes) },
      { title: 'Of', width: 120, expr: allowed(scopes) },
      {
        title: 'Projected',
        unit: 'percentunit',
        width: 120,
        expr: scopes.recorded('limit_projected:ratio'),
        thresholds: thresholds.projectedShare,
      },
      fullOnColumn(scopes),
    ],
    sortBy: 'Share',
  });

const toBeFull = (scopes: Scopes, whose: string) =>
  table({
    title: `Limits of ${whose} that will not last`,
    description: `Those limits of ${whose} that will be exceeded by most: at the end of the billing period at the pace so far, or for what is there rather than used up in two weeks. Limit and Rows choose as above.`,
    noData: 'Nobody will exceed a limit, or it is too early to tell',
    rows: top(ROWS, `${scopes.recorded('limit_projected:ratio', CHOSEN)} > scalar(losant:limit_projected_ratio:threshold)`),
    named: (rows) => scopes.named(rows),
    key: [...scopes.ids, 'resource'],
    labels: [nameOf(scopes), { label: 'resource', title: 'Limit', width: 135, mappings: RESOURCES }],
    value: { title: 'Projected', unit: 'percentunit', width: 90, thresholds: thresholds.projectedShare },
    columns: [
      {
        title: 'Share',
        unit: 'percentunit',
        width: 75,
        expr: scopes.recorded('limit_used:ratio'),
        thresholds: thresholds.shareOfLimit,
      },
      fullOnColumn(scopes),
    ],
    sortBy: 'Projected',
  });

const costByOrg = table({
  title: 'Cost by org',
  description:
    'Billable payloads of the billing period so far and at its end at the pace so far, and what they cost at the price per million that is set above. What a contract includes is not taken off.',
  noData: UNREAD,
  rows: top(ROWS, period),
  named: (rows) => orgs.named(rows),
  key: orgs.ids,
  labels: [nameOf(orgs)],
  value: { title: 'Payloads', unit: 'locale', width: 120 },
  columns: [
    { title: 'At the end', unit: 'locale', decimals: 0, width: 120, expr: orgs.atTheEnd() },
    costColumn('Cost', period),
    costColumn('Cost at the end', `(${orgs.atTheEnd()})`, 125),
  ],
  sortBy: 'Payloads',
});

const tagged = orgs.scraped('tag', 'key="$key"', ['value']);
const byTag = (usage: string) =>
  `sum by (value) (${tagged} * ${orgs.on} group_left () ${usage})\n` +
  `or label_replace(sum(${usage} unless ${orgs.on} ${tagged}), "value", "(without this tag)", "", "")`;

const costByTag = table({
  title: 'Cost by tag $key',
  description:
    'Billable payloads of the billing period so far and of the month before, added up by the value of the tag that is chosen above, and what those of the period cost. An org with several values counts for each of them.',
  noData: 'No org has tags',
  rows: top(ROWS, byTag(period)),
  key: ['value'],
  labels: [{ label: 'value', title: 'Value of the tag' }],
  value: { title: 'Payloads', unit: 'locale', width: 120 },
  columns: [
    costColumn('Cost', `(${byTag(period)})`),
    { title: 'Month before', unit: 'locale', width: 120, expr: byTag(previous) },
    costColumn('Cost before', `(${byTag(previous)})`, 100),
  ],
  sortBy: 'Payloads',
});

/** A total of the month before. */
const before = (title: string, what: string, family: string, rest: { unit: string; decimals?: number }, by = '') =>
  stat({
    title,
    description: `${what} of the selected orgs in the UTC calendar month before this one, added up. Orgs that were deleted since are missing.`,
    noData: UNREAD,
    ...rest,
    series: [[title, `sum(${orgs.scraped(family)})${by}`]],
  });

const beforePayloads = before('Payloads', 'Billable payloads', 'billable_payloads_previous_period', { unit: 'locale' });
const beforeBytes = before('Bytes', 'Bytes of billable payloads', 'billable_payload_bytes_previous_period', {
  unit: 'decbytes',
});
const beforeNotebooks = before(
  'Notebook time',
  'Run time of notebooks',
  'notebook_run_seconds_previous_period',
  MINUTES,
  ' / 60',
);
const beforeDevices = before('Devices', 'Devices', 'devices_previous_period', { unit: 'locale' });

const previousByOrg = table({
  title: 'The month before by org',
  description:
    'What the UTC calendar month before this one will be billed for, from the monthly summaries of Losant, of orgs that are there now: those that were deleted since are missing. Of applications: the sum over the applications of the org; it differs where one was deleted or has moved to another owner.',
  noData: UNREAD,
  rows: top(ROWS, previous),
  named: (rows) => orgs.named(rows),
  key: orgs.ids,
  labels: [nameOf(orgs)],
  value: { title: 'Payloads', unit: 'locale', width: 100 },
  columns: [
    {
      title: 'Of applications',
      unit: 'locale',
      width: 115,
      expr: `sum by (${orgs.ids.join(', ')}) (${orgs.ofApplications('billable_payloads_previous_period')})`,
    },
    { title: 'Bytes', unit: 'decbytes', width: 75, expr: orgs.scraped('billable_payload_bytes_previous_period') },
    {
      title: 'Notebooks',
      ...MINUTES,
      width: 95,
      expr: `${orgs.scraped('notebook_run_seconds_previous_period')} / 60`,
    },
    costColumn('Cost', previous),
  ],
  sortBy: 'Payloads',
});

const ofApplications = orgs.ofApplications('billable_payloads_previous_period');

const previousByApplication = table({
  title: 'The month before by application',
  description:
    'What the UTC calendar month before this one will be billed for by application, from the monthly summaries of Losant.',
  noData: UNREAD,
  rows: top(ROWS, ofApplications),
  named: (rows) => orgs.named(orgs.withApplication(rows)),
  key: [...orgs.ids, 'application_id'],
  labels: [nameOf(orgs), { label: 'application', title: 'Application' }],
  value: { title: 'Payloads', unit: 'locale', width: 100 },
  columns: [
    {
      title: 'Bytes',
      unit: 'decbytes',
      width: 90,
      expr: orgs.ofApplications('billable_payload_bytes_previous_period'),
    },
    {
      title: 'Notebooks',
      ...MINUTES,
      width: 95,
      expr: `${orgs.ofApplications('notebook_run_seconds_previous_period')} / 60`,
    },
    costColumn('Cost', ofApplications),
  ],
  sortBy: 'Payloads',
});

export const quotas = dashboard({
  uid: 'losant-quotas',
  title: 'Losant / Quotas and cost',
  description:
    'Every org and sandbox user against every limit, what will be full and when, and what the billing period and the month before cost.',
  from: 'now-7d',
  variables: [
    variables.datasource,
    variables.job,
    variables.several('instance'),
    variables.several('org'),
    variables.several('sandbox'),
    variables.resource,
    variables.tagKey,
    variables.pricePerMillion,
    variables.rows,
  ],
  annotations: [periods(instances), firing('alertname=~".*Limit.*|.*Burn.*", instance_id=~"$instance"')],
  sections: [
    row(4, [4, near], [4, reached], [4, projected], [4, rejected], [4, costSoFar], [4, costBefore]),
    row(12, [24, limits(orgs, 'orgs')]),
    row(9, [24, limits(sandboxes, 'sandbox users')]),
    row(9, [12, toBeFull(orgs, 'orgs')], [12, toBeFull(sandboxes, 'sandbox users')]),
    heading('Cost of the billing period'),
    row(10, [12, costByOrg], [12, costByTag]),
    heading('The month before, as it will be billed'),
    row(4, [6, beforePayloads], [6, beforeBytes], [6, beforeNotebooks], [6, beforeDevices]),
    row(10, [12, previousByOrg], [12, previousByApplication]),
  ],
});
