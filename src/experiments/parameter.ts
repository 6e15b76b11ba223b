/**
 * What of an experiment may be changed, with ranges and defaults. Values are in the units that their names end in: ns,
 * bytes, bit/s. How people write them on a command line is no business of this layer.
 */

import { MILLISECOND, SubflowError } from '../base/index.js';

/** A quantity: a mere number, bit/s, ns or bytes. The range includes both ends. */
export interface QuantityParameter {
  /** `number` is a mere number, `rate` bit/s, `duration` ns, `size` bytes. */
  readonly kind: 'number' | 'rate' | 'duration' | 'size';
  readonly default: number;
  readonly min: number;
  readonly max: number;
  /** Only whole numbers; sizes always are. Default false. */
  readonly whole?: boolean;
  /** One line: what it is. */
  readonly doc: string;
}

/** One of a few words. */
export interface ChoiceParameter {
  readonly kind: 'choice';
  readonly default: string;
  readonly choices: readonly string[];
  /** One line: what it is. */
  readonly doc: string;
}

export type Parameter = QuantityParameter | ChoiceParameter;

/**
 * Parameters by name, in camel case. Names of quantities end in their unit: durations in `Ns`, sizes in `Bytes`, rates
 * in `Bps`.
 */
export type ParameterSet = Readonly<Record<string, Parameter>>;

/** The value of a parameter. */
export type ParameterValue = number | string;

/** The values of all parameters of a set. */
export type ParameterValues<P extends ParameterSet> = {
  readonly [Name in keyof P]: P[Name] extends {
    readonly kind: 'choice';
    readonly choices: readonly (infer Word)[];
  }
    ? Word
    : number;
};

const suffixes = { number: '', rate: 'Bps', duration: 'Ns', size: 'Bytes', choice: '' } as const;

/** The name of a parameter as a flag has it: `wifiDelayNs` is `wifi-delay`. */
export function flagName(name: string, { kind }: Parameter): string {
  const suffix = suffixes[kind];
  const bare = suffix !== '' && name.endsWith(suffix) ? name.slice(0, -suffix.length) : name;
  return bare.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** A value as scripts read it: durations in ms under a name that says so, all else as it is. */
export function reportedValue(
  name: string,
  { kind }: Parameter,
  value: ParameterValue,
): readonly [string, ParameterValue] {
  if (kind !== 'duration' || typeof value !== 'number') return [name, value];
  return [name.replace(/Ns$/, 'Ms'), value / MILLISECOND];
}

function fail(message: string): never {
  throw new SubflowError('ERR_SUBFLOW_PARAMETER', message);
}

function checkValue(name: string, parameter: Parameter, value: ParameterValue): void {
  if (parameter.kind === 'choice') {
    if (typeof value === 'string' && parameter.choices.includes(value)) return;
    fail(`${name} is one of ${parameter.choices.join(', ')}, not '${value}'`);
  }
  if (typeof value !== 'number' || !(value >= parameter.min && value <= parameter.max)) {
    fail(`${name} lies from ${parameter.min} to ${parameter.max}, not at ${value}`);
  }
  const isWhole = parameter.kind === 'size' || parameter.whole === true;
  if (isWhole && !Number.isInteger(value)) fail(`${name} is a whole number, not ${value}`);
}

/** `given` with defaults for the rest. Throws ERR_SUBFLOW_PARAMETER for an unknown name or a value out of range. */
export function completeParameters(
  parameters: ParameterSet,
  given: Readonly<Record<string, ParameterValue>>,
): Record<string, ParameterValue> {
  const unknown = Object.keys(given).find((name) => parameters[name] === undefined);
  if (unknown !== undefined) fail(`there is no parameter ${unknown}`);
  return Object.fromEntries(
    Object.entries(parameters).map(([name, parameter]) => {
      const value = given[name] ?? parameter.default;
      checkValue(name, parameter, value);
      return [name, value];
    }),
  );
}
