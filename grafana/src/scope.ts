// Panels about one org or one sandbox user, alike for both.

import { MappingType, type Panel } from '@grafana/schema';

import { heading, row, type Section } from './dashboard.js';
import { days, hours, NO_DAYS } from './history.js';
import { allowed, payloadsLast, RESOURCES, used } from './limits.js';
import { barGauge, MINUTES, MONTH, type Series, stat, timeSeries, whenUnknown } from './panels.js';
import { BILLABLE, day, type Scopes, top } from './promql.js';
import { table } from './table.js';
import * as thresholds from './thresholds.js';

const UNREAD = 'Not read yet';

/** All panels about the scope that is selected. */
export class ScopePanels {
  constructor(
    private readonly scopes: Scopes,
    /** What the viewer calls it. */
    private readonly noun: 'org' | 'sandbox user',
  ) {}

  /** What is used, with which a dashboard about one scope begins. */
  usage(): Section[] {
    return [
      row(
        4,
        [4, this.thisHour()],
        [3, this.timesUsual()],
        [3, this.today()],
        [4, this.period()],
        [3, this.share()],
        [4, this.limitReached()],
        [3, this.age()],
      ),
      row(9, [24, hours(this.scopes, 'payloads')]),
      row(9, [12, this.periodToDate()], [12, this.limits()]),
      heading('What payloads are made of'),
      row(8, [12, days(this.scopes)], [12, hours(this.scopes, 'payload_bytes')]),
      row(11, [7, this.byType()], [7, this.bySource()], [10, this.applications()]),
      heading('Devices and notebooks'),
      row(7, [12, this.devices()], [12, this.deviceChanges()]),
      row(7, [12, this.notebookTime()], [12, this.notebookRuns()]),
    ];
  }

  private number(title: string, description: string, expr: string, unit = 'short'): Panel {
    return stat({ title, description, unit, noData: UNREAD, series: [[title, expr]] });
  }

  thisHour(): Panel {
    return this.number(
      'Payloads this hour',
      `Billable payloads of the ${this.noun} in the running UTC hour so far.`,
      this.scopes.recorded('payloads_this_hour:max', BILLABLE),
    );
  }

  today(): Panel {
    return this.number(
      'Payloads today',
      `Billable payloads of the ${this.noun} in the running UTC day so far.`,
      this.scopes.recorded('payloads_today:max', BILLABLE),
    );
  }

  period(): Panel {
    return this.number(
      'Payloads this period',
      `Billable payloads of the ${this.noun} in the billing period so far: what counts against the limit.`,
      this.scopes.recorded('billable_payloads_period:max'),
    );
  }

  timesUsual(): Panel {
    return stat({
      title: 'Times usual',
      description:
        'The running hour, or the last one that has settled, as a multiple of the median of the same hour in the three weeks before. Red from where the alert on spikes fires.',
      unit: 'suffix: ×',
      noData: 'Needs 3 weeks',
      decimals: 2,
      series: [['Times usual', this.scopes.recorded('payloads_spike:ratio')]],
      thresholds: thresholds.timesUsual,
    });
  }

  share(): Panel {
    return stat({
      title: 'Share of limit',
      description:
        'Billable payloads of the period so far as a share of the payload limit. Orange from 90 %, red from the limit on.',
      unit: 'percentunit',
      noData: 'No limit',
      series: [['Share of limit', this.scopes.recorded('limit_used:ratio', 'resource="payload"')]],
      thresholds: thresholds.shareOfLimit,
    });
  }

  limitReached(): Panel {
    return stat({
      title: 'Limit reached in',
      description:
        'How long the payload limit of the billing period lasts if every day to come is like the last complete UTC day. Orange when that is before the period ends.',
      unit: 's',
      noData: 'No limit, or no day yet',
      series: [['Limit reached in', payloadsLast(this.scopes)]],
      thresholds: thresholds.neverIsGood,
      mappings: [
        { type: MappingType.ValueToText, options: { '-1': { text: 'after the period', index: 0 } } },
        {
          type: MappingType.RangeToText,
          options: { from: 0, to: 0, result: { text: 'reached', color: 'red', index: 1 } },
        },
      ],
    });
  }

  age(): Panel {
    return stat({
      title: 'Data age',
      description:
        'How long ago the hours and days of it were last known to be true. Late beyond 15 minutes, stale beyond 45: then nothing here can be trusted.',
      unit: 's',
      noData: 'NO DATA',
      series: [['Data age', this.scopes.age('collector="payload_counts_breakdown"')]],
      thresholds: thresholds.age,
      mappings: [whenUnknown('NO DATA', 'red')],
    });
  }

  periodToDate(): Panel {
    const soFar = this.scopes.recorded('billable_payloads_period:max');
    const limit = this.scopes.recorded('payload_limit:max');
    return timeSeries({
      title: 'Billing period against the limit',
      description:
        'Billable payloads of the billing period so far (added up by day where Prometheus had no rules yet), the limit, and what they will be at the end of the period: at the pace so far (left out in its first tenth), and if every day to come is like the last complete one.',
      unit: 'short',
      noData: 'Not read in this time range',
      over: MONTH,
      min: 0,
      series: [
        ['so far', `max by (${this.scopes.ids.join(', ')}) (${soFar}\nor ${this.scopes.addedUpByDay()})`],
        ['at the end', this.scopes.atTheEnd()],
        ['at the end if like yesterday', `${this.scopes.recorded('payloads_burn:ratio')} * ${limit}`],
        ['limit', `${limit}\nor last_over_time(${limit}[1h] @ end())`],
      ],
      looks: {
        'so far': 'level',
        'at the end': 'projected',
        'at the end if like yesterday': 'otherwise',
        limit: 'threshold',
      },
    });
  }

