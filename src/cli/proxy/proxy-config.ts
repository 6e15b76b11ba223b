/** The configuration file of `subflow proxy`: the flags, by their names in camelCase. What a flag says holds against the file. */

import { z } from 'zod';
import { loadDaemon } from '../../node/index.js';

const words = z.array(z.string().min(1).max(1024)).max(1000);
const word = z.string().min(1).max(4096);
const count = z
  .int()
  .min(1)
  .max(1_000_000)
  .transform((value) => String(value));

const schema = z.strictObject({
  ...{ listen: words.optional(), via: words.optional() },
  ...{ allowClient: words.optional(), deny: words.optional(), rules: word.optional() },
  ...{ allowPrivate: z.boolean().optional(), allowLoopback: z.boolean().optional() },
  ...{ users: word.optional(), serviceType: word.optional(), socks6Version: count.optional() },
  ...{ fastOpen: z.boolean().optional(), plainTcp: z.boolean().optional(), json: z.boolean().optional() },
  ...{ maxConnections: count.optional(), maxPerClient: count.optional() },
  ...{ idle: word.optional(), connectTimeout: word.optional(), requestTimeout: word.optional() },
  drain: word.optional(),
});

/** Reads the file at `path`. Throws `ERR_SUBFLOW_BAD_CONFIG`, which names every mistake with its line. */
export async function readProxyConfig(path: string): Promise<Readonly<Record<string, unknown>>> {
  const { parseConfigText, readConfigFile } = await loadDaemon();
  const parse = (text: string) => parseConfigText(text, schema, (value) => ({ value, problems: [] }));
  return readConfigFile(path, parse, 'docs/proxies.md has an example.');
}
