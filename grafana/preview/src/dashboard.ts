// Dashboards as their JSON files say, as far as a picture of them goes.

import type { DataTransformerConfig, FieldConfigSource, ScopedVars } from '@grafana/data';

export interface Target {
  refId: string;
  expr: string;
  format?: 'table' | 'time_series';
  instant?: boolean;
  interval?: string;
  legendFormat?: string;
}

export interface Panel {
  id: number;
  type: string;
  title: string;
  description?: string;
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: Target[];
  transformations?: DataTransformerConfig[];
  /** How far it looks back, whatever the dashboard does. */
  timeFrom?: string;
  interval?: string;
  maxDataPoints?: number;
  options: Record<string, any>;
  fieldConfig: FieldConfigSource;
}

export interface Variable {
  type: 'datasource' | 'query' | 'textbox' | 'custom';
  name: string;
  label?: string;
  query: string | { qryType: number; query: string };
  regex?: string;
  multi?: boolean;
  allValue?: string;
  current?: { text: string | string[]; value: string | string[] };
}

export interface Annotation {
  name: string;
  iconColor: string;
  target: { expr: string; interval?: string };
  useValueForTime?: boolean;
}

export interface Dashboard {
  uid: string;
  title: string;
  time: { from: string; to: string };
  templating: { list: Variable[] };
  annotations: { list: Annotation[] };
  panels: Panel[];
}

const FILES = import.meta.glob<Dashboard>('../../dashboards/*.json', { eager: true, import: 'default' });

/** The dashboard of this uid. */
export function dashboardOf(uid: string): Dashboard {
  const found = Object.values(FILES).find((dashboard) => dashboard.uid === uid);
  if (!found) throw new Error(`no dashboard has the uid ${uid}`);
  return found;
}

/** Fills variables in. */
export type Fill = (text: string, scoped?: ScopedVars, format?: unknown) => string;
