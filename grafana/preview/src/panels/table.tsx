// A table.

import { TableNG } from '@grafana/ui/unstable';

import type { Drawn } from '../panels';

export function TablePanel({ panel, frames, range, width, height }: Drawn) {
  const { options, fieldConfig } = panel;
  const frame = frames[options.frameIndex ?? 0] ?? frames[0];
  if (!frame) return null;
  return (
    <TableNG
      data={frame}
      width={width}
      height={height}
      noHeader={!options.showHeader}
      showTypeIcons={false}
      resizable={true}
      initialSortBy={options.sortBy}
      cellHeight={options.cellHeight}
      timeRange={range}
      fieldConfig={fieldConfig}
      // All rows are there for whoever looks at the whole dashboard.
      enableVirtualization={false}
      structureRev={1}
    />
  );
}
