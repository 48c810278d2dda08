// Variables: what they can be, what is chosen, and how that is written into expressions, titles and links.

import type { ScopedVars, TimeRange } from '@grafana/data';

import type { Fill, Variable } from './dashboard';
import { ask, instant } from './prometheus';

export interface Chosen {
  variable: Variable;
  /** Values; none where all are meant. */
  values: string[];
  text: string;
}

const QUERY_RESULT = 3;

/** What is chosen of each: what `wanted` says, or else what the dashboard does, or else the first. */
export async function choose(list: Variable[], wanted: URLSearchParams, range: TimeRange): Promise<Chosen[]> {
  const chosen: Chosen[] = [];
  for (const variable of list) {
    chosen.push(await choice(variable, wanted.getAll(`var-${variable.name}`), range, filler(chosen, range)));
  }
  return chosen;
}

async function choice(variable: Variable, wanted: string[], range: TimeRange, fill: Fill): Promise<Chosen> {
  const known = variable.type === 'datasource' ? [['Prometheus', 'prometheus'] as const] : await options(variable, range, fill);
  if (wanted.length === 0 && variable.allValue) return { variable, values: [], text: 'All' };
  const current = [variable.current?.value ?? []].flat();
  const values = wanted.length > 0 ? wanted : current.length > 0 ? current : known.slice(0, 1).map(([, value]) => value);
  const text = values.map((value) => known.find(([, known]) => known === value)?.[0] ?? value).join(' + ');
  return { variable, values, text };
}

/** Texts and values. */
async function options(variable: Variable, range: TimeRange, fill: Fill): Promise<(readonly [string, string])[]> {
  if (typeof variable.query === 'string') return [];
  const [, inner = ''] = /^\w+\((.*)\)$/s.exec(fill(variable.query.query)) ?? [];
  if (variable.query.qryType !== QUERY_RESULT) {
    const [, selector = '', label = ''] = /^(.*),\s*(\w+)$/s.exec(inner) ?? [];
    const series: Record<string, string>[] = await ask('series', [
      ['match[]', selector],
      ['start', String(range.from.unix())],
      ['end', String(range.to.unix())],
    ]);
    return [...new Set(series.map((labels) => labels[label] ?? ''))].sort().map((value) => [value, value] as const);
  }
  const [, pattern = ''] = /^\/(.*)\/$/s.exec(variable.regex ?? '') ?? [];
  const found = (await instant(inner, range)).map(({ metric, value }) => {
    const labels = Object.keys(metric).map((label) => `${label}="${metric[label]}"`);
    return `{${labels.join(',')}} ${value?.[1]} ${(value?.[0] ?? 0) * 1000}`;
  });
  const groups = found.map((text) => new RegExp(pattern, 's').exec(text)?.groups);
  return groups
    .map((group) => [group?.text ?? group?.value ?? '', group?.value ?? group?.text ?? ''] as const)
    .filter(([, value]) => value !== '')
    .sort(([a], [b]) => a.localeCompare(b));
}

const escaped = (value: string) => value.replace(/[\\^$*+?.()|[\]{}]/g, '\\\\$&');

/** As it is written into an expression. */
function written({ variable, values }: Chosen): string {
  if (values.length === 0) return variable.allValue ?? '.*';
  if (!variable.multi) return values[0] ?? '';
  return values.length === 1 ? escaped(values[0] ?? '') : `(${values.map(escaped).join('|')})`;
}

const queryParameter = ({ variable, values }: Chosen) =>
  (values.length === 0 ? ['$__all'] : values).map((value) => `var-${variable.name}=${encodeURIComponent(value)}`).join('&');

/** What fills in what is chosen, and what a row or a series says of itself. */
export function filler(chosen: Chosen[], range: TimeRange): Fill {
  return (text, scoped: ScopedVars = {}) =>
    text.replace(/\$(?:(\w+)|\{([^}:]+)(?::(\w+))?\})/g, (whole, plain?: string, braced?: string, format?: string) => {
      const name = plain ?? braced ?? '';
      if (name === '__url_time_range') return `from=${range.from.valueOf()}&to=${range.to.valueOf()}`;
      if (name.startsWith('__data.fields.')) {
        const { frame, rowIndex = 0 } = (scoped.__dataContext?.value ?? {}) as any;
        const field = frame?.fields.find((field: any) => field.name === name.slice('__data.fields.'.length));
        return encodeURIComponent(field?.values[rowIndex] ?? '');
      }
      const found = chosen.find(({ variable }) => variable.name === name);
      if (!found) return String(scoped[name]?.value ?? whole);
      return format === 'queryparam' ? queryParameter(found) : written(found);
    });
}
