/**
 * `npm run bench -- [NAME-PREFIX]`: runs the benchmarks whose names start so and prints a JSON line for each figure.
 * A figure against a peer is a ratio taken in the same run; see each file for what is measured and how.
 */

import type { BenchResult } from './result.js';

interface Suite {
  /** Figures of this suite start with one of these. */
  readonly prefixes: readonly string[];
  readonly load: () => Promise<{ run: () => Promise<BenchResult[]> }>;
}

const suites: readonly Suite[] = [
  { prefixes: ['wire.'], load: () => import('./wire.js') },
  { prefixes: ['simulation.'], load: () => import('./simulation.js') },
  { prefixes: ['stack.idle'], load: () => import('./memory.js') },
  { prefixes: ['stack.receive', 'stack.send'], load: () => import('./throughput.js') },
];

const wanted = process.argv[2] ?? '';
const chosen = suites.filter((suite) =>
  suite.prefixes.some((prefix) => prefix.startsWith(wanted) || wanted.startsWith(prefix)),
);
if (chosen.length === 0) {
  process.stderr.write(`bench: no figure starts with '${wanted}'\n`);
  process.exitCode = 2;
}
for (const suite of chosen) {
  const { run } = await suite.load();
  for (const result of await run()) {
    if (result.name.startsWith(wanted)) process.stdout.write(`${JSON.stringify(result)}\n`);
  }
}
