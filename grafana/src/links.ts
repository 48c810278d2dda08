// Links from a row of a table to the dashboard of whom it is about. Time range, data source and job go along.

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
