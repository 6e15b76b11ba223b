/**
 * Values of parameters as people write them: `20M`, `25ms`, `64Ki`, `3`. What is written here is read back exactly, and
 * means the same on a command line.
 */

import { MICROSECOND, MILLISECOND, MINUTE, SECOND } from '../base/index.js';
import {
  completeParameters,
  flagName,
  type Parameter,
  type ParameterSet,
  type ParameterValue,
  type QuantityParameter,
} from './parameter.js';

/** Longest text of a value; more digits would say nothing. */
const MAX_LENGTH = 32;

const suffixes = [
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
] as const;

/** A quantity as it would be typed: `20M`, `25ms`, `3`. */
export function writeQuantity({ kind }: QuantityParameter, value: number): string {
  if (kind === 'duration') {
    return value >= 1e9 && value % 1e8 === 0 ? `${value / 1e9}s` : `${value / MILLISECOND}ms`;
  }
  if (kind === 'number') return String(value);
  const [factor, suffix] = suffixes.find(([unit]) => value >= unit && value % (unit / 10) === 0) ?? [1, ''];
  return `${value / factor}${suffix}`;
}

/** A value as it would be typed. */
export function writeParameter(parameter: Parameter, value: ParameterValue): string {
  return parameter.kind === 'choice' || typeof value === 'string'
    ? String(value)
    : writeQuantity(parameter, value);
}

/** What a parameter may be, as it would be typed. */
export function describeRange(parameter: Parameter): string {
  if (parameter.kind === 'choice') return parameter.choices.join(', ');
  return `${writeQuantity(parameter, parameter.min)} to ${writeQuantity(parameter, parameter.max)}`;
}

/** Units of a kind by name, each with its factor to the base unit. */
const scales = { '': 1, k: 1e3, M: 1e6, G: 1e9, Ki: 1024, Mi: 1024 ** 2, Gi: 1024 ** 3 };
const units: Readonly<Record<QuantityParameter['kind'], Readonly<Record<string, number>>>> = {
  number: { '': 1 },
  rate: scales,
  size: scales,
  duration: { '': MILLISECOND, us: MICROSECOND, ms: MILLISECOND, s: SECOND, min: MINUTE },
};

function readQuantity(kind: QuantityParameter['kind'], text: string): number | undefined {
  const match = /^(-?\d+(?:\.\d+)?) ?([A-Za-z]*)$/.exec(text);
  if (match === null || !Object.hasOwn(units[kind], match[2]!)) return undefined;
  const value = Number(match[1]) * units[kind][match[2]!]!;
  return kind === 'duration' || kind === 'size' ? Math.round(value) : value;
}

/** The value that `text` means; undefined where it means none that `parameter` may have. */
export function readParameter(parameter: Parameter, text: string): ParameterValue | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const trimmed = text.trim();
  if (parameter.kind === 'choice') return parameter.choices.includes(trimmed) ? trimmed : undefined;
  const value = readQuantity(parameter.kind, trimmed);
  if (value === undefined || !(value >= parameter.min && value <= parameter.max)) return undefined;
  return parameter.whole === true && !Number.isInteger(value) ? undefined : value;
}

/** An experiment that is to be run, as its address has it. */
export interface ExperimentChoice {
  readonly seed: number;
  readonly parameters: Readonly<Record<string, ParameterValue>>;
}

/** A seed that `text` means: a whole number below 2^32; undefined where it means none. */
export function readSeed(text: string): number | undefined {
  if (!/^\d{1,10}$/.test(text.trim())) return undefined;
  const seed = Number(text);
  return seed <= 0xffff_ffff ? seed : undefined;
}

/** What differs from the defaults, by flag, in the order in which it was declared: pairs of `--wifi-delay` and `25ms`. */
export function givenFlags(
  parameters: ParameterSet,
  values: Readonly<Record<string, ParameterValue>>,
): (readonly [flag: string, value: string])[] {
  return Object.entries(parameters).flatMap(([name, parameter]) => {
    const value = values[name] ?? parameter.default;
    if (value === parameter.default) return [];
    return [[`--${flagName(name, parameter)}`, writeParameter(parameter, value)] as const];
  });
}

/** What gives the same result again on a command line. */
export function commandLine(
  { name, parameters }: { readonly name: string; readonly parameters: ParameterSet },
  { seed, parameters: values }: ExperimentChoice,
): string {
  const flags = givenFlags(parameters, values).map(([flag, value]) => ` ${flag} ${value}`);
  return `subflow experiment run ${name}${flags.join('')} --seed ${seed}`;
}

/** The query of an address: seed, and what differs from the defaults by the names of flags, without their hyphens. */
export function writeChoice(
  { name, parameters }: { readonly name: string; readonly parameters: ParameterSet },
  { seed, parameters: values }: ExperimentChoice,
): string {
  const query = new Map([
    ['name', name],
    ['seed', String(seed)],
  ]);
  for (const [flag, value] of givenFlags(parameters, values)) query.set(flag.slice(2), value);
  return [...query].map(([key, value]) => `${key}=${encodeURIComponent(value)}`).join('&');
}

/** A choice that was read, and sentences about what made no sense. */
export interface ReadChoice extends ExperimentChoice {
  /** Whether anything beside the name was said: otherwise the small form is meant. */
  readonly isExplicit: boolean;
  readonly problems: readonly string[];
}

/** Fields of a query that are looked at. */
const MAX_FIELDS = 100;

/** The fields of a query, decoded; what cannot be is as it stands. */
export function readFields(query: string): (readonly [key: string, value: string])[] {
  return query
    .split('&', MAX_FIELDS)
    .filter((field) => field !== '')
    .map((field) => {
      const at = field.indexOf('=');
      const [key, value] = at < 0 ? [field, ''] : [field.slice(0, at), field.slice(at + 1)];
      try {
        return [key, decodeURIComponent(value)] as const;
      } catch {
        return [key, value] as const;
      }
    });
}

/** What a query says of an experiment; defaults stand in for what makes no sense. */
export function readChoice(parameters: ParameterSet, query: string): ReadChoice {
  const given: Record<string, ParameterValue> = {};
  const problems: string[] = [];
  const names = new Map(
    Object.entries(parameters).map(([name, parameter]) => [flagName(name, parameter), name] as const),
  );
  let seed = 1;
  const fields = readFields(query).filter(([key]) => key !== 'name');
  for (const [key, text] of fields) {
    const shown = text.slice(0, MAX_LENGTH);
    if (key === 'seed') {
      const read = readSeed(text);
      if (read === undefined) problems.push(`'${shown}' is no seed from 0 to 4294967295.`);
      else seed = read;
      continue;
    }
    const name = names.get(key);
    if (name === undefined) {
      problems.push(`there is no parameter '${key.slice(0, MAX_LENGTH)}'.`);
      continue;
    }
    const value = readParameter(parameters[name]!, text);
    if (value === undefined) problems.push(`${key} is ${describeRange(parameters[name]!)}, not '${shown}'.`);
    else given[name] = value;
  }
  return { seed, parameters: completeParameters(parameters, given), isExplicit: fields.length > 0, problems };
}
