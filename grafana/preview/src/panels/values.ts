// The numbers of panels that show a few of them large.

import { type FieldDisplay, type GrafanaTheme2, getDisplayValueAlignmentFactors, getFieldDisplayValues } from '@grafana/data';

import type { Drawn } from '../panels';

export const valuesOf = ({ panel, frames, fill }: Drawn, theme: GrafanaTheme2): FieldDisplay[] =>
  getFieldDisplayValues({
    fieldConfig: panel.fieldConfig,
    reduceOptions: panel.options.reduceOptions,
    replaceVariables: fill as any,
    theme,
    data: frames,
    timeZone: 'utc',
  });

/** So that all of them have the same size of text. */
export const alignment = getDisplayValueAlignmentFactors;
