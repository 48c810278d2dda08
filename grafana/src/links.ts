// Links among the dashboards: from the top of each to the others, and from a row of a table to the dashboard of whom it is about.
// Time range, data source and job go along.

import type { DashboardLink } from '@grafana/schema';

const KEPT = '${datasource:queryparam}&${job:queryparam}&${__url_time_range}';
const INSTANCE = 'var-instance=${__data.fields.instance_id}';
const ORG = 'var-org=${__data.fields.org_id}';
const SANDBOX = 'var-sandbox=${__data.fields.sandbox_id}';

export const LINKS = {
  org: { title: 'Organization', url: `/d/losant-organization?${KEPT}&${INSTANCE}&${ORG}` },
  sandbox: { title: 'Sandbox', url: `/d/losant-sandbox?${KEPT}&${INSTANCE}&${SANDBOX}` },
  /** Of rows that say in a field which dashboard is about them. */
  named: { title: 'Dashboard', url: `/d/\${__data.fields.dashboard}?${KEPT}&${INSTANCE}&${ORG}&${SANDBOX}` },
};

/** Whether a dashboard lets one be chosen, or several and all. */
type Choice = 'one' | 'several';
type Choices = Partial<Record<'instance' | 'org' | 'sandbox', Choice>>;

const DASHBOARDS: { uid: string; title: string; choices: Choices }[] = [
  { uid: 'losant-overview', title: 'Overview', choices: { instance: 'several' } },
  { uid: 'losant-organization', title: 'Organization', choices: { instance: 'one', org: 'one' } },
  { uid: 'losant-sandbox', title: 'Sandbox', choices: { instance: 'one', sandbox: 'one' } },
  {
    uid: 'losant-quotas',
    title: 'Quotas and cost',
    choices: { instance: 'several', org: 'several', sandbox: 'several' },
  },
  { uid: 'losant-exporter', title: 'Exporter', choices: { instance: 'several' } },
];

/**
 * Links to the other dashboards. What is chosen goes along where the other one can take it: a choice of several or of all is none
 * for a dashboard about one, and Grafana would keep it all the same.
 */
export function toOthers(uid: string): DashboardLink[] {
  const from = DASHBOARDS.find((dashboard) => dashboard.uid === uid)?.choices ?? {};
  const fits = (to: Choices) => (name: keyof Choices) => from[name] && (to[name] === 'several' || to[name] === from[name]);
  const names: (keyof Choices)[] = ['instance', 'org', 'sandbox'];
  return DASHBOARDS.filter((dashboard) => dashboard.uid !== uid).map(({ uid, title, choices }) => ({
    type: 'link',
    title,
    icon: 'dashboard',
    tooltip: `Losant / ${title}, for the same time range`,
    url: `/d/${uid}?${['datasource', 'job', ...names.filter(fits(choices))].map((name) => `\${${name}:queryparam}`).join('&')}`,
    tags: [],
    asDropdown: false,
    includeVars: false,
    keepTime: true,
    targetBlank: false,
  }));
}
