/** The file with a proxy's rules: JSON, checked whole before any of it holds. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { SubflowError } from '../../base/index.js';
import { type AccessRules, parseNetwork } from './access-rules.js';

const networkList = z
  .array(
    z.string().transform((text, context) => {
      try {
        return parseNetwork(text);
      } catch (error) {
        context.addIssue({ code: 'custom', message: (error as Error).message });
        return z.NEVER;
      }
    }),
  )
  .max(10_000)
  .default([]);

const schema = z.strictObject({
  clients: networkList,
  deny: networkList,
  allowPrivate: z.boolean().default(false),
  allowLoopback: z.boolean().default(false),
});

/** Reads rules from `text`, of the file `name`. Throws `ERR_SUBFLOW_BAD_RULES`, which names every mistake. */
export function parseRules(text: string, name: string): AccessRules {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new SubflowError('ERR_SUBFLOW_BAD_RULES', `${name} is no JSON: ${(error as Error).message}`);
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const mistakes = result.error.issues.map(
    ({ path, message }) => `${path.map(String).join('.') || 'rules'}: ${message}`,
  );
  throw new SubflowError('ERR_SUBFLOW_BAD_RULES', `${name}: ${mistakes.join('; ')}`, {
    hint: 'Rules look like { "clients": ["192.168.0.0/16"], "deny": [], "allowPrivate": false, "allowLoopback": false }.',
  });
}

/** Reads the file at `path`; throws as {@link parseRules}, and as reading does. */
export async function readRules(path: string): Promise<AccessRules> {
  return parseRules(await readFile(path, 'utf8'), path);
}
