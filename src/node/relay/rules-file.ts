/** The file with a proxy's rules: JSON, checked whole before any of it holds. */
import { SubflowError } from '../../base/index.js';
import { readBoundedText } from '../daemon/config-file.js';
import { jsonLines } from '../daemon/json-lines.js';
import { messageOf } from '../net-error.js';
import { type AccessRules, type Network, parseNetwork } from './access-rules.js';

/** Networks in one list: each is looked at for every connection. */
export const MAX_RULE_NETWORKS = 10_000;

const listNames = ['clients', 'deny'] as const;
const switchNames = ['allowPrivate', 'allowLoopback'] as const;

/** Reads rules from `text`, of the file `name`. Throws `ERR_SUBFLOW_BAD_RULES`, which names every mistake. */
export function parseRules(text: string, name: string): AccessRules {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw badRules(`${name} is no JSON: ${(error as Error).message}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw badRules(`${name} is not one object`);
  const mistakes = jsonLines(text).repeated.map(({ path }) => `${path.join('.')}: is there twice`);
  const known: readonly string[] = [...listNames, ...switchNames];
  for (const key of Object.keys(value)) if (!known.includes(key)) mistakes.push(`${key}: not known`);
  const given = value as Readonly<Record<string, unknown>>;
  const [clients, deny] = listNames.map((key) => readNetworks(key, given[key] ?? [], mistakes));
  const [allowPrivate, allowLoopback] = switchNames.map((key) => {
    const chosen = given[key] ?? false;
    if (typeof chosen !== 'boolean') mistakes.push(`${key}: neither true nor false`);
    return chosen === true;
  });
  if (mistakes.length > 0) throw badRules(`${name}: ${mistakes.join('; ')}`);
  return { clients: clients!, deny: deny!, allowPrivate: allowPrivate!, allowLoopback: allowLoopback! };
}

function readNetworks(key: string, list: unknown, mistakes: string[]): Network[] {
  if (!Array.isArray(list) || list.length > MAX_RULE_NETWORKS) {
    mistakes.push(`${key}: no list of up to ${MAX_RULE_NETWORKS} networks`);
    return [];
  }
  return list.flatMap((text: unknown, i) => {
    try {
      return [parseNetwork(String(text))];
    } catch (error) {
      mistakes.push(`${key}.${i}: ${(error as Error).message}`);
      return [];
    }
  });
}

function badRules(message: string): SubflowError {
  return new SubflowError('ERR_SUBFLOW_BAD_RULES', message, {
    hint: 'Rules look like { "clients": ["192.168.0.0/16"], "deny": [], "allowPrivate": false, "allowLoopback": false }.',
  });
}

/** Reads the file at `path`; throws as {@link parseRules}, also where it cannot be read, is no file, or is too long. */
export async function readRules(path: string): Promise<AccessRules> {
  let text: string;
  try {
    text = await readBoundedText(path);
  } catch (cause) {
    throw badRules(`${path} cannot be read: ${messageOf(cause)}`);
  }
  return parseRules(text.replace(/^\ufeff/, ''), path);
}
