/**
 * Our relay and converter against HAProxy and nginx that relay plain TCP, one thread each, in namespaces of their own: over
 * loopback, and over one that is shaped to 2 Gbit/s. Short runs in turns; CPU is the relaying process' alone. Needs root, haproxy,
 * nginx and libnginx-mod-stream.
 */
import { execFileSync, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { kernelMptcp, NetworkNamespace } from '../src/linux/index.js';
import { hasMptcpize, missingPeers, RunningRelay, type RelayKind } from './relays.js';
import type { Errand, Handshake } from './relay-traffic.js';
import type { BenchResult } from './result.js';

const BULK_BYTES = 1_500_000_000;
const LINK_BYTES = 200_000_000;
const CONNECTIONS = 1_500;
/** The first warms all up. */
const ROUNDS = 5;
const LINK = 'tbf rate 2gbit burst 256kb latency 20ms';
/** Descriptors of a process beside those of its connections: pipes of bulk have some kept for them. */
const OTHER_DESCRIPTORS = 800;

const traffic = fileURLToPath(new URL('./relay-traffic.ts', import.meta.url));

interface Run {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

/** Runs of one kind, in the order of rounds. */
type Runs = Map<RelayKind, Run[]>;

function start(namespace: NetworkNamespace, mode: 'sink' | 'hold' | 'source'): ChildProcess {
  const command = ['--import', 'tsx', traffic, mode];
  return namespace.spawn(process.execPath, command, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
}

/** The next that `child` tells; rejects where it ends instead. */
function answerOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    const failed = (): void => reject(new Error('the traffic failed'));
    child.once('exit', failed);
    child.once('message', (answer) => {
      child.off('exit', failed);
      resolve(answer as number);
    });
  });
}

/** Has `source` do something, and waits for the seconds that it took. */
function errand(source: ChildProcess, what: Errand): Promise<number> {
  source.send(what);
  return answerOf(source);
}

/** One run through a relay. */
async function measure(source: ChildProcess, relay: RunningRelay, what: Errand): Promise<Run> {
  const before = relay.cpuSeconds();
  const seconds = await errand(source, what);
  return { seconds, cpuSeconds: relay.cpuSeconds() - before };
}

function handshakeOf(kind: RelayKind): Handshake {
  if (kind === 'socks') return 'socks5';
  return kind.startsWith('converter') ? 'convert' : 'none';
}

/** Relays of all `kinds`, in turns, each with what `errandFor` it has to carry. */
async function rounds(
  namespace: NetworkNamespace,
  kinds: readonly RelayKind[],
  errandFor: (relay: RunningRelay) => Errand,
): Promise<Runs> {
  const [sink, source] = [start(namespace, 'sink'), start(namespace, 'source')];
  const target = await answerOf(sink);
  const relays: RunningRelay[] = [];
  const runs: Runs = new Map(kinds.map((kind) => [kind, []]));
  try {
    for (const kind of kinds) relays.push(await RunningRelay.start(namespace, kind, target));
    for (let round = 0; round < ROUNDS; round++)
      for (const relay of relays) {
        const run = await measure(source, relay, errandFor(relay));
        if (round > 0) runs.get(relay.kind)!.push(run);
      }
  } finally {
    for (const relay of relays) await relay.stop();
    for (const child of [sink, source]) child.kill('SIGKILL');
  }
  return runs;
}

/** Has a relay carry one long connection. */
function sendOf(bytes: number): (relay: RunningRelay) => Errand {
  return ({ kind, port, target }) => ({
    ...{ kind: 'send', port, bytes, target },
    ...{ handshake: handshakeOf(kind), isMultipath: kind.endsWith('multipath') },
  });
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!;
}

/** Median over the rounds of a figure of `kind` to that of `peer`. */
function ratio(
  runs: Runs,
  kind: RelayKind,
  peer: RelayKind,
  figure: (own: Run, theirs: Run) => number,
): number {
  const theirs = runs.get(peer)!;
  return median(runs.get(kind)!.map((own, round) => figure(own, theirs[round]!)));
}

const speed = (own: Run, theirs: Run): number => theirs.seconds / own.seconds;
const cost = (own: Run, theirs: Run): number => own.cpuSeconds / theirs.cpuSeconds;
const three = (value: number): number => Number(value.toFixed(3));

function result(
  name: string,
  value: number,
  unit: string,
  better: BenchResult['better'],
  target: number | null,
  peer: string | null,
): BenchResult {
  return { name, value: three(value), unit, better, target, peer };
}

/** Speed and CPU of `kind` against `peer`. */
function against(runs: Runs, name: string, kind: RelayKind, peer: RelayKind, label: string): BenchResult[] {
  const suffix = `${label[0]!.toUpperCase()}${label.slice(1)}`;
  return [
    result(`${name}.vs${suffix}`, ratio(runs, kind, peer, speed), 'ratio', 'higher', 1, label),
    result(`${name}.cpuVs${suffix}`, ratio(runs, kind, peer, cost), 'ratio', 'lower', 2, label),
  ];
}

/** Both sides over Multipath TCP, whose cost in the kernel is the same for both. */
function againstMultipath(runs: Runs): BenchResult[] {
  const [kind, peer] = ['converter-multipath', 'haproxy-multipath'] as const;
  return against(runs, 'converter.multipath', kind, peer, 'haproxy');
}

