// The pieces that expressions are put together from. Owns: how series are selected, joined with names, and aligned to
// hours and days. It knows nothing of panels.

/** Of the part of a billing period that is over: less of it says little about the whole. */
export const FAR_ENOUGH = ' > 0.1';

export type LevelName = 'instance' | 'org' | 'sandbox';

// Where the name of a scope stands. A sandbox user has one only where e-mail addresses are exported.
const NAMES = { instance: 'name', org: 'name', sandbox: 'email' } as const;

/** Scopes of one level that the variables of a dashboard select: what its expressions are about. */
export class Scopes {
  /** Labels that tell one scope of this level from another. */
  readonly ids: string[];
  /** The id of the scope itself. */
  readonly id: string;

  constructor(
    readonly level: LevelName,
    private readonly selected: LevelName[],
  ) {
    this.ids = level === 'instance' ? ['instance_id'] : ['instance_id', `${level}_id`];
    this.id = `${level}_id`;
  }

  private selector(labels: string): string {
    return [...this.selected.map((level) => `${level}_id=~"$${level}"`), labels].filter(Boolean).join(', ');
  }

  /** A series that a recording rule makes, or `backfill` has written: `losant_org:payloads_today:max{…}`. */
  recorded(what: string, labels = ''): string {
    return `losant_${this.level}:${what}{${this.selector(labels)}}`;
  }

  /** Billable payloads at the end of the billing period at the pace so far. */
  atTheEnd(): string {
    return `${this.recorded('billable_payloads_period:max')} / (${this.recorded('period_elapsed:ratio')}${FAR_ENOUGH})`;
  }

  /** Billable payloads of the complete days of the running billing period, before each step. */
  addedUpByDay(): string {
    const start = `last_over_time(${this.recorded('period_start_timestamp_seconds:max')}[1h] @ end())`;
    const days = `${day(this.recorded('payloads_last_day:max', BILLABLE))} and ${this.on} (${start} <= time())`;
    return `sum_over_time((${days})[31d:1d] offset 1d)`;
  }

  /** How old what collectors show is. Clocks differ by a moment, but an age is never negative. */
  age(labels: string): string {
    return `clamp_min(${this.recorded('collector_age:seconds', labels)}, 0)`;
  }

  /** A family as it is scraped, where no rule records it: without what tells one exporter from another. */
  scraped(family: string, labels = '', also: string[] = []): string {
    return `max by (${[...this.ids, ...also].join(', ')}) (${this.raw(family, labels)})`;
  }

  /** A family as it is scraped, with all its labels. */
  raw(family: string, labels = ''): string {
    return `losant_${this.level}_${family}{job=~"$job", ${this.selector(labels)}}`;
  }

  /** Usage of applications of these scopes. */
  ofApplications(family: string, labels = '', also: string[] = []): string {
    const by = [...this.ids, 'application_id', ...also].join(', ');
    return `max by (${by}) (losant_application_${family}{job=~"$job", ${this.selector(labels)}})`;
  }

  /** `on (…)` for series of one scope. */
  get on(): string {
    return `on (${this.ids.join(', ')})`;
  }

  /**
   * The expression with a label `name`. Whoever has no name at the moment is called by the id: an outer join, so that nobody
   * is missing because a name is.
   */
  named(expression: string): string {
    return joined(
      expression,
      this.ids,
      'name',
      this.names((info) => info),
      this.id,
    );
  }

  /** The same for values over time: by the name at the end of the time range, since history has usage and no names. */
  namedOverTime(expression: string): string {
    const atTheEnd = (info: string) => `last_over_time(${info}[2h] @ end() offset -1h)`;
    return joined(expression, this.ids, 'name', this.names(atTheEnd), this.id);
  }

  /** One series a scope with its `name`. */
  private names(when: (info: string) => string): string {
    const label = NAMES[this.level];
    const info = when(`losant_${this.level}_info{job=~"$job", ${this.selector(`${label}!=""`)}}`);
    const called = label === 'name' ? info : `label_replace(${info}, "name", "$1", "${label}", "(.+)")`;
    return `max by (${this.ids.join(', ')}, name) (${called})`;
  }

  /** The expression with a label `application`, the name of the application or its id. */
  withApplication(expression: string): string {
    const info = `losant_application_info{job=~"$job", ${this.selector('name!=""')}}`;
    const ids = [...this.ids, 'application_id'];
    const names = `max by (${ids.join(', ')}, application) (label_replace(${info}, "application", "$1", "name", "(.+)"))`;
    return joined(expression, ids, 'application', names, 'application_id');
  }
}

/** An outer join: the expression with `label` from `names`, or else with the id in its place. */
function joined(expression: string, ids: string[], label: string, names: string, id: string): string {
  const on = `on (${ids.join(', ')})`;
  const one = `topk by (${ids.join(', ')}) (1, ${names})`;
  return `(${expression}) * ${on} group_left (${label}) ${one}\nor ${on} label_replace(${expression}, "${label}", "$1", "${id}", "(.+)")`;
}

/** The largest `count`, for tables: the rows that a panel shows are the series that it asks for. */
export const top = (count: number | string, expression: string) => `topk(${count}, ${expression})`;

export const BILLABLE = 'billable="true"';

// A step of an hour stands at full hours. What a series says of an hour is there from its settling until the end of the next
// hour, once or many times; so the last sample of that span, two hours ahead, speaks of the hour that begins at the step.
// History written by `backfill`, with a sample an hour, and what is scraped look the same that way.

/** The hour that begins at each step, or the one of the same time some weeks before. */
export const hour = (series: string, weeksBefore = 0) =>
  `last_over_time(${series}[1h] offset ${weeksBefore * 168 - 2}h)`;

/** The hour that begins at a step and has not settled yet: what it had when it was last read. */
export const unsettledHour = (running: string, settled: string) =>
  `last_over_time(${running}[1h] offset -1h) unless ${hour(settled)}`;

/** The UTC day that begins at each step. */
export const day = (series: string) => `last_over_time(${series}[1d] offset -2d)`;

/** The UTC day that begins at a step and is not over, or has not settled yet. */
export const unsettledDay = (running: string, settled: string) =>
  `last_over_time(${running}[1d] offset -1d) unless ${day(settled)}`;

/**
 * The median of the same hour in the three weeks before, as alerts take it. The recorded one begins when Prometheus first loads
 * the rules; this one is there for every hour that has history.
 */
export function medianOfThreeWeeks(hourOf: (weeksBefore: number) => string): string {
  const weeks = [1, 2, 3].map(hourOf);
  const marked = weeks.map((week, i) => `label_replace(${week}, "week", "${i + 1}", "", "")`);
  return `quantile(0.5, ${marked.join(' or ')})\nand ${weeks.join(' and ')}`;
}
