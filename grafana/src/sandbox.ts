// Losant / Sandbox: one sandbox user. Limits are hard: Losant rejects payloads above them.

import { firing, periods } from './annotations.js';
import { dashboard, heading, row } from './dashboard.js';
import { stat, yesNo } from './panels.js';
import { Scopes } from './promql.js';
import { ScopePanels } from './scope.js';
import * as thresholds from './thresholds.js';
import * as variables from './variables.js';

const sandboxes = new Scopes('sandbox', ['instance', 'sandbox']);
const panels = new ScopePanels(sandboxes, 'sandbox user');

const lastLogin = stat({
  title: 'Last login',
  description: 'When the user last logged in.',
  unit: 'dateTimeFromNow',
  noData: 'Never, or not told',
  series: [['Last login', `${sandboxes.scraped('last_login_timestamp_seconds')} * 1000`]],
});

const failedLogins = stat({
  title: 'Failed logins',
  description:
    'Failed logins as Losant counts them now. An alert fires on ten more within an hour: a forgotten script, or somebody who guesses.',
  unit: 'short',
  noData: 'Not told',
  series: [['Failed logins', sandboxes.recorded('failed_logins:max')]],
  thresholds: thresholds.failedLogins,
});

const twoFactor = stat({
  title: 'Two-factor login',
  description: 'Whether the user has two-factor authentication.',
  unit: 'none',
  noData: 'Not told',
  series: [['Two-factor login', sandboxes.scraped('two_factor_enabled')]],
  mappings: yesNo('on', 'off'),
});

const deletion = stat({
  title: 'Deletion',
  description: 'When the user, marked for deletion, will be gone.',
  unit: 'dateTimeAsIso',
  noData: 'Not marked for deletion',
  series: [['Deletion', `${sandboxes.scraped('deletion_timestamp_seconds')} * 1000`]],
});

export const sandbox = dashboard({
  uid: 'losant-sandbox',
  title: 'Losant / Sandbox',
  description:
    'Usage of one sandbox user. Above its limits Losant rejects payloads until the next billing period begins.',
  from: 'now-2d',
  variables: [variables.datasource, variables.job, variables.one('instance'), variables.one('sandbox')],
  annotations: [periods(sandboxes), firing('instance_id=~"$instance", sandbox_id=~"$sandbox"')],
  sections: [
    ...panels.usage(),
    heading('About the user'),
    row(4, [6, lastLogin], [6, failedLogins], [6, twoFactor], [6, deletion]),
    row(9, [24, panels.ages()]),
  ],
});
