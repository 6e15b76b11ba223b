/**
 * Options of a command that may stand in a file as well: the same names in camelCase, as in `{ "listen": "[::]:5124", "allowClient":
 * ["192.168.0.0/16"], "idle": "60s" }`. What is given on the command line wins. Every mistake of the file is told at once, with its line.
 */

import type { Command, Option } from 'commander';
import { z } from 'zod';
import { SubflowError } from '../../base/index.js';
import { loadDaemon } from '../../node/index.js';
import { UsageError } from '../errors.js';

/** Looks at the text of an option, or at each of its list, and throws an error whose message says what is wrong with it. */
export type FlagChecks = Readonly<Record<string, (text: string) => unknown>>;

/** Most values of one option. */
const maxValues = 10_000;
/** Options that say how the program is run, and not how the command is to be. */
const notInFile: readonly string[] = ['config', 'check', 'dryRun', 'undo', 'force'];

/**
 * The options of `command`, completed by its file. To be called again when the file is to be read anew.
 * @throws UsageError with all that is wrong with the file.
 */
export async function completeFlags<Flags>(command: Command, checks: FlagChecks): Promise<Flags> {
  const flags = command.opts<Record<string, unknown>>();
  const path = flags['config'];
  if (typeof path !== 'string') return flags as Flags;
  const read = await readFlags(path, command, checks);
  // `--no-x`, and defaults, are not given on the command line.
  const given = Object.entries(flags).filter(([name]) => command.getOptionValueSource(name) === 'cli');
  return { ...flags, ...read, ...Object.fromEntries(given) } as Flags;
}

async function readFlags(
  path: string,
  command: Command,
  checks: FlagChecks,
): Promise<Record<string, unknown>> {
  const { parseConfigText, readConfigFile } = await loadDaemon();
  const schema = schemaOf(command, checks);
  try {
    return await readConfigFile(
      path,
      (text) => parseConfigText(text, schema, (value) => ({ value, problems: [] })),
      `The fields are the options of subflow ${nameOf(command)} --help, in camelCase.`,
    );
  } catch (error) {
    if (error instanceof SubflowError && error.code === 'ERR_SUBFLOW_BAD_CONFIG')
      throw new UsageError(error.message, error.hint);
    throw error;
  }
}

/** As it is called after `subflow`: that of a command of a command has two words. */
export function nameOf(command: Command): string {
  const { parent } = command;
  return parent?.parent ? `${nameOf(parent)} ${command.name()}` : command.name();
}

function schemaOf(command: Command, checks: FlagChecks): z.ZodType<Record<string, unknown>> {
  const fields = command.options
    .filter((option) => !notInFile.includes(option.attributeName()))
    .map((option) => [option.attributeName(), fieldOf(option, checks[option.attributeName()])] as const);
  return z.strictObject(Object.fromEntries(fields));
}

/** What the file may say in place of an option. */
function fieldOf(option: Option, check: ((text: string) => unknown) | undefined): z.ZodType {
  // An option that is not there is not `false`.
  if (option.isBoolean())
    return z
      .boolean()
      .transform((value) => (value ? true : undefined))
      .optional();
  const text = z.union([z.string(), z.number()], 'is neither a text nor a number').transform(String);
  const value = text.superRefine((given, context) => {
    const message = complaint(() => check?.(given));
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });
  return option.variadic ? z.array(value).max(maxValues).optional() : value.optional();
}

function complaint(action: () => unknown): string | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
