// Losant / Organization: one org, for whoever is told that something is wrong with it, or has to explain its bill.

import { firing, periods } from './annotations.js';
import { dashboard, heading, row } from './dashboard.js';
import { yesNo } from './panels.js';
import { Scopes } from './promql.js';
import { ScopePanels } from './scope.js';
import { table } from './table.js';
import * as thresholds from './thresholds.js';
import * as variables from './variables.js';

const orgs = new Scopes('org', ['instance', 'org']);
const panels = new ScopePanels(orgs, 'org');

const about = table({
  title: 'About the org',
  description:
    'Name, id, plan and state of the org as the lists of Losant have them. A disabled or read-only org that has traffic is still billed.',
  noData: 'Not read yet',
  rows: orgs.scraped('info', '', ['name', 'plan_id', 'subscription_status']),
  key: orgs.ids,
  labels: [
    { label: 'name', title: 'Name' },
    { label: 'org_id', title: 'Id', width: 210 },
    { label: 'plan_id', title: 'Plan', width: 210 },
    { label: 'subscription_status', title: 'Subscription', width: 100 },
  ],
  columns: [
    { title: 'Members', width: 80, expr: orgs.scraped('members') },
    { title: 'Invitations', width: 90, expr: orgs.scraped('pending_invites') },
    {
      title: 'Disabled',
      width: 80,
      expr: orgs.recorded('disabled:max'),
      mappings: yesNo(),
      thresholds: thresholds.noIsGood,
    },
    {
      title: 'Read-only',
      width: 80,
      expr: orgs.recorded('read_only:max'),
      mappings: yesNo(),
      thresholds: thresholds.noIsGood,
    },
  ],
});

const tags = table({
  title: 'Tags',
  description: 'Tags of the org, by which Losant / Quotas and cost can add up its cost.',
  noData: 'No tags',
  rows: orgs.scraped('tag', '', ['key', 'value']),
  key: [...orgs.ids, 'key', 'value'],
  labels: [
    { label: 'key', title: 'Key' },
    { label: 'value', title: 'Value' },
  ],
});

export const organization = dashboard({
  uid: 'losant-organization',
  title: 'Losant / Organization',
  description:
    'Usage of one organization: what it does now, what is usual, what it is made of, and what is left of its limits.',
  from: 'now-2d',
  variables: [variables.datasource, variables.job, variables.one('instance'), variables.one('org')],
  annotations: [periods(orgs), firing('instance_id=~"$instance", org_id=~"$org"')],
  sections: [
    ...panels.usage(),
    heading('About'),
    row(4, [24, about]),
    row(9, [12, tags], [12, panels.ages()]),
  ],
});
