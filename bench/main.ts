/**
 * `npm run bench -- [NAME-PREFIX]`: runs the benchmarks whose names start so and prints a JSON line for each figure.
 * A figure against a peer is a ratio taken in the same run; see each file for what is measured and how. Every suite has
 * a process of its own: what one leaves on the heap would slow the collector, and so the next.
 */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { designNames } from '../src/balancer/index.js';
import type { BenchResult } from './result.js';

interface Suite {
  readonly name: string;
  /** Figures of this suite start with one of these. */
  readonly prefixes: readonly string[];
  readonly load: () => Promise<{ run: (wanted?: string) => Promise<BenchResult[]> }>;
}

const suites: readonly Suite[] = [
  { name: 'wire', prefixes: ['wire.'], load: () => import('./wire.js') },
  { name: 'simulation', prefixes: ['simulation.'], load: () => import('./simulation.js') },
  { name: 'memory', prefixes: ['stack.idle'], load: () => import('./memory.js') },
  {
    name: 'trace',
    prefixes: ['trace.packets', 'trace.memory', 'trace.cold', 'trace.vsTshark'],
    load: () => import('./trace.js'),
  },
  { name: 'trace-memory', prefixes: ['trace.peakMemory'], load: () => import('./trace-memory.js') },
  { name: 'balancer', prefixes: ['balancer.xdp'], load: () => import('./balancer.js') },
  ...designNames.map((design): Suite => ({
    ...{ name: `balancer-steer-${design}`, prefixes: [`balancer.steer.${design}`] },
    load: async () => {
      const { run } = await import('./balancer-steer.js');
      return { run: () => run(design) };
    },
  })),
  {
    name: 'balancer-userspace',
    prefixes: ['balancer.userspace'],
    load: () => import('./balancer-userspace.js'),
  },
  { name: 'proxy', prefixes: ['proxy.relay'], load: () => import('./proxy.js') },
  {
    name: 'proxy-peers',
    prefixes: [
      'proxy.vs',
      'proxy.cpu',
      'proxy.peers',
      'proxy.socks',
      'proxy.connections',
      'proxy.idle',
      'proxy.link',
      'converter.',
    ],
    load: () => import('./proxy-peers.js'),
  },
  { name: 'monitor', prefixes: ['monitor.'], load: () => import('./monitor.js') },
  { name: 'lab-capture', prefixes: ['lab.capture'], load: () => import('./lab-capture.js') },
  { name: 'bond', prefixes: ['bond.'], load: () => import('./bond.js') },
  { name: 'lab', prefixes: ['lab.simulate', 'lab.points', 'lab.load'], load: () => import('./lab.js') },
  { name: 'throughput', prefixes: ['stack.receive', 'stack.send'], load: () => import('./throughput.js') },
];

/** Runs the suites with figures that start with `wanted`, one after the other; gives the exit status. */
async function runSuites(wanted: string): Promise<number> {
  const chosen = suites.filter((suite) =>
    suite.prefixes.some((prefix) => prefix.startsWith(wanted) || wanted.startsWith(prefix)),
  );
  if (chosen.length === 0) {
    process.stderr.write(`bench: no figure starts with '${wanted}'\n`);
    return 2;
  }
  let status = 0;
  for (const { name } of chosen) {
    const child = fork(fileURLToPath(import.meta.url), [wanted], {
      env: { ...process.env, [SUITE_VARIABLE]: name },
    });
    const [code] = (await once(child, 'exit')) as [number | null];
    if (code !== 0) status = 1;
  }
  return status;
}

/** Runs one suite in this process and prints what was wanted of it. */
async function runSuite(name: string, wanted: string): Promise<void> {
  const suite = suites.find((candidate) => candidate.name === name)!;
  const { run } = await suite.load();
  for (const result of await run(wanted)) {
    if (result.name.startsWith(wanted)) process.stdout.write(`${JSON.stringify(result)}\n`);
  }
}

/** Tells a child which suite is its own. */
const SUITE_VARIABLE = 'SUBFLOW_BENCH_SUITE';

const wanted = process.argv[2] ?? '';
const suite = process.env[SUITE_VARIABLE];
if (suite === undefined) process.exitCode = await runSuites(wanted);
else await runSuite(suite, wanted);
