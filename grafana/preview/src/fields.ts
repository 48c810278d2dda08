// What is done to frames before they are drawn: transformations, and what fields are told by defaults and overrides.

import {
  type DataFrame,
  FieldConfigOptionsRegistry,
  type FieldConfigPropertyItem,
  type GrafanaTheme2,
  applyFieldOverrides,
  cacheFieldDisplayNames,
  dataLinksOverrideProcessor,
  displayNameOverrideProcessor,
  identityOverrideProcessor,
  numberOverrideProcessor,
  standardFieldConfigEditorRegistry,
  standardTransformers,
  standardTransformersRegistry,
  thresholdsOverrideProcessor,
  transformDataFrame,
  unitOverrideProcessor,
  valueMappingsOverrideProcessor,
} from '@grafana/data';
import { firstValueFrom } from 'rxjs';

import type { Fill, Panel } from './dashboard';

const STANDARD = {
  displayName: displayNameOverrideProcessor,
  unit: unitOverrideProcessor,
  min: numberOverrideProcessor,
  max: numberOverrideProcessor,
  fieldMinMax: identityOverrideProcessor,
  decimals: numberOverrideProcessor,
  noValue: identityOverrideProcessor,
  color: identityOverrideProcessor,
  links: dataLinksOverrideProcessor,
  mappings: valueMappingsOverrideProcessor,
  thresholds: thresholdsOverrideProcessor,
} as const;

// Some stand there under two names.
const TRANSFORMERS = new Map<string, any>(Object.values(standardTransformers).map((it: any) => [it.id, it]));

standardTransformersRegistry.setInit(() =>
  [...TRANSFORMERS.values()].map((transformation) => ({
    id: transformation.id,
    name: transformation.name,
    transformation,
    editor: () => null,
    imageDark: '',
    imageLight: '',
  })),
);
standardFieldConfigEditorRegistry.setInit(() => Object.keys(STANDARD).map((id) => property(id, id, false)));

function property(id: string, path: string, isCustom: boolean): FieldConfigPropertyItem {
  const process: any = isCustom ? identityOverrideProcessor : STANDARD[id as keyof typeof STANDARD];
  return { id, path, isCustom, name: id, process, shouldApply: () => true, editor: () => null, override: () => null } as any;
}

/** The properties of fields that a panel speaks of: those that all panels have, and its own. */
function properties({ fieldConfig }: Panel): FieldConfigOptionsRegistry {
  const own = [
    ...Object.keys(fieldConfig.defaults.custom ?? {}),
    ...fieldConfig.overrides
      .flatMap((override) => override.properties.map(({ id }) => id))
      .filter((id) => id.startsWith('custom.'))
      .map((id) => id.slice('custom.'.length)),
  ];
  return new FieldConfigOptionsRegistry(() => [
    ...Object.keys(STANDARD).map((id) => property(id, id, false)),
    ...[...new Set(own)].map((path) => property(`custom.${path}`, path, true)),
  ]);
}

/** The frames as a panel draws them. */
export async function prepared(
  panel: Panel,
  frames: DataFrame[],
  theme: GrafanaTheme2,
  fill: Fill,
): Promise<DataFrame[]> {
  const context = { interpolate: (text: string) => fill(text) };
  const transformed = await firstValueFrom(transformDataFrame(panel.transformations ?? [], frames, context));
  const overridden = applyFieldOverrides({
    data: transformed,
    fieldConfig: panel.fieldConfig,
    fieldConfigRegistry: properties(panel),
    replaceVariables: fill as any,
    theme,
    timeZone: 'utc',
  });
  cacheFieldDisplayNames(overridden);
  return overridden;
}
