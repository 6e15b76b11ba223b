/** For tests of the probe on real packets: two namespaces, a web server in one of them, the probe in the other. */
import net from 'node:net';
import { SeededRandom } from '../../src/base/index.js';
import { listenKernel, NetworkNamespace, ProbeDriver, type KernelProtocol } from '../../src/linux/index.js';
import { createServer, UserspaceHost, type ServerOptions } from '../../src/node/index.js';
import {
  defaultProbeSettings,
  drawSecrets,
  findScenario,
  ProbeRun,
  type ScenarioResult,
} from '../../src/probe/index.js';
import { IpAddress, type MptcpVersion } from '../../src/wire/index.js';
import { answerTo, request } from './probe-request.js';

const port = 80;

/** The stream of a server's connection, whichever stack is below. */
interface Connection {
  on(event: 'error', listener: () => void): unknown;
  on(event: 'data', listener: (data: Uint8Array) => void): unknown;
  write(text: string): unknown;
}

/** Answers a request as web servers do. */
function serve(socket: Connection): void {
  let text = '';
  socket.on('error', () => undefined);
  socket.on('data', (data: Uint8Array) => {
    text += new TextDecoder().decode(data);
    const answer = answerTo(text);
    if (answer !== undefined) socket.write(answer);
  });
}

export class ProbeLab {
  readonly client = NetworkNamespace.create('probe');
  readonly server = NetworkNamespace.create('server');
  private readonly random = new SeededRandom(Number(process.hrtime.bigint() % 1_000_000n));
  private readonly cleanUps: (() => void)[] = [];

  constructor() {
    this.client.connectTo(this.server, 'net', 'net');
    this.client.ip(
      'address add 10.9.0.2/24 dev net',
      'address add 10.9.0.3/24 dev net',
      'address add fd09::2/64 dev net',
      'address add fd09::3/64 dev net',
    );
    this.server.ip('address add 10.9.0.1/24 dev net', 'address add fd09::1/64 dev net');
  }

  /** The kernel serves. */
  serveByKernel(protocol: KernelProtocol = 'mptcp'): void {
    const server = net.createServer(serve);
    server.listen({ fd: listenKernel({ address: '::', port, protocol, namespace: this.server }) });
    this.cleanUps.push(() => server.close());
  }

  /** Our stack serves from the kernel's addresses. */
  async serveByUs(options: ServerOptions): Promise<void> {
    const host = new UserspaceHost();
    host.addRaw({ interface: 'net', namespace: this.server });
    const server = createServer({ ...options, via: host }, serve);
    await new Promise<void>((resolve) => server.listen(port, () => resolve()));
    this.cleanUps.push(() => host.close());
  }

  /** Runs a scenario over IPv4 or IPv6. */
  async run(name: string, version: MptcpVersion, family: 4 | 6): Promise<ScenarioResult> {
    const target = IpAddress.parse(family === 4 ? '10.9.0.1' : 'fd09::1')!;
    const joinLocal = IpAddress.parse(family === 4 ? '10.9.0.3' : 'fd09::3')!;
    const driver = new ProbeDriver({ target, joinLocal, namespace: this.client });
    try {
      const run = new ProbeRun(findScenario(name), {
        ...{ target: { address: target, port }, local: driver.local, joinLocal, version, request },
        secrets: drawSecrets(this.random),
        settings: { ...defaultProbeSettings, replyNs: 300e6, attempts: 2 },
      });
      await driver.complete(run);
      return run.report();
    } finally {
      driver.close();
    }
  }

  close(): void {
    for (const cleanUp of this.cleanUps) cleanUp();
    this.client.close();
    this.server.close();
  }
}
