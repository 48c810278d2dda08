// Limits: what is used of each, how much there may be, and when there will be no more. Orgs and sandbox users only.

import { MappingType, type ValueMapping } from '@grafana/schema';

import { FAR_ENOUGH, type Scopes } from './promql.js';

/** By these names Losant calls the limits that are used up within a billing period. */
const OF_PERIOD = 'payload|notebookMinutesPerMonth';
const WEEK = 604800;
const YEAR = 31536000;

/** Limits in words, where the name that Losant gives them is none or leaves out the unit. */
const IN_WORDS = {
  payload: 'payloads',
  notebookMinutesPerMonth: 'notebook minutes',
  storage: 'storage, MB',
  device: 'devices',
  apitoken: 'API tokens',
  application: 'applications',
  applicationcertificate: 'certificates',
  applicationcertificateauthority: 'certificate authorities',
  applicationkey: 'application keys',
  credential: 'credentials',
  dashboard: 'dashboards',
  datatable: 'data tables',
  devicerecipe: 'device recipes',
  experiencedomain: 'experience domains',
  experienceendpoint: 'experience endpoints',
  experiencegroup: 'experience groups',
  experienceslug: 'experience slugs',
  experienceuser: 'experience users',
  experienceversion: 'experience versions',
  experienceview: 'experience views',
  file: 'files',
  flow: 'workflows',
  integration: 'integrations',
  member: 'members',
  notebook: 'notebooks',
  organization: 'orgs',
  privatefile: 'private files',
  resourcejob: 'resource jobs',
  webhook: 'webhooks',
};

export const RESOURCES: ValueMapping[] = [
  {
    type: MappingType.ValueToText,
    options: Object.fromEntries(Object.entries(IN_WORDS).map(([name, text], index) => [name, { text, index }])),
  },
];

const called = (resource: string, expr: string) => `label_replace(${expr}, "resource", "${resource}", "", "")`;

/** What is used, by limit and in the unit of the limit: notebook time in minutes, storage in megabytes. */
export const used = (scopes: Scopes) =>
  [
    called('payload', scopes.recorded('billable_payloads_period:max')),
    called('notebookMinutesPerMonth', `${scopes.recorded('notebook_run_seconds_period:max')} / 60`),
    called('storage', `${scopes.recorded('storage_bytes:max')} / 1e6`),
    scopes.recorded('resources:max'),
  ].join(' or ');

/** How much there may be, by limit and in the same units. */
export const allowed = (scopes: Scopes) =>
  [
    called('payload', scopes.recorded('payload_limit:max')),
    called('notebookMinutesPerMonth', `${scopes.recorded('notebook_run_limit_seconds:max')} / 60`),
    called('storage', `${scopes.recorded('storage_limit_bytes:max')} / 1e6`),
    scopes.recorded('resource_limit:max'),
  ].join(' or ');

/**
 * When a limit will be reached, in milliseconds: what is used up in a period, at the pace of the period so far and if that is
 * before its end; what is there, at the pace of the last week and if that is within a year. 0 where it is reached already.
 */
export function fullOn(scopes: Scopes): string {
  const share = (resources: string) => scopes.recorded('limit_used:ratio', resources);
  const ofPeriod = share(`resource=~"${OF_PERIOD}"`);
  const there = share(`resource!~"${OF_PERIOD}"`);
  const start = scopes.recorded('period_start_timestamp_seconds:max');
  const end = scopes.recorded('period_end_timestamp_seconds:max');
  const begun = scopes.recorded('period_elapsed:ratio') + FAR_ENOUGH;
  const within = `(1 - ${ofPeriod} > 0) / (${ofPeriod} > 0) * ${scopes.on} group_left () (time() - ${start} and ${scopes.on} (${begun})) + time()`;
  const sometime = `(1 - ${there} > 0) / (${there} - (${there} offset 1w) > 0) * ${WEEK}`;
  const reached = `0 * (${share('')} >= 1)`;
  return `1000 * (((${within}) < ${scopes.on} group_left () ${end}) or (${sometime} < ${YEAR}) + time()) or ${reached}`;
}

/** Seconds until the payload limit is reached if it goes on like the last complete day; 0 where it is, -1 when the period ends before. */
export function payloadsLast(scopes: Scopes): string {
  const left = `clamp_min(${scopes.recorded('payload_limit:max')} - ${scopes.recorded('billable_payloads_period:max')}, 0)`;
  const perDay = scopes.recorded('payloads_last_day:max', 'billable="true"');
  const lasts = `${left} / ${scopes.on} (${perDay} > 0) * 86400`;
  const rest = `(${scopes.recorded('period_end_timestamp_seconds:max')} - time())`;
  const isKnown = `and ${scopes.on} ${perDay} and ${scopes.on} ${rest}`;
  return `(${left} == 0) or (${lasts} < ${rest}) or (${left} > 0 ${isKnown}) * 0 - 1`;
}
