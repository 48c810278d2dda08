// The kinds of panels that the dashboards have, each drawn by Grafana's own components as its panel plugin does.

import { type DataFrame, type TimeRange, renderTextPanelMarkdown } from '@grafana/data';

import type { Annotation, Fill, Panel } from './dashboard';
import { BarGaugePanel } from './panels/bar_gauge';
import { StatPanel } from './panels/stat';
import { TablePanel } from './panels/table';
import { TimeSeriesPanel } from './panels/time_series';

/** Moments of an annotation, in milliseconds. */
export interface Marks {
  annotation: Annotation;
  times: number[];
}

/** What is drawn, and how large. */
export interface Drawn {
  panel: Panel;
  frames: DataFrame[];
  range: TimeRange;
  fill: Fill;
  marks: Marks[];
  width: number;
  height: number;
}

export function PanelBody(it: Drawn) {
  const isEmpty = it.frames.every(({ length }) => length === 0);
  switch (it.panel.type) {
    case 'stat':
      return <StatPanel {...it} />;
    case 'bargauge':
      return <BarGaugePanel {...it} />;
    case 'timeseries':
      return isEmpty ? <NoValue {...it} /> : <TimeSeriesPanel {...it} />;
    case 'table':
      return isEmpty ? <NoValue {...it} /> : <TablePanel {...it} />;
    case 'text':
      return <div dangerouslySetInnerHTML={{ __html: renderTextPanelMarkdown(it.panel.options.content) }} />;
    default:
      throw new Error(`panels of type ${it.panel.type} cannot be drawn`);
  }
}

function NoValue({ panel, width, height }: Drawn) {
  const style = { width, height, display: 'flex', alignItems: 'center', justifyContent: 'center' };
  return <div style={style}>{panel.fieldConfig.defaults.noValue ?? 'No data'}</div>;
}
