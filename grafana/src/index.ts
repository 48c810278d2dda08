// All dashboards.

import type { Dashboard } from '@grafana/schema';

import { exporter } from './exporter.js';
import { organization } from './organization.js';
import { overview } from './overview.js';
import { quotas } from './quotas.js';
import { sandbox } from './sandbox.js';

/** By the name of the file that each is written to. */
export const DASHBOARDS: Record<string, Dashboard> = {
  overview,
  organization,
  sandbox,
  quotas,
  exporter,
};
