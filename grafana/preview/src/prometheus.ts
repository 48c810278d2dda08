// Asks a Prometheus, and puts its answers into frames as Grafana's data source does.

import { type DataFrame, type Field, FieldType, type TimeRange, rangeUtil, renderLegendFormat } from '@grafana/data';

import type { Panel, Target } from './dashboard';

type Labels = Record<string, string>;
type Sample = [seconds: number, value: string];
interface Found {
  metric: Labels;
  value?: Sample;
  values?: Sample[];
}

/** How often the exporter is scraped, in seconds: Grafana is told so in the settings of the data source. */
export interface Source {
  every: number;
}

export async function ask(path: string, parameters: [string, string][]): Promise<any> {
  const response = await fetch(`/api/v1/${path}`, { method: 'POST', body: new URLSearchParams(parameters) });
  const answer = await response.json();
  if (answer.status !== 'success') throw new Error(answer.error);
  return answer.data;
}

export async function instant(expr: string, range: TimeRange): Promise<Found[]> {
  const { resultType, result } = await ask('query', [['query', expr], ['time', String(range.to.unix())]]);
  return resultType === 'scalar' ? [{ metric: {}, value: result }] : result;
}

/** The step of a query, as Grafana chooses it. */
function stepOf(panel: Panel, target: Target, range: TimeRange, width: number, source: Source): number {
  const smallest = target.interval ?? panel.interval ?? `${source.every}s`;
  return rangeUtil.calculateInterval(range, panel.maxDataPoints ?? Math.round(width), smallest).intervalMs / 1000;
}

export async function overTime(expr: string, step: number, range: TimeRange): Promise<Found[]> {
  const aligned = (second: number) => Math.floor(second / step) * step;
  const { result } = await ask('query_range', [
    ['query', expr],
    ['start', String(aligned(range.from.unix()))],
    ['end', String(aligned(range.to.unix()))],
    ['step', String(step)],
  ]);
  return result;
}

/** What a panel shows. */
export async function framesOf(
  panel: Panel,
  range: TimeRange,
  width: number,
  source: Source,
  fill: (expr: string) => string,
): Promise<DataFrame[]> {
  const targets = panel.targets ?? [];
  const answers = await Promise.all(
    targets.map(async (target) => {
      const step = stepOf(panel, target, range, width, source);
      const rate = Math.max(step + source.every, 4 * source.every);
      const expr = fill(target.expr.replaceAll('$__rate_interval', `${rate}s`));
      const found = target.instant ? await instant(expr, range) : await overTime(expr, step, range);
      return { target, step, found };
    }),
  );
  const tables = answers.filter(({ target, found }) => target.format === 'table' && found.length > 0).length;
  return answers.flatMap(({ target, step, found }) =>
    target.format === 'table'
      ? found.length > 0 ? [tableOf(target, found, tables > 1)] : []
      : found.map((series) => seriesOf(target, series, step)),
  );
}

const number = (text: string) => (text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text));

function seriesOf(target: Target, { metric, value, values }: Found, step: number): DataFrame {
  const samples = values ?? (value ? [value] : []);
  const { __name__: _, ...labels } = metric;
  const legend = target.legendFormat ? renderLegendFormat(target.legendFormat, metric) : JSON.stringify(metric);
  return {
    refId: target.refId,
    name: legend,
    length: samples.length,
    fields: [
      field('Time', FieldType.time, samples.map(([second]) => second * 1000), values ? { interval: step * 1000 } : {}),
      { ...field('Value', FieldType.number, samples.map(([, text]) => number(text)), { displayNameFromDS: legend }), labels },
    ],
  };
}

function tableOf(target: Target, found: Found[], amongOthers: boolean): DataFrame {
  const labels = [...new Set(found.flatMap(({ metric }) => Object.keys(metric)))].sort();
  const value = amongOthers ? `Value #${target.refId}` : 'Value';
  return {
    refId: target.refId,
    length: found.length,
    fields: [
      field('Time', FieldType.time, found.map(({ value }) => (value?.[0] ?? 0) * 1000)),
      ...labels.map((label) => field(label, FieldType.string, found.map(({ metric }) => metric[label] ?? ''))),
      field(value, FieldType.number, found.map(({ value }) => number(value?.[1] ?? 'NaN'))),
    ],
  };
}

const field = (name: string, type: FieldType, values: unknown[], config = {}): Field => ({ name, type, config, values });
