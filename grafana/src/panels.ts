// What every panel is made of. Each builder takes all that a panel owes its viewer: title, description, unit, and what it says
// when there is no data.

import {
  BarAlignment,
  BarGaugeDisplayMode,
  BarGaugeNamePlacement,
  BarGaugeSizing,
  BarGaugeValueMode,
  BigValueColorMode,
  BigValueGraphMode,
  BigValueJustifyMode,
  BigValueTextMode,
  type DataQuery,
  FieldColorModeId,
  type FieldConfigSource,
  GraphDrawStyle,
  GraphTransform,
  type GraphFieldConfig,
  LegendDisplayMode,
  LineInterpolation,
  MappingType,
  type Panel,
  PercentChangeColorMode,
  SortOrder,
  SpecialValueMatch,
  StackingMode,
  type ThresholdsConfig,
  TooltipDisplayMode,
  type ValueMapping,
  VisibilityMode,
  VizOrientation,
} from '@grafana/schema';
import type { Options as BarGaugeOptions } from '@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen';
import type { Options as StatOptions } from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type {
  FieldConfig as TimeSeriesFieldConfig,
  Options as TimeSeriesOptions,
} from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

import { plain } from './thresholds.js';

export const DATASOURCE = { type: 'prometheus', uid: '${datasource}' };

/** A query of Grafana's Prometheus data source; @grafana/schema has no type of it. */
export type PrometheusQuery = Pick<DataQuery, 'refId'> & {
  datasource: typeof DATASOURCE;
  editorMode: 'code';
  expr: string;
  format?: 'table' | 'time_series';
  instant?: boolean;
  interval?: string;
  legendFormat?: string;
  range?: boolean;
};

/** Run time of notebooks, in the unit in which Losant limits and bills it; `m` would make hours and days of many. */
export const MINUTES = { unit: 'suffix:min', decimals: 0 };

/** How far panels look back that say little about a few days. Grafana writes it beside their titles. */
export const MONTH = '30d';

export type Override = FieldConfigSource['overrides'][number];

/** What a panel owes its viewer. */
export interface Said {
  title: string;
  description: string;
  /** The unit of its numbers, by Grafana's name; a table has those of its columns. */
  unit: string;
  /** What it says instead of a number. */
  noData: string;
}

/** A legend and an expression. */
export type Series = [legend: string, expr: string];

const REF_IDS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

export function query(index: number, expr: string, rest: Partial<PrometheusQuery>): PrometheusQuery {
  return { refId: REF_IDS[index] ?? `Q${index}`, datasource: DATASOURCE, editorMode: 'code', expr, ...rest };
}

/** The latest value of each. */
const latest = (series: Series[]): PrometheusQuery[] =>
  series.map(([legendFormat, expr], i) => query(i, expr, { legendFormat, instant: true, range: false }));

/** Values over time. `step` is the smallest step where the data have one. */
const overTime = (series: Series[], step?: Step): PrometheusQuery[] =>
  series.map(([legendFormat, expr], i) =>
    query(i, expr, { legendFormat, instant: false, range: true, ...(step && { interval: step }) }),
  );

/** The field that a query or a column is called. */
export const byName = (name: string, properties: Record<string, unknown>): Override => ({
  matcher: { id: 'byName', options: name },
  properties: Object.entries(properties).map(([id, value]) => ({ id, value })),
});

/** All fields whose names match. */
export const matching = (pattern: string, properties: Record<string, unknown>): Override => ({
  matcher: { id: 'byRegexp', options: `/${pattern}/` },
  properties: Object.entries(properties).map(([id, value]) => ({ id, value })),
});

export const fixed = (fixedColor: string) => ({ mode: FieldColorModeId.Fixed, fixedColor });

/** 1 and 0 in words. */
export const yesNo = (yes = 'yes', no = 'no'): ValueMapping[] => [
  { type: MappingType.ValueToText, options: { 0: { text: no, index: 0 }, 1: { text: yes, index: 1 } } },
];

