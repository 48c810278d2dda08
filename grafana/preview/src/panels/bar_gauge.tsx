// A bar gauge: numbers as bars, one below the other.

import { type DisplayValueAlignmentFactors, type FieldDisplay, VizOrientation } from '@grafana/data';
import { BarGauge, VizRepeater, useTheme2 } from '@grafana/ui';

import type { Drawn } from '../panels';
import { alignment, valuesOf } from './values';

export function BarGaugePanel(it: Drawn) {
  const theme = useTheme2();
  const { options } = it.panel;
  const isManual = options.sizing === 'manual';
  return (
    <VizRepeater<FieldDisplay, DisplayValueAlignmentFactors>
      getValues={() => valuesOf(it, theme)}
      getAlignmentFactors={alignment}
      width={it.width}
      height={it.height}
      minVizWidth={isManual ? options.minVizWidth : 8}
      minVizHeight={isManual ? options.minVizHeight : 16}
      maxVizHeight={isManual ? options.maxVizHeight : 300}
      source={it.frames}
      renderCounter={0}
      itemSpacing={options.displayMode === 'lcd' ? 2 : 10}
      orientation={options.orientation}
      renderValue={({ value, alignmentFactors, orientation, width, height, count }) => {
        const { field, display, view, colIndex } = value;
        const { namePlacement } = options;
        return (
          <BarGauge
            value={options.orientation === VizOrientation.Horizontal && count === 1 && it.frames.length <= 1 ? { ...display, title: undefined } : display}
            field={field}
            display={view?.getFieldDisplayProcessor(colIndex ?? 0)}
            text={options.text}
            width={width}
            height={height}
            orientation={orientation}
            theme={theme}
            itemSpacing={10}
            lcdCellWidth={8}
            displayMode={options.displayMode}
            alignmentFactors={alignmentFactors}
            showUnfilled={options.showUnfilled}
            valueDisplayMode={options.valueMode}
            namePlacement={namePlacement}
            isOverflow={false}
          />
        );
      }}
    />
  );
}
