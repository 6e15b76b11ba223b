/** The parameters of an experiment as flags. */

import type { Command } from 'commander';
import {
  describeRange,
  flagName,
  type Parameter,
  type ParameterSet,
  type ParameterValue,
  writeParameter,
} from '../../experiments/index.js';
import { UsageError } from '../errors.js';
import { parseDuration, parseInteger, parseRate, parseSize } from '../units.js';

/** How a value is called in the help. */
const placeholders = {
  number: 'number',
  rate: 'bit/s',
  duration: 'time',
  size: 'bytes',
  choice: 'word',
} as const;

/** Declares a flag for each parameter. */
export function declareParameters(command: Command, parameters: ParameterSet): Command {
  for (const [name, parameter] of Object.entries(parameters)) {
    const flag = `--${flagName(name, parameter)} <${placeholders[parameter.kind]}>`;
    const shown = writeParameter(parameter, parameter.default);
    command.option(flag, `${parameter.doc} (${describeRange(parameter)}; default ${shown})`);
  }
  return command;
}

function parseNumber(text: string): number {
  const value = /^-?\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : NaN;
  if (Number.isNaN(value)) throw new UsageError(`'${text}' is not a number`);
  return value;
}

const parsers = { number: parseNumber, rate: parseRate, duration: parseDuration, size: parseSize } as const;

function parseValue(flag: string, parameter: Parameter, text: string): ParameterValue {
  if (parameter.kind === 'choice') {
    if (parameter.choices.includes(text)) return text;
    throw new UsageError(`--${flag} is one of ${parameter.choices.join(', ')}, not '${text}'`);
  }
  const value = parsers[parameter.kind](text);
  if (!(value >= parameter.min && value <= parameter.max)) {
    throw new UsageError(`--${flag} lies from ${describeRange(parameter)}, not at '${text}'`);
  }
  if (parameter.whole === true && !Number.isInteger(value)) {
    throw new UsageError(`--${flag} is a whole number, not '${text}'`);
  }
  return value;
}

/** The name under which commander gives a flag: `wifi-delay` is `wifiDelay`. */
function keyOf(flag: string): string {
  return flag.replace(/-([a-z0-9])/g, (_dash, letter: string) => letter.toUpperCase());
}

/** Seed and parameters from the flags. Throws a {@link UsageError}. */
export function readParameters(
  parameters: ParameterSet,
  flags: { readonly seed: string; readonly [name: string]: unknown },
): { readonly seed: number; readonly parameters: Record<string, ParameterValue> } {
  const given: Record<string, ParameterValue> = {};
  for (const [name, parameter] of Object.entries(parameters)) {
    const flag = flagName(name, parameter);
    const text = flags[keyOf(flag)];
    if (typeof text === 'string') given[name] = parseValue(flag, parameter, text);
  }
  return { seed: parseInteger(flags.seed, 0, 0xffff_ffff), parameters: given };
}