/** What a number says, and in which colour, when there is none: where that is better or worse than the base colour says. */
export const whenUnknown = (text: string, color: string): ValueMapping => ({
  type: MappingType.SpecialValue,
  options: { match: SpecialValueMatch.Null, result: { text, color, index: 9 } },
});

interface Stat extends Said {
  series: Series[];
  thresholds?: ThresholdsConfig;
  mappings?: ValueMapping[];
  /** Whether the colour fills the panel: for what must not be overlooked. */
  filled?: boolean;
  decimals?: number;
  overrides?: Override[];
}

/** Numbers of now. */
export function stat(it: Stat): Panel {
  const options = {
    colorMode: it.filled ? BigValueColorMode.Background : BigValueColorMode.Value,
    graphMode: BigValueGraphMode.None,
    justifyMode: BigValueJustifyMode.Auto,
    orientation: VizOrientation.Auto,
    percentChangeColorMode: PercentChangeColorMode.Standard,
    reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
    showPercentChange: false,
    textMode: BigValueTextMode.Auto,
    wideLayout: true,
  } satisfies StatOptions;
  return {
    type: 'stat',
    title: it.title,
    description: it.description,
    datasource: DATASOURCE,
    targets: [...latest(it.series)],
    options,
    fieldConfig: {
      defaults: {
        unit: it.unit,
        noValue: it.noData,
        color: { mode: FieldColorModeId.Thresholds },
        thresholds: it.thresholds ?? plain,
        mappings: it.mappings ?? [],
        ...(it.decimals !== undefined && { decimals: it.decimals }),
      },
      overrides: it.overrides ?? [],
    },
  } satisfies Panel<StatOptions>;
}

interface Bars extends Said {
  series: Series[];
  thresholds?: ThresholdsConfig;
  /** The end of the scale, where it has one. */
  max?: number;
}

/** Numbers of now, side by side. */
export function barGauge(it: Bars): Panel {
  const options = {
    displayMode: BarGaugeDisplayMode.Basic,
    legend: { calcs: [], displayMode: LegendDisplayMode.List, placement: 'bottom', showLegend: false },
    // Names stand above their bars, since long ones would be cut beside them; a name takes 20 pixels of the height.
    maxVizHeight: 44,
    minVizHeight: 34,
    minVizWidth: 8,
    namePlacement: BarGaugeNamePlacement.Top,
    orientation: VizOrientation.Horizontal,
    reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
    showUnfilled: true,
    sizing: BarGaugeSizing.Manual,
    text: { titleSize: 13, valueSize: 14 },
    valueMode: BarGaugeValueMode.Color,
  } satisfies BarGaugeOptions;
  return {
    type: 'bargauge',
    title: it.title,
    description: it.description,
    datasource: DATASOURCE,
    targets: [...latest(it.series)],
    options,
    fieldConfig: {
      defaults: {
        unit: it.unit,
        noValue: it.noData,
        min: 0,
        ...(it.max !== undefined && { max: it.max }),
        color: it.thresholds ? { mode: FieldColorModeId.Thresholds } : fixed('blue'),
        thresholds: it.thresholds ?? plain,
      },
      overrides: [],
    },
  } satisfies Panel<BarGaugeOptions>;
}

/** The step of data that come by the hour or by the day: a smaller one would show each of them several times. */
type Step = '1h' | '1d';

/** More points than a panel has pixels: with fewer, hours would be left out of a long range, and a spike with them. */
const ALL_HOURS = 2500;

