// A dashboard on a page: its title, what is chosen, and its panels where they belong.

import type { DataFrame, GrafanaTheme2, TimeRange } from '@grafana/data';
import { PanelChrome, useTheme2 } from '@grafana/ui';

import type { Dashboard, Fill, Panel } from './dashboard';
import { type Marks, PanelBody } from './panels';
import type { Chosen } from './variables';

// Grafana's grid.
const COLUMNS = 24;
const ROW = 30;
const GAP = 8;

/** Where a panel stands on a page of that width. */
export function placeOf({ gridPos: { x, y, w, h } }: Panel, pageWidth: number) {
  const column = (pageWidth - GAP * (COLUMNS - 1)) / COLUMNS + GAP;
  return { left: x * column, top: y * (ROW + GAP), width: w * column - GAP, height: h * (ROW + GAP) - GAP };
}

export interface Page {
  dashboard: Dashboard;
  chosen: Chosen[];
  range: TimeRange;
  fill: Fill;
  marks: Marks[];
  /** The time range of each panel, by its id. */
  ranges: Map<number, TimeRange>;
  /** What each panel shows, by its id; or what Prometheus says is wrong with it. */
  shown: Map<number, DataFrame[] | Error>;
  width: number;
}

export function DashboardPage(page: Page) {
  const theme = useTheme2();
  const height = Math.max(...page.dashboard.panels.map(({ gridPos }) => gridPos.y + gridPos.h)) * (ROW + GAP);
  return (
    <div style={{ padding: '0 16px 16px', background: theme.colors.background.canvas }}>
      <Controls {...page} />
      <div style={{ position: 'relative', height }}>
        {page.dashboard.panels.map((panel) => (
          <div key={panel.id} style={{ position: 'absolute', ...placeOf(panel, page.width) }}>
            <Framed {...page} panel={panel} />
          </div>
        ))}
      </div>
    </div>
  );
}

function Framed({ panel, shown, width: pageWidth, ...page }: Page & { panel: Panel }) {
  const { width, height } = placeOf(panel, pageWidth);
  const title = page.fill(panel.title);
  if (panel.type === 'row') return <h5 style={{ lineHeight: `${ROW}px`, margin: 0 }}>⌄ {title}</h5>;
  const frames = shown.get(panel.id) ?? [];
  const range = page.ranges.get(panel.id) ?? page.range;
  const own = panel.timeFrom && <span style={{ fontSize: 12 }}>◷ Last {panel.timeFrom}</span>;
  return (
    <PanelChrome title={title} description={panel.description} titleItems={own} width={width} height={height}>
      {(innerWidth, innerHeight) =>
        frames instanceof Error ? (
          <pre className="error">{frames.message}</pre>
        ) : (
          <PanelBody {...page} panel={panel} frames={frames} range={range} width={innerWidth} height={innerHeight} />
        )
      }
    </PanelChrome>
  );
}

/** In place of the bars above a dashboard, as high as they are. */
function Controls({ dashboard, chosen, range }: Page) {
  const theme = useTheme2();
  const time = `${range.from.utc().format('YYYY-MM-DD HH:mm')} to ${range.to.utc().format('YYYY-MM-DD HH:mm')} UTC`;
  return (
    <div style={{ height: 88 }}>
      <div style={{ display: 'flex', alignItems: 'center', height: 40 }}>
        Dashboards / <b style={{ marginLeft: 4 }}>{dashboard.title}</b>
      </div>
      <div style={{ display: 'flex', gap: 8, alignItems: 'center', height: 40, whiteSpace: 'nowrap' }}>
        {chosen.map(({ variable, text }) => (
          <span key={variable.name}>
            <Box theme={theme} strong>{variable.label ?? variable.name}</Box>
            <Box theme={theme}>{text || ' '}</Box>
          </span>
        ))}
        <span style={{ flex: 1 }} />
        <Box theme={theme}>{time}</Box>
      </div>
    </div>
  );
}

function Box({ theme, strong, children }: { theme: GrafanaTheme2; strong?: boolean; children: string }) {
  const style = {
    display: 'inline-block',
    height: 32,
    lineHeight: '30px',
    padding: '0 8px',
    fontSize: 12,
    border: `1px solid ${theme.colors.border.medium}`,
    background: strong ? theme.colors.background.secondary : theme.components.input.background,
  };
  return <span style={style}>{strong ? <b>{children}</b> : children}</span>;
}
