/**
 * What a relay of proxies costs against Node's own `stream.pipeline`: one connection over loopback, plain TCP, each relay in a
 * process of its own, in turns. The sender and the sink are the same for both.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import type { BenchResult } from './result.js';

const BYTES = 500_000_000;
const ROUNDS = 5;
const chunk = Buffer.alloc(1 << 18);

type Mode = 'relay' | 'pipe';

class RelayProcess {
  private readonly child: ChildProcess;
  private port = 0;

  constructor(mode: Mode, target: number) {
    this.child = fork(new URL('./proxy-relay.ts', import.meta.url), [mode, String(target)]);
  }

  async start(): Promise<void> {
    [this.port] = (await once(this.child, 'message')) as [number];
  }

  private async cpuSeconds(): Promise<number> {
    this.child.send('usage');
    const [seconds] = (await once(this.child, 'message')) as [number];
    return seconds;
  }

  /** Sends {@link BYTES} through it; gives the time it took, and its CPU, in seconds. */
  async measure(): Promise<{ readonly seconds: number; readonly cpuSeconds: number }> {
    const before = await this.cpuSeconds();
    const startedAt = process.hrtime.bigint();
    const socket = net.connect(this.port, '127.0.0.1');
    for (let sent = 0; sent < BYTES; sent += chunk.length)
      if (!socket.write(chunk)) await once(socket, 'drain');
    socket.end();
    // The sink ends when it has all.
    await once(socket.resume(), 'end');
    const seconds = Number(process.hrtime.bigint() - startedAt) / 1e9;
    return { seconds, cpuSeconds: (await this.cpuSeconds()) - before };
  }

  close(): void {
    this.child.disconnect();
  }
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!;
}

export async function run(): Promise<BenchResult[]> {
  const sink = net.createServer((socket) => socket.resume());
  sink.listen(0, '127.0.0.1');
  await once(sink, 'listening');
  const target = (sink.address() as net.AddressInfo).port;
  const [relay, pipe] = [new RelayProcess('relay', target), new RelayProcess('pipe', target)];
  try {
    await Promise.all([relay.start(), pipe.start()]);
    const speeds: number[] = [];
    const costs: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const theirs = await pipe.measure();
      const ours = await relay.measure();
      // The first warms both up.
      if (round === 0) continue;
      speeds.push(theirs.seconds / ours.seconds);
      costs.push(ours.cpuSeconds / theirs.cpuSeconds);
    }
    const peer = 'stream.pipeline';
    return [
      { name: 'proxy.relay.vsPipe', value: median(speeds), unit: 'ratio', better: 'higher', target: 1, peer },
      {
        name: 'proxy.relay.cpuVsPipe',
        value: median(costs),
        unit: 'ratio',
        better: 'lower',
        target: 1,
        peer,
      },
    ];
  } finally {
    relay.close();
    pipe.close();
    sink.close();
  }
}
