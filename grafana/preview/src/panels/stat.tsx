// A stat panel: large numbers, side by side.

import type { DisplayValueAlignmentFactors, FieldDisplay } from '@grafana/data';
import { BigValue, BigValueTextMode, VizRepeater, useTheme2 } from '@grafana/ui';

import type { Drawn } from '../panels';
import { alignment, valuesOf } from './values';

export function StatPanel(it: Drawn) {
  const theme = useTheme2();
  const { options } = it.panel;
  return (
    <VizRepeater<FieldDisplay, DisplayValueAlignmentFactors>
      getValues={() => valuesOf(it, theme)}
      getAlignmentFactors={alignment}
      width={it.width}
      height={it.height}
      source={it.frames}
      itemSpacing={3}
      renderCounter={0}
      autoGrid={true}
      orientation={options.orientation}
      renderValue={({ value, alignmentFactors, width, height, count }) => (
        <BigValue
          value={value.display}
          count={count}
          colorMode={options.colorMode}
          graphMode={options.graphMode}
          justifyMode={options.justifyMode}
          // The name of the only number is the title of the panel.
          textMode={options.textMode === BigValueTextMode.Auto && it.frames.length <= 1 ? BigValueTextMode.Value : options.textMode}
          disableWideLayout={!options.wideLayout}
          alignmentFactors={alignmentFactors}
          width={width}
          height={height}
          theme={theme}
        />
      )}
    />
  );
}
