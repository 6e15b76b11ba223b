/**
 * What a command counts, by name, for Prometheus: counters and gauges with help and labels, as text of its format 0.0.4. What a client can
 * choose must not become a label without a bound: each metric has a number of series at most, and what comes beyond is counted in one
 * whose labels all say `other`. Owns no timer and no socket (metrics-server.ts has one).
 *
 * Read first: https://prometheus.io/docs/instrumenting/exposition_formats/ and .../practices/naming/.
 */
import { SubflowError } from '../../base/index.js';

/** Series of one metric; see the module. */
export const maxSeries = 1_000;
/** Most characters of a label's value. */
const maxLabelLength = 256;

/** Values of labels by their names. */
export type Labels<Name extends string = string> = Readonly<Record<Name, string>>;

/** The labels of a metric that has some; nothing for one that has none. */
export type GivenLabels<Name extends string> = [Name] extends [never] ? [] : [labels: Labels<Name>];

/** One line of a metric. */
export interface Series {
  value: number;
}

/** A metric whose values are kept here. Series that are used often are asked for once: `metric.of({ ... }).value++`. */
export class Metric<Name extends string = never> {
  private readonly names: readonly Name[];
  private readonly series = new Map<string, Series>();

  /** Made by {@link Metrics}. */
  constructor(names: readonly Name[]) {
    this.names = names;
    if (names.length === 0) this.series.set('', { value: 0 });
  }

  /** The series with these labels; the one of all others where there are too many. */
  of(...[labels]: GivenLabels<Name>): Series {
    const key = labelText(this.names, labels ?? {});
    let series = this.series.get(key);
    if (series !== undefined) return series;
    const isFull = this.series.size >= maxSeries;
    const place = isFull ? this.otherKey : key;
    series = this.series.get(place) ?? { value: 0 };
    this.series.set(place, series);
    return series;
  }

  /** Adds `amount` to the series with these labels. */
  add(amount: number, ...labels: GivenLabels<Name>): void {
    this.of(...labels).value += amount;
  }

  /** Puts the series with these labels to `value`: for gauges. */
  set(value: number, ...labels: GivenLabels<Name>): void {
    this.of(...labels).value = value;
  }

  /** What is told. */
  entries(): Iterable<readonly [string, number]> {
    return [...this.series].map(([key, { value }]) => [key, value] as const);
  }

  private get otherKey(): string {
    return this.names.map((name) => `${name}="other"`).join(',');
  }
}

/** What is asked for when the metrics are: values with their labels. */
export type Observe<Name extends string> = () => Iterable<readonly [Labels<Name>, number]>;

interface Registered {
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly entries: () => Iterable<readonly [string, number]>;
}

/** See the module. */
export class Metrics {
  private readonly metrics = new Map<string, Registered>();

  /**
   * A number that only rises; its name ends in `_total`.
   * @throws SubflowError `ERR_SUBFLOW_BAD_METRIC` for a name or a label that Prometheus does not take, or that is there already.
   */
  counter<Name extends string = never>(
    name: string,
    help: string,
    labels: readonly Name[] = [],
  ): Metric<Name> {
    if (!name.endsWith('_total')) throw badMetric(name, 'the name of a counter ends in _total');
    return this.keep('counter', name, help, labels);
  }

  /** A number that rises and falls. Throws as {@link counter}. */
  gauge<Name extends string = never>(name: string, help: string, labels: readonly Name[] = []): Metric<Name> {
    return this.keep('gauge', name, help, labels);
  }

  /** A number that is asked for when the metrics are: a counter where the name ends in `_total`, else a gauge. Throws as {@link counter}. */
  observe(name: string, help: string, value: () => number): void {
    this.register(name, [], { type: typeOf(name), help, entries: () => [['', value()]] });
  }

  /** The same with labels; beyond {@link maxSeries} the values are summed up as those of `other`. Throws as {@link counter}. */
  observeEach<Name extends string>(
    name: string,
    help: string,
    labels: readonly Name[],
    values: Observe<Name>,
  ): void {
    const entries = (): Iterable<readonly [string, number]> => {
      const metric = new Metric(labels);
      for (const [each, value] of values()) metric.add(value, ...([each] as unknown as GivenLabels<Name>));
      return metric.entries();
    };
    this.register(name, labels, { type: typeOf(name), help, entries });
  }

  /** All of it, in the order in which it was named. */
  text(): string {
    const lines: string[] = [];
    for (const [name, { type, help, entries }] of this.metrics) {
      lines.push(`# HELP ${name} ${escapeHelp(help)}`, `# TYPE ${name} ${type}`);
      for (const [labels, value] of entries())
        lines.push(`${name}${labels === '' ? '' : `{${labels}}`} ${numberText(value)}`);
    }
    return `${lines.join('\n')}\n`;
  }

  private keep<Name extends string>(
    type: Registered['type'],
    name: string,
    help: string,
    labels: readonly Name[],
  ): Metric<Name> {
    const metric = new Metric(labels);
    this.register(name, labels, { type, help, entries: () => metric.entries() });
    return metric;
  }

  private register(name: string, labels: readonly string[], registered: Registered): void {
    if (!/^[a-z_:][a-z0-9_:]*$/.test(name)) throw badMetric(name, 'that is no name of a metric');
    if (this.metrics.has(name)) throw badMetric(name, 'there is one already');
    const wrong = labels.find((label) => !/^(?!__)[a-z_][a-z0-9_]*$/.test(label));
    if (wrong !== undefined) throw badMetric(name, `"${wrong}" is no name of a label`);
    this.metrics.set(name, registered);
  }
}

function typeOf(name: string): Registered['type'] {
  return name.endsWith('_total') ? 'counter' : 'gauge';
}

function badMetric(name: string, why: string): SubflowError {
  return new SubflowError('ERR_SUBFLOW_BAD_METRIC', `metric "${name}": ${why}`, {
    hint: 'Names are like subflow_converter_clients_total, of small letters, digits and underscores.',
  });
}

function labelText(names: readonly string[], labels: Readonly<Record<string, string>>): string {
  return names.map((name) => `${name}="${escapeValue(labels[name] ?? '')}"`).join(',');
}

function escapeValue(value: string): string {
  return value
    .slice(0, maxLabelLength)
    .replaceAll('\\', '\\\\')
    .replaceAll('\n', '\\n')
    .replaceAll('"', '\\"');
}

function escapeHelp(help: string): string {
  return help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  return String(value);
}