  /** Payloads of the billing period by one of their labels. */
  private split(title: string, description: string, label: string, other: string): Panel {
    // Added up within each exporter first, as the recording rules do.
    const by = `max by (${label}) (sum without (${other}) (${this.scopes.raw('payloads_period', `${label}!=""`)}))`;
    return barGauge({ title, description, unit: 'short', noData: UNREAD, series: [[`{{${label}}}`, top(15, by)]] });
  }

  byType(): Panel {
    return this.split(
      'Payloads by type',
      'Payloads of the billing period so far by what made them, whether they are billed or not. The fifteen largest.',
      'payload_type',
      'source',
    );
  }

  bySource(): Panel {
    return this.split(
      'Payloads by source',
      'Payloads of the billing period so far by where they came from, whether they are billed or not. The fifteen largest. Empty where exposition.source_label is off.',
      'source',
      'payload_type',
    );
  }

  applications(): Panel {
    const of = (family: string, labels = '') => this.scopes.ofApplications(family, labels);
    return table({
      title: 'Applications',
      description:
        'The twenty applications with the most billable payloads in the running UTC calendar month, from the monthly summaries of Losant and as fresh as Losant keeps those.',
      noData: 'No applications, or not read yet',
      rows: top(20, of('payloads_period', BILLABLE)),
      named: (rows) => this.scopes.withApplication(rows),
      key: [...this.scopes.ids, 'application_id'],
      labels: [{ label: 'application', title: 'Application' }],
      value: { title: 'Payloads', width: 90 },
      columns: [
        { title: 'Bytes', unit: 'decbytes', width: 85, expr: of('payload_bytes_period', BILLABLE) },
        { title: 'Devices', width: 75, expr: of('devices') },
        { title: 'Notebooks', ...MINUTES, width: 95, expr: `${of('notebook_run_seconds_period')} / 60` },
      ],
      sortBy: 'Payloads',
    });
  }

  limits(): Panel {
    return table({
      title: 'Limits',
      description:
        'Every limit by the name that Losant gives it, with what is used of it and how much may be: payloads and notebook minutes of the billing period, storage in megabytes, of all else what is there.',
      noData: 'No limits, or not read yet',
      rows: this.scopes.recorded('limit_used:ratio'),
      key: [...this.scopes.ids, 'resource'],
      labels: [{ label: 'resource', title: 'Limit', mappings: RESOURCES }],
      value: { title: 'Share', unit: 'percentunit', width: 170, thresholds: thresholds.shareOfLimit, gaugeTo: 1 },
      columns: [
        { title: 'Used', width: 100, expr: used(this.scopes) },
        { title: 'Of', width: 100, expr: allowed(this.scopes) },
      ],
      sortBy: 'Share',
    });
  }

  devices(): Panel {
    return timeSeries({
      title: 'Devices',
      description: 'Devices that exist.',
      unit: 'short',
      noData: 'Not read in this time range',
      step: '1h',
      over: MONTH,
      series: [['devices', `last_over_time(${this.scopes.recorded('devices:max')}[1d])`]],
      looks: { devices: 'level' },
    });
  }

  deviceChanges(): Panel {
    return timeSeries({
      title: 'Devices created and deleted by day',
      description: 'Devices created (upwards) and deleted (downwards) by UTC day; each bar stands over its day.',
      unit: 'short',
      noData: NO_DAYS,
      step: '1d',
      over: MONTH,
      series: [
        ['created', day(this.scopes.recorded('devices_created_last_day:max'))],
        ['deleted', day(this.scopes.recorded('devices_deleted_last_day:max'))],
      ],
      looks: { created: 'counted', deleted: 'gone' },
    });
  }

  notebookTime(): Panel {
    return timeSeries({
      title: 'Notebook time by day',
      description: 'Minutes that notebooks ran by UTC day; each bar stands over its day.',
      unit: MINUTES.unit,
      noData: NO_DAYS,
      step: '1d',
      over: MONTH,
      min: 0,
      series: [['run time', `${day(this.scopes.recorded('notebook_run_seconds_last_day:max'))} / 60`]],
      looks: { 'run time': 'counted' },
    });
  }

  notebookRuns(): Panel {
    const outcomes = ['completed', 'canceled', 'errored', 'timeout'] as const;
    const of = (outcome: string): Series => [
      outcome,
      day(this.scopes.recorded('notebook_runs_last_day:max', `outcome="${outcome}"`)),
    ];
    return timeSeries({
      title: 'Notebook runs by day',
      description: 'Runs of notebooks by UTC day and by how they ended; each bar stands over its day.',
      unit: 'short',
      noData: NO_DAYS,
      step: '1d',
      over: MONTH,
      min: 0,
      stacked: true,
      series: outcomes.map(of),
      looks: Object.fromEntries(outcomes.map((outcome) => [outcome, outcome])),
    });
  }

  ages(): Panel {
    return barGauge({
      title: 'Age of the data by collector',
      description:
        'How long ago what each collector shows was last known to be true. The month before is read once a day and left out.',
      unit: 's',
      noData: 'NO DATA',
      series: [['{{collector}}', this.scopes.age('collector!="previous_period"')]],
      thresholds: thresholds.ageOfAny,
      max: thresholds.STALE,
    });
  }
}
