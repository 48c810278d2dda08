// Tables of those at the top: who uses most, who grows, who is close to a limit, and which alerts fire.

import { MappingType, type Panel, type ValueMapping } from '@grafana/schema';

import { RESOURCES } from './limits.js';
import { LINKS } from './links.js';
import { BILLABLE, type Scopes, top } from './promql.js';
import { type Label, table } from './table.js';
import * as thresholds from './thresholds.js';

const ROWS = 10;

const WHO = { instance: 'Instance', org: 'Org', sandbox: 'Sandbox user' };
const WHOSE = { instance: 'instances', org: 'orgs', sandbox: 'sandbox users' };

/** The column with the name, which leads to the dashboard of the scope. */
export function nameOf({ level }: Scopes): Label {
  const link = level === 'instance' ? {} : { link: LINKS[level] };
  return { label: 'name', title: WHO[level], ...link };
}

export const byUsage = (scopes: Scopes): Panel =>
  table({
    title: `Top ${WHOSE[scopes.level]} by usage`,
    description: `The ${ROWS} ${WHOSE[scopes.level]} with the most billable payloads in their billing period so far. A click on a name leads to the details.`,
    noData: 'Not read yet',
    rows: top(ROWS, scopes.recorded('billable_payloads_period:max')),
    named: (rows) => scopes.named(rows),
    key: scopes.ids,
    labels: [nameOf(scopes)],
    value: { title: 'Period', width: 85 },
    columns: [{ title: 'Today', width: 80, expr: scopes.recorded('payloads_today:max', BILLABLE) }],
    sortBy: 'Period',
  });

export function byGrowth(scopes: Scopes): Panel {
  const last = scopes.recorded('payloads_last_hour:max', BILLABLE);
  const before = scopes.recorded('payloads_last_hour:past', `${BILLABLE}, week="1"`);
  // Both at the same moment, since both change when an hour has settled; and until the next one has.
  const growth = `last_over_time((${last} - ignoring (week) ${before})[1h:5m])`;
  return table({
    title: `Top ${WHOSE[scopes.level]} by growth`,
    description: `The ${ROWS} ${WHOSE[scopes.level]} whose last settled UTC hour has the most billable payloads more than the same hour a week before. The last column is the running or the last hour against the median of three weeks, red from where the alert fires.`,
    noData: 'Nobody has grown, or there is no week of history yet',
    rows: top(ROWS, `${growth} > 0`),
    named: (rows) => scopes.named(rows),
    key: scopes.ids,
    labels: [nameOf(scopes)],
    value: { title: 'More by', width: 85 },
    columns: [
      {
        title: '× usual',
        width: 75,
        decimals: 1,
        expr: scopes.recorded('payloads_spike:ratio'),
        thresholds: thresholds.timesUsual,
      },
    ],
    sortBy: 'More by',
  });
}

export const byClosenessToLimit = (scopes: Scopes): Panel =>
  table({
    title: `Top ${WHOSE[scopes.level]} by share of limit`,
    description: `The ${ROWS} limits of ${WHOSE[scopes.level]} of which most is used. Projected: at the end of the billing period at the pace so far, or for what is there rather than used up in two weeks. Losant / Quotas and cost has all of them.`,
    noData: 'No limits, or not read yet',
    rows: top(ROWS, scopes.recorded('limit_used:ratio')),
    named: (rows) => scopes.named(rows),
    key: [...scopes.ids, 'resource'],
    labels: [nameOf(scopes), { label: 'resource', title: 'Limit', width: 130, mappings: RESOURCES }],
    value: { title: 'Used', unit: 'percentunit', width: 130, thresholds: thresholds.shareOfLimit, gaugeTo: 1 },
    columns: [
      {
        title: 'Projected',
        unit: 'percentunit',
        width: 90,
        expr: scopes.recorded('limit_projected:ratio'),
        thresholds: thresholds.projectedShare,
      },
    ],
    sortBy: 'Used',
  });

/** By their ranks, since names would be sorted by the alphabet. */
const SEVERITIES: ValueMapping[] = [
  {
    type: MappingType.ValueToText,
    options: {
      1: { text: 'critical', color: 'red', index: 0 },
      2: { text: 'warning', color: 'orange', index: 1 },
      3: { text: 'info', color: 'blue', index: 2 },
    },
  },
];

const ranked = (alerts: string) =>
  ['critical', 'warning', 'info'].reduce(
    (expr, severity, i) => `label_replace(${expr}, "rank", "${i + 1}", "severity", "${severity}")`,
    alerts,
  );

/** Alerts that fire, whatever they are about. */
export function firingAlerts(instances: Scopes, orgs: Scopes, sandboxes: Scopes): Panel {
  const of = (ids: string[], labels: string) => {
    const by = ['alertname', 'severity', ...ids].join(', ');
    const selector = `alertname=~"Losant.*", ${labels}`;
    // When it began; without those that are pending.
    return `max by (${by}) (ALERTS_FOR_STATE{${selector}}) * 1000 and on (${by}) ALERTS{${selector}, alertstate="firing"}`;
  };
  const about = (dashboard: string, expr: string) => `label_replace(${expr}, "dashboard", "${dashboard}", "", "")`;
  const rows = [
    about('losant-organization', orgs.named(of(orgs.ids, 'instance_id=~"$instance", org_id!=""'))),
    about('losant-sandbox', sandboxes.named(of(sandboxes.ids, 'instance_id=~"$instance", sandbox_id!=""'))),
    about('losant-overview', instances.named(of(instances.ids, 'instance_id=~"$instance", org_id="", sandbox_id=""'))),
    // All instances: the exporter is about none of them.
    about('losant-exporter', `label_replace(${of([], 'instance_id=""')}, "instance_id", "All", "", "")`),
  ].join('\nor ');
  return table({
    title: 'Firing alerts',
    description:
      'Alerts of Losant that fire now, the gravest first, and since when their condition holds; the twenty newest of each severity. Those that differ in the limit only are one line. A click on an alert leads to whom it is about: one without a name is about the exporter.',
    noData: 'No alert fires, or the rules are not loaded',
    rows: `topk by (rank) (20, ${ranked(rows)})`,
    key: ['alertname', 'rank', 'instance_id', 'org_id', 'sandbox_id', 'dashboard'],
    labels: [
      { label: 'rank', title: 'Severity', width: 75, mappings: SEVERITIES, coloured: true },
      { label: 'alertname', title: 'Alert', width: 240, link: LINKS.named },
      { label: 'name', title: 'About' },
    ],
    value: { title: 'Since', unit: 'dateTimeFromNow', width: 125 },
    sortFirstBy: 'Severity',
    sortBy: 'Since',
  });
}
