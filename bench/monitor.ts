/**
 * What `subflow monitor` takes of a machine with 10,000 Multipath TCP connections of two subflows each, or as many as the limit of
 * descriptors allows: CPU of a look, against `ss -Mni` and `ss -tni`, which show the same, on the same connections; and the most memory
 * that it had. It writes JSON, a line of some 900 bytes a connection, which nobody keeps.
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { NetworkNamespace } from '../src/linux/index.js';
import { manyConnections } from '../test/support/many-connections.js';
import { launcher } from '../test/support/subflow-command.js';
import { twoPaths } from '../test/support/two-paths.js';
import type { BenchResult } from './result.js';

const WANTED = 10_000;
/** Descriptors of this process beside two for each connection. */
const OTHER_DESCRIPTORS = 200;
/** Looks that are left out, for what is compiled and made once, and those that are measured. */
const WARM_LOOKS = 4;
const LOOKS = 8;
/** Clock ticks a second that /proc counts CPU in, on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

export async function run(): Promise<BenchResult[]> {
  const hosts = twoPaths();
  const many = await manyConnections(hosts, affordable());
  try {
    const count = many.fds.length;
    const monitor = await measureMonitor(hosts.client, count);
    const ssMs = ssCpuMs(hosts.client);
    const peer = `ss -Mni and ss -tni, ${count} connections`;
    const figure = (name: string, value: number, unit: string, target: number | null): BenchResult => ({
      ...{ name, value: Number(value.toFixed(3)), unit, better: 'lower', target },
      peer: unit === 'ratio' ? peer : null,
    });
    return [
      figure('monitor.lookCpu', monitor.lookCpuMs, 'ms', null),
      figure('monitor.lookCpu.vsSs', monitor.lookCpuMs / ssMs, 'ratio', 2),
      figure('monitor.peakMemoryPerConnection', monitor.peakBytes / count, 'bytes', 40_000),
    ];
  } finally {
    many.close();
    hosts.client.close();
    hosts.server.close();
  }
}

function affordable(): number {
  const [, soft] = /Max open files\s+(\d+|unlimited)/.exec(readFileSync('/proc/self/limits', 'utf8'))!;
  return soft === 'unlimited' ? WANTED : Math.min(WANTED, (Number(soft) - OTHER_DESCRIPTORS) >> 1);
}

async function measureMonitor(
  namespace: NetworkNamespace,
  count: number,
): Promise<{ readonly lookCpuMs: number; readonly peakBytes: number }> {
  const args = ['monitor', '--json', '--every', '100ms', '--namespace', namespace.path];
  const child = namespace.spawn(process.execPath, [launcher, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let looks = 0;
  let before = 0;
  for await (const line of createInterface({ input: child.stdout! })) {
    if (looks === 0) {
      const { totals } = JSON.parse(line) as { totals: { connections: number; subflows: number } };
      if (totals.connections !== count || totals.subflows !== 2 * count)
        throw new Error(`the monitor sees ${totals.connections} connections and ${totals.subflows} subflows`);
    }
    looks++;
    if (looks === WARM_LOOKS) before = cpuMs(child.pid!);
    if (looks === WARM_LOOKS + LOOKS) break;
  }
  const lookCpuMs = (cpuMs(child.pid!) - before) / LOOKS;
  const [, peak] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))!;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
  return { lookCpuMs, peakBytes: Number(peak) * 1024 };
}

/** CPU that a process and its threads used so far. */
function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND;
}

/** CPU that `ss` takes to show the same: the mean of some times, by the shell's own count. */
function ssCpuMs(namespace: NetworkNamespace): number {
  const script = `for i in ${Array.from({ length: LOOKS }, (_, i) => i).join(' ')}; do ss -Mni; ss -tni; done > /dev/null; times`;
  const said = namespace.run(() => execFileSync('sh', ['-c', script], { encoding: 'utf8' }));
  const children = said.trim().split('\n').at(-1)!;
  const seconds = [...children.matchAll(/(\d+)m([\d.]+)s/g)].map(
    ([, minutes, seconds]) => 60 * Number(minutes) + Number(seconds),
  );
  return ((seconds[0]! + seconds[1]!) * 1000) / LOOKS;
}
