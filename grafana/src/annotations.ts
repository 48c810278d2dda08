// What is marked on the time axis of every dashboard: where billing periods begin, and which alerts fire.

import type { AnnotationQuery } from '@grafana/schema';

import { DATASOURCE, type PrometheusQuery, query } from './panels.js';
import type { Scopes } from './promql.js';

/** An annotation of Grafana's Prometheus data source; @grafana/schema has no type of it. */
interface PrometheusAnnotation extends AnnotationQuery<PrometheusQuery> {
  titleFormat: string;
  textFormat: string;
  tagKeys: string;
  /** The value is the time, in milliseconds. */
  useValueForTime: boolean;
}

const annotation = (
  name: string,
  iconColor: string,
  expr: string,
  rest: Pick<PrometheusAnnotation, 'titleFormat' | 'textFormat' | 'tagKeys' | 'useValueForTime'>,
): PrometheusAnnotation => ({
  name,
  iconColor,
  enable: true,
  hide: false,
  datasource: DATASOURCE,
  target: { ...query(0, expr, { interval: '1m' }), refId: 'Anno' },
  ...rest,
});

/** Where billing periods of these scopes begin. */
export const periods = (scopes: Scopes) =>
  annotation('Billing periods', 'blue', `(${scopes.namedOverTime(scopes.recorded('period_start_timestamp_seconds:max'))}) * 1000`, {
    titleFormat: 'Billing period begins',
    textFormat: '{{name}}',
    tagKeys: '',
    useValueForTime: true,
  });

/** When which alerts fire, whose labels match. */
export const firing = (labels: string) =>
  annotation(
    'Firing alerts',
    'red',
    `count by (alertname, severity) (ALERTS{alertname=~"Losant.*", alertstate="firing"${labels && `, ${labels}`}})`,
    { titleFormat: '{{alertname}}', textFormat: '{{severity}}', tagKeys: 'severity', useValueForTime: false },
  );
