// Tables: one instant query a column of numbers, merged into rows by the labels that they share.

import {
  BarGaugeDisplayMode,
  BarGaugeValueMode,
  FieldColorModeId,
  type Panel,
  TableCellDisplayMode,
  TableCellHeight,
  type TableCellOptions,
  type ThresholdsConfig,
  type ValueMapping,
} from '@grafana/schema';
import type {
  FieldConfig as TableFieldConfig,
  Options as TableOptions,
} from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';

import { byName, DATASOURCE, type Override, query, type Said } from './panels.js';

/** A column of text: a label of the rows. */
export interface Label {
  label: string;
  title: string;
  width?: number;
  /** Where a click leads. */
  link?: { title: string; url: string };
  mappings?: ValueMapping[];
  /** Whether mappings give it a colour. */
  coloured?: boolean;
}

/** A column of numbers. */
export interface Column {
  title: string;
  unit?: string;
  decimals?: number;
  width?: number;
  /** Colours the number. */
  thresholds?: ThresholdsConfig;
  /** Draws the number as a bar up to this one. */
  gaugeTo?: number;
  mappings?: ValueMapping[];
}

interface Table extends Omit<Said, 'unit'> {
  /** The expression that says which rows there are. Every column asks it again; so it stays without names. */
  rows: string;
  /** Gives rows the names that they are called by. */
  named?: (rows: string) => string;
  /** Labels of the rows that tell one from another; they are all there, and hidden where they are no column. */
  key: string[];
  labels: Label[];
  /** What the number of `rows` is; without a title it is not shown. */
  value?: Column;
  /** Further numbers of the same rows, by the same key. */
  columns?: (Column & { expr: string })[];
  /** Title of the column that rows are sorted by, the largest first. */
  sortBy?: string;
  /** Title of the column that rows are sorted by before that, the smallest first. */
  sortFirstBy?: string;
}

/** An empty cell: otherwise what the panel says when there are no rows would stand in each of them. */
const EMPTY = { noValue: '–' };

const HIDDEN = { viz: true, legend: true, tooltip: true };

const sorting = (it: Table, by: string) => [
  ...(it.sortFirstBy ? [{ displayName: it.sortFirstBy, desc: false }] : []),
  { displayName: by, desc: true },
];

export function table(it: Table): Panel {
  const options = {
    cellHeight: TableCellHeight.Sm,
    frameIndex: 0,
    showHeader: true,
    ...(it.sortBy && { sortBy: sorting(it, it.sortBy) }),
  } satisfies TableOptions;
  const custom = {
    align: 'auto',
    cellOptions: { type: TableCellDisplayMode.Auto },
    inspect: false,
  } satisfies TableFieldConfig;
  const columns = it.columns ?? [];
  const titled = [...(it.value ? [it.value] : []), ...columns];
  return {
    type: 'table',
    title: it.title,
    description: it.description,
    datasource: DATASOURCE,
    targets: [rows(it), ...columns.map(({ expr }) => among(it, expr))].map((expr, i) =>
      query(i, expr, { format: 'table', instant: true, range: false }),
    ),
    transformations: [{ id: 'merge', options: {} }, organized(it)],
    options,
    fieldConfig: {
      defaults: {
        unit: 'short',
        noValue: it.noData,
        color: { mode: FieldColorModeId.Thresholds },
        custom,
      },
      overrides: [
        ...it.labels.map(labelOverride),
        ...titled.map(columnOverride),
        ...hidden(it).map((label) => byName(label, { 'custom.hideFrom': HIDDEN })),
      ],
    },
  } satisfies Panel<TableOptions, TableFieldConfig>;
}

// Metric names would keep rows apart; so they are gone from every column.

function rows(it: Table): string {
  const labels = new Set([...it.key, ...it.labels.map(({ label }) => label)]);
  return `max by (${[...labels].join(', ')}) (\n${it.named ? it.named(it.rows) : it.rows}\n)`;
}

/** The numbers of an expression that belong to rows. */
function among(it: Table, expr: string): string {
  const key = it.key.join(', ');
  return `max by (${key}) (\n(${expr})\nand on (${key}) (${it.rows})\n)`;
}

const hidden = (it: Table) => it.key.filter((label) => !it.labels.some((column) => column.label === label));

/** Columns in their order, by their titles. */
function organized(it: Table) {
  // Where one query alone finds anything, Grafana leaves out which.
  const value = (title: string): [string, string][] => [
    ['Value', title],
    ['Value #A', title],
  ];
  const renamed: [string, string][] = [
    ...it.labels.map(({ label, title }): [string, string] => [label, title]),
    ...(it.value ? value(it.value.title) : []),
    ...(it.columns ?? []).map(({ title }, i): [string, string] => [`Value #${query(i + 1, '', {}).refId}`, title]),
  ];
  const excluded = ['Time', ...(it.value ? [] : ['Value', 'Value #A'])];
  return {
    id: 'organize',
    options: {
      excludeByName: Object.fromEntries(excluded.map((name) => [name, true])),
      indexByName: Object.fromEntries([...renamed.map(([name]) => name), ...hidden(it)].map((name, i) => [name, i])),
      renameByName: Object.fromEntries(renamed),
    },
  };
}

function labelOverride(it: Label): Override {
  const colour = { type: TableCellDisplayMode.ColorText } satisfies TableCellOptions;
  return byName(it.title, {
    ...EMPTY,
    ...(it.width && { 'custom.width': it.width }),
    ...(it.link && { links: [{ ...it.link, targetBlank: false }] }),
    ...(it.mappings && { mappings: it.mappings }),
    ...(it.coloured && { 'custom.cellOptions': colour }),
  });
}

function columnOverride(it: Column): Override {
  const gauge = {
    type: TableCellDisplayMode.Gauge,
    mode: BarGaugeDisplayMode.Basic,
    valueDisplayMode: BarGaugeValueMode.Color,
  } satisfies TableCellOptions;
  const text = { type: TableCellDisplayMode.ColorText } satisfies TableCellOptions;
  return byName(it.title, {
    ...EMPTY,
    unit: it.unit ?? 'short',
    ...(it.decimals !== undefined && { decimals: it.decimals }),
    ...(it.width && { 'custom.width': it.width }),
    ...(it.mappings && { mappings: it.mappings }),
    ...(it.thresholds && { thresholds: it.thresholds, 'custom.cellOptions': it.gaugeTo ? gauge : text }),
    ...(it.gaugeTo && { min: 0, max: it.gaugeTo }),
  });
}
