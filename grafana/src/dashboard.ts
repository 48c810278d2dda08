// The frame of every dashboard: what all of them have in common, and where panels stand.

import {
  type AnnotationQuery,
  type Dashboard,
  DashboardCursorSync,
  type Panel,
  type RowPanel,
  type VariableModel,
} from '@grafana/schema';

import { toOthers } from './links.js';

/** Where rows of panels are put, from top to bottom. */
export type Section = { height: number; panels: [width: number, panel: Panel][] } | { heading: string };

export const row = (height: number, ...panels: [width: number, panel: Panel][]): Section => ({ height, panels });
export const heading = (heading: string): Section => ({ heading });

const GRID_WIDTH = 24;
const HEADING_HEIGHT = 1;

/** Panels and headings with their places. */
function placed(sections: Section[]): (Panel | RowPanel)[] {
  const all: (Panel | RowPanel)[] = [];
  let y = 0;
  for (const section of sections) {
    if ('heading' in section) {
      const gridPos = { x: 0, y, w: GRID_WIDTH, h: HEADING_HEIGHT };
      all.push({ type: 'row', id: all.length + 1, title: section.heading, collapsed: false, panels: [], gridPos });
      y += HEADING_HEIGHT;
      continue;
    }
    let x = 0;
    for (const [w, panel] of section.panels) {
      all.push({ id: all.length + 1, ...panel, gridPos: { x, y, w, h: section.height } });
      x += w;
    }
    if (x !== GRID_WIDTH) throw new Error(`panels of a row take ${x} of ${GRID_WIDTH} columns`);
    y += section.height;
  }
  return all;
}

interface Frame {
  uid: string;
  title: string;
  description: string;
  /** How far it looks back at first. */
  from: string;
  variables: VariableModel[];
  annotations: AnnotationQuery[];
  sections: Section[];
}

/** `version` of all dashboards; Grafana counts on from it. */
const VERSION = 1;
/** That of Grafana 12. */
const SCHEMA_VERSION = 42;

export function dashboard(it: Frame): Dashboard {
  return {
    uid: it.uid,
    title: it.title,
    description: it.description,
    tags: ['losant'],
    editable: false,
    timezone: 'utc',
    weekStart: '',
    fiscalYearStartMonth: 0,
    graphTooltip: DashboardCursorSync.Crosshair,
    refresh: '1m',
    time: { from: it.from, to: 'now' },
    timepicker: {},
    schemaVersion: SCHEMA_VERSION,
    version: VERSION,
    links: toOthers(it.uid),
    templating: { list: it.variables },
    annotations: { list: it.annotations },
    panels: placed(it.sections),
  } satisfies Dashboard;
}