/** What a series looks like. Colours mean the same on all dashboards. */
export const LOOKS = {
  /** What counts: bars of hours or days. */
  counted: { ...bars(70), color: fixed('blue') },
  /** What is not billed. */
  unbilled: { ...bars(70), color: fixed('semi-dark-purple') },
  /** A bar that will grow still: the one that matters when something happens. */
  unsettled: { ...bars(70), color: fixed('yellow') },
  /** The past, behind the present. */
  past: { ...steps(1, 30), color: fixed('gray') },
  /** What is usual. */
  usual: { ...steps(2, 0), color: fixed('orange') },
  /** The amount so far. */
  level: { ...line(2, 10), color: fixed('blue') },
  /** What comes of it if it goes on. */
  projected: { ...line(2, 0), 'custom.lineStyle': { fill: 'dash', dash: [8, 8] }, color: fixed('orange') },
  /** The same, reckoned in another way. */
  otherwise: { ...line(2, 0), 'custom.lineStyle': { fill: 'dash', dash: [2, 6] }, color: fixed('yellow') },
  /** What alerts compare with, or a limit. */
  threshold: { ...line(1, 0), 'custom.lineStyle': { fill: 'dash', dash: [4, 4] }, color: fixed('red') },
  /** Things that go. */
  gone: { ...bars(100), 'custom.transform': GraphTransform.NegativeY, color: fixed('orange') },
  completed: { ...bars(100), color: fixed('green') },
  canceled: { ...bars(100), color: fixed('gray') },
  errored: { ...bars(100), color: fixed('red') },
  timeout: { ...bars(100), color: fixed('orange') },
} as const;

type Look = keyof typeof LOOKS;

function bars(opacity: number) {
  return {
    'custom.drawStyle': GraphDrawStyle.Bars,
    'custom.barAlignment': BarAlignment.After,
    'custom.barWidthFactor': 0.8,
    'custom.fillOpacity': opacity,
    'custom.lineWidth': 0,
  };
}

function steps(width: number, opacity: number) {
  return {
    'custom.drawStyle': GraphDrawStyle.Line,
    'custom.lineInterpolation': LineInterpolation.StepAfter,
    'custom.fillOpacity': opacity,
    'custom.lineWidth': width,
    'custom.stacking': { group: 'A', mode: StackingMode.None },
  };
}

function line(width: number, opacity: number) {
  return {
    'custom.drawStyle': GraphDrawStyle.Line,
    'custom.fillOpacity': opacity,
    'custom.lineWidth': width,
    'custom.stacking': { group: 'A', mode: StackingMode.None },
  };
}

interface TimeSeries extends Said {
  /** Expressions in the order in which they are drawn: what comes first stands behind. */
  series: Series[];
  /** How series look, by their legend. The others are lines in colours of a palette. */
  looks?: Record<string, Look>;
  step?: Step;
  /** How far it looks back, where not as far as the dashboard. */
  over?: typeof MONTH;
  stacked?: boolean;
  min?: number;
  overrides?: Override[];
}

/** Numbers over time. */
export function timeSeries(it: TimeSeries): Panel {
  const options = {
    legend: {
      calcs: [],
      displayMode: LegendDisplayMode.List,
      placement: 'bottom',
      showLegend: true,
    },
    tooltip: { mode: TooltipDisplayMode.Multi, sort: SortOrder.Descending },
  } satisfies TimeSeriesOptions;
  const custom = {
    axisSoftMin: 0,
    drawStyle: GraphDrawStyle.Line,
    fillOpacity: it.stacked ? 60 : 0,
    lineInterpolation: it.step ? LineInterpolation.StepAfter : LineInterpolation.Linear,
    // In a stack, whoever has nothing would draw a line along the edge of the next.
    lineWidth: it.stacked ? 0 : 1,
    showPoints: VisibilityMode.Auto,
    stacking: { group: 'A', mode: it.stacked ? StackingMode.Normal : StackingMode.None },
  } satisfies GraphFieldConfig;
  return {
    type: 'timeseries',
    title: it.title,
    description: it.description,
    datasource: DATASOURCE,
    ...(it.step && { interval: it.step, maxDataPoints: ALL_HOURS }),
    ...(it.over && { timeFrom: it.over }),
    targets: [...overTime(it.series, it.step)],
    options,
    fieldConfig: {
      defaults: {
        unit: it.unit,
        noValue: it.noData,
        color: { mode: FieldColorModeId.PaletteClassic },
        ...(it.min !== undefined && { min: it.min }),
        custom,
      },
      overrides: [
        ...Object.entries(it.looks ?? {}).map(([legend, look]) => byName(legend, LOOKS[look])),
        ...(it.overrides ?? []),
      ],
    },
  } satisfies Panel<TimeSeriesOptions, TimeSeriesFieldConfig>;
}
