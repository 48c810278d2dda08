// A time series panel, with the moments of annotations as dashed lines.

import { useTheme2, TimeSeries, type UPlotConfigBuilder } from '@grafana/ui';
import { useRef } from 'react';

import type { Drawn } from '../panels';

export function TimeSeriesPanel({ panel, frames, range, marks, width, height }: Drawn) {
  const theme = useTheme2();
  const marked = useRef<UPlotConfigBuilder>();
  return (
    <TimeSeries
      frames={frames}
      width={width}
      height={height}
      timeRange={range}
      timeZone="utc"
      legend={panel.options.legend}
      options={panel.options}
      structureRev={1}
    >
      {(builder) => {
        if (marked.current === builder) return null;
        marked.current = builder;
        builder.addHook('draw', (plot) => {
          const { ctx, bbox } = plot;
          ctx.save();
          ctx.setLineDash([4, 4]);
          for (const { annotation, times } of marks) {
            ctx.strokeStyle = theme.visualization.getColorByName(annotation.iconColor);
            for (const time of times.filter((time) => time >= range.from.valueOf() && time <= range.to.valueOf())) {
              const x = plot.valToPos(time, 'x', true);
              ctx.beginPath();
              ctx.moveTo(x, bbox.top);
              ctx.lineTo(x, bbox.top + bbox.height);
              ctx.stroke();
            }
          }
          ctx.restore();
        });
        return null;
      }}
    </TimeSeries>
  );
}
