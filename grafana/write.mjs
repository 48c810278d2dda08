// Writes the dashboards that build/ makes into the folder that is named, or into dashboards/: `make dashboards`.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { DASHBOARDS } from './build/index.js';

const folder = process.argv[2] ?? join(import.meta.dirname, 'dashboards');
mkdirSync(folder, { recursive: true });
for (const [name, dashboard] of Object.entries(DASHBOARDS)) {
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(dashboard, null, 2)}\n`);
}
