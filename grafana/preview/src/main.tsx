// Draws the dashboard that the address names: ?dashboard=UID&now=SECOND&every=SECONDS&var-NAME=VALUE…

import {
  type DataFrame,
  type DateTime,
  EventBusSrv,
  ThemeContext,
  type TimeRange,
  createTheme,
  dateMath,
  dateTime,
  locationUtil,
} from '@grafana/data';
import { GlobalStyles, PanelContextProvider } from '@grafana/ui';
import { createRoot } from 'react-dom/client';

import { type Annotation, dashboardOf } from './dashboard';
import { prepared } from './fields';
import { DashboardPage, placeOf } from './page';
import type { Marks } from './panels';
import { framesOf, overTime } from './prometheus';
import { choose, filler } from './variables';

/** What is left and right of the panels, as Grafana has it. */
const PADDING = 32;

const theme = createTheme({ colors: { mode: 'dark' } });

async function draw(wanted: URLSearchParams): Promise<void> {
  const dashboard = dashboardOf(wanted.get('dashboard') ?? '');
  const now = dateTime(Number(wanted.get('now')) * 1000);
  const source = { every: Number(wanted.get('every') ?? 60) };
  const range = rangeOf(dashboard.time.from, now);
  locationUtil.initialize({ config: { appSubUrl: '' } as any, getVariablesUrlParams: () => ({}), getTimeRangeForUrl: () => ({}) as any });

  const chosen = await choose(dashboard.templating.list, wanted, range);
  const fill = filler(chosen, range);
  const width = document.documentElement.clientWidth - PADDING;
  const ranges = new Map(dashboard.panels.map(({ id, timeFrom }) => [id, timeFrom ? rangeOf(`now-${timeFrom}`, now) : range]));
  const shown = new Map<number, DataFrame[] | Error>();
  for (const panel of dashboard.panels.filter(({ type }) => type !== 'row')) {
    try {
      const frames = await framesOf(panel, ranges.get(panel.id) ?? range, placeOf(panel, width).width, source, fill);
      shown.set(panel.id, await prepared(panel, frames, theme, fill));
    } catch (error) {
      shown.set(panel.id, error as Error);
    }
  }
  const marks = await Promise.all(dashboard.annotations.list.map((annotation) => marksOf(annotation, range, fill)));
  const page = { dashboard, chosen, range, fill, marks, ranges, shown, width };
  const context = { eventsScope: 'global', eventBus: new EventBusSrv() } as any;
  createRoot(document.getElementById('page')!).render(
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <PanelContextProvider value={context}>
        <DashboardPage {...page} />
      </PanelContextProvider>
    </ThemeContext.Provider>,
  );
}

/** From a time such as now-7d up to now. */
function rangeOf(back: string, now: DateTime): TimeRange {
  const from = dateMath.parseDateMath(back.replace(/^now/, ''), dateTime(now)) ?? now;
  return { from, to: now, raw: { from, to: now } };
}

/** When something is marked: where a series begins, or at the times that its values are. */
async function marksOf(annotation: Annotation, range: TimeRange, fill: (text: string) => string): Promise<Marks> {
  const step = Math.max(60, Math.ceil((range.to.unix() - range.from.unix()) / 1000));
  const found = await overTime(fill(annotation.target.expr), step, range);
  const times = found.flatMap(({ values = [] }) =>
    annotation.useValueForTime ? values.map(([, value]) => Number(value)) : values.slice(0, 1).map(([second]) => second * 1000),
  );
  return { annotation, times: [...new Set(times)] };
}

draw(new URLSearchParams(location.search)).then(
  () => requestAnimationFrame(() => document.body.setAttribute('data-drawn', '')),
  (error) => {
    document.body.setAttribute('data-drawn', String(error?.stack ?? error));
  },
);
