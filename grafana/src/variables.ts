// Variables of the dashboards. Values are ids; what a viewer reads are names.

import { VariableRefresh, VariableSort, type VariableModel } from '@grafana/schema';

import { DATASOURCE } from './panels.js';

/** What the data source says of a variable: PromVariableQueryType of Grafana's Prometheus data source. */
const LABEL_VALUES = 1;
const QUERY_RESULT = 3;

const ALL = { text: ['All'], value: ['$__all'] };

interface Query {
  name: string;
  label: string;
  description: string;
  query: string;
  type: typeof LABEL_VALUES | typeof QUERY_RESULT;
  regex?: string;
  /** Several at once, and all of them at first. */
  several: boolean;
}

const queried = (it: Query): VariableModel => ({
  type: 'query',
  name: it.name,
  label: it.label,
  description: it.description,
  datasource: DATASOURCE,
  query: { qryType: it.type, query: it.query, refId: 'PrometheusVariableQueryEditor-VariableQuery' },
  regex: it.regex ?? '',
  refresh: VariableRefresh.onTimeRangeChanged,
  sort: VariableSort.alphabeticalCaseInsensitiveAsc,
  multi: it.several,
  includeAll: it.several,
  ...(it.several && { allValue: '.+', current: ALL }),
});

export const datasource: VariableModel = {
  type: 'datasource',
  name: 'datasource',
  label: 'Data source',
  description: 'The Prometheus that scrapes losant-exporter and has loaded its rules.',
  query: 'prometheus',
  regex: '',
  multi: false,
  includeAll: false,
};

export const job = queried({
  name: 'job',
  label: 'Job',
  description:
    'The jobs of Prometheus that scrape losant-exporter. Series that rules record have none: they are the same for all.',
  query: 'label_values(losant_exporter_build_info, job)',
  type: LABEL_VALUES,
  several: true,
});

// The text of a query's result is {label="value",…} value time, with labels in alphabetical order and with quotes in names as
// they are. A name is all between what stands before it and after it; so it may hold quotes and braces.

const NAMED = {
  instance: { label: 'Instance', name: 'name', description: 'The instance of Losant by name; its value is the id.' },
  org: { label: 'Org', name: 'name', description: 'The organization by name; its value is the id.' },
  sandbox: {
    label: 'Sandbox',
    name: 'email',
    description: 'The sandbox user by e-mail address where those are exported, else by id; its value is the id.',
  },
} as const;

/** Scopes of a level by name. Those without one are called by their id. */
function scopes(level: keyof typeof NAMED, several: boolean): VariableModel {
  const { label, name, description } = NAMED[level];
  const id = `${level}_id`;
  const within = level === 'instance' ? [] : ['instance_id=~"$instance"'];
  const info = `losant_${level}_info{${['job=~"$job"', ...within, `${name}!=""`].join(', ')}}`;
  const known = `losant_${level}:collector_age:seconds{${within.join(', ')}}`;
  const value = `${id}="(?<value>[^"]+)"`;
  const text = `${name}="(?<text>.*)"`;
  return queried({
    name: level,
    label,
    description,
    query:
      `query_result(max by (${name}, ${id}) (${info}) ` +
      `or on (${id}) label_replace(max by (${id}) (${known}), "${name}", "$1", "${id}", "(.+)"))`,
    type: QUERY_RESULT,
    regex: `/\\{${(id < name ? [value, text] : [text, value]).join(',')}\\} [^}]*$/`,
    several,
  });
}

/** One scope of a level, or with `several` any number of them, and all at first. */
export const one = (level: keyof typeof NAMED) => scopes(level, false);
export const several = (level: keyof typeof NAMED) => scopes(level, true);

/** Limits by the names that Losant gives them. */
export const resource = queried({
  name: 'resource',
  label: 'Limit',
  description: 'Which limits the tables of limits show, by the names that Losant gives them.',
  query: 'label_values(losant_org:limit_used:ratio{instance_id=~"$instance"}, resource)',
  type: LABEL_VALUES,
  several: true,
});

/** The key of the tags by which cost is added up. */
export const tagKey = queried({
  name: 'key',
  label: 'Tag',
  description: 'The key of the tags of orgs by whose values payloads and cost are added up.',
  query: 'label_values(losant_org_tag{job=~"$job", instance_id=~"$instance"}, key)',
  type: LABEL_VALUES,
  several: false,
});

/** What a million payloads cost. At 0 nothing is said about cost, since nobody has said what it is. */
export const pricePerMillion: VariableModel = {
  type: 'textbox',
  name: 'price_per_million',
  label: 'Price per million',
  description: 'What a million billable payloads cost, in whatever currency. At 0 no cost is shown.',
  query: '0',
  current: { text: '0', value: '0' },
  options: [{ selected: true, text: '0', value: '0' }],
};

const ROWS = ['20', '50', '100'];

/** How many rows long tables have. */
export const rows: VariableModel = {
  type: 'custom',
  name: 'rows',
  label: 'Rows',
  description: 'How many rows the long tables have.',
  query: ROWS.join(','),
  multi: false,
  includeAll: false,
  current: { text: '20', value: '20' },
  options: ROWS.map((value, i) => ({ selected: i === 0, text: value, value })),
};