async function bulk(namespace: NetworkNamespace): Promise<BenchResult[]> {
  const isMultipath = kernelMptcp().available && hasMptcpize();
  const multipath: readonly RelayKind[] = isMultipath ? ['converter-multipath', 'haproxy-multipath'] : [];
  const kinds: readonly RelayKind[] = ['haproxy', 'relay', 'socks', 'converter', 'nginx', ...multipath];
  const runs = await rounds(namespace, kinds, sendOf(BULK_BYTES));
  const gigabytes = BULK_BYTES / 1e9;
  const absolute = kinds.flatMap((kind) => {
    const name = kind === 'relay' ? 'proxy' : kind.replace('-', '.');
    const mean = (figure: (run: Run) => number): number => median(runs.get(kind)!.map(figure));
    const megabits = mean(({ seconds }) => (BULK_BYTES * 8) / seconds / 1e6);
    return [
      result(`proxy.peers.${name}.megabitsPerSecond`, megabits, 'Mbit/s', 'higher', null, null),
      result(
        `proxy.peers.${name}.cpuPerGigabyte`,
        mean(({ cpuSeconds }) => cpuSeconds / gigabytes),
        's',
        'lower',
        null,
        null,
      ),
    ];
  });
  return [
    ...against(runs, 'proxy', 'relay', 'haproxy', 'haproxy'),
    ...against(runs, 'proxy', 'relay', 'nginx', 'nginx'),
    ...against(runs, 'proxy.socks', 'socks', 'haproxy', 'haproxy'),
    ...against(runs, 'converter', 'converter', 'haproxy', 'haproxy'),
    ...(isMultipath ? againstMultipath(runs) : []),
    ...absolute,
  ];
}

async function overLink(namespace: NetworkNamespace): Promise<BenchResult[]> {
  namespace.run(() => execFileSync('tc', `qdisc add dev lo root ${LINK}`.split(' ')));
  const runs = await rounds(namespace, ['haproxy', 'relay'], sendOf(LINK_BYTES));
  return against(runs, 'proxy.link', 'relay', 'haproxy', 'haproxy');
}

async function connections(namespace: NetworkNamespace): Promise<BenchResult[]> {
  const runs = await rounds(namespace, ['haproxy', 'relay', 'nginx'], ({ port }) => ({
    kind: 'connect',
    port,
    count: CONNECTIONS,
  }));
  const perSecond = median(runs.get('relay')!.map(({ seconds }) => CONNECTIONS / seconds));
  return [
    ...against(runs, 'proxy.connections', 'relay', 'haproxy', 'haproxy'),
    ...against(runs, 'proxy.connections', 'relay', 'nginx', 'nginx'),
    result('proxy.connections.perSecond', perSecond, '1/s', 'higher', null, null),
  ];
}

/** As many as the descriptors of one process allow, two a connection, up to 10,000. */
function idleConnections(): number {
  const [, hard] = /Max open files\s+\d+\s+(\d+|unlimited)/.exec(readFileSync('/proc/self/limits', 'utf8'))!;
  const descriptors = hard === 'unlimited' ? Infinity : Number(hard);
  return Math.min(10_000, Math.floor((descriptors - OTHER_DESCRIPTORS) / 2));
}

/** What `count` connections that nothing comes over add to the memory of a relay, in bytes for each. */
async function idleBytes(namespace: NetworkNamespace, kind: RelayKind, count: number): Promise<number> {
  const [holder, source] = [start(namespace, 'hold'), start(namespace, 'source')];
  const relay = await RunningRelay.start(namespace, kind, await answerOf(holder), count + 10);
  try {
    const before = relay.residentBytes();
    await errand(source, { kind: 'idle', port: relay.port, count });
    await settled(relay, 2 * count);
    return (relay.residentBytes() - before) / count;
  } finally {
    await relay.stop();
    for (const child of [holder, source]) child.kill('SIGKILL');
  }
}

/** Waits until the relay has as many sockets as it is to have. */
async function settled(relay: RunningRelay, sockets: number): Promise<void> {
  for (let tries = 0; relay.descriptors() < sockets; tries++) {
    if (tries > 400) throw new Error(`${relay.kind} has ${relay.descriptors()} descriptors of ${sockets}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function idle(namespace: NetworkNamespace): Promise<BenchResult[]> {
  const count = idleConnections();
  const [own, haproxy, nginx] = [
    await idleBytes(namespace, 'relay', count),
    await idleBytes(namespace, 'haproxy', count),
    await idleBytes(namespace, 'nginx', count),
  ];
  return [
    result('proxy.idle.bytesPerConnection', own, 'bytes', 'lower', null, null),
    result('proxy.idle.connections', count, 'connections', 'higher', 10_000, null),
    result('proxy.idle.vsHaproxy', own / haproxy, 'ratio', 'lower', null, 'haproxy'),
    result('proxy.idle.vsNginx', own / nginx, 'ratio', 'lower', null, 'nginx'),
  ];
}

export async function run(wanted = ''): Promise<BenchResult[]> {
  const missing = missingPeers();
  if (missing !== undefined) {
    process.stderr.write(`bench: proxies are measured against others, which are ${missing}\n`);
    return [];
  }
  if (!hasMptcpize())
    process.stderr.write('bench: no figures of Multipath TCP without mptcpize; apt-get install mptcpize\n');
  const results: BenchResult[] = [];
  for (const [prefixes, measureThem] of [
    [['proxy.vs', 'proxy.cpu', 'proxy.peers', 'proxy.socks', 'converter.'], bulk],
    [['proxy.connections'], connections],
    [['proxy.idle'], idle],
    [['proxy.link'], overLink],
  ] as const) {
    if (!prefixes.some((prefix) => prefix.startsWith(wanted) || wanted.startsWith(prefix))) continue;
    const namespace = NetworkNamespace.create('relays');
    try {
      results.push(...(await measureThem(namespace)));
    } finally {
      namespace.close();
    }
  }
  return results;
}
