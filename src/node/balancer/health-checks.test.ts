import { createServer as createHttpServer } from 'node:http';
import net from 'node:net';
import { readdirSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import { describeWith } from '../../../test/support/with-rights.js';
import type { HealthCheckConfig, HealthOutcome, Server } from '../../balancer/index.js';
import {
  kernelMptcp,
  listenKernel,
  mayCreateNamespaces,
  mayOpenRawSockets,
  NetworkNamespace,
} from '../../linux/index.js';
import { IpAddress } from '../../wire/index.js';
import { healthCheck, maxAttempts } from './health-checks.js';

const cleanUps: (() => unknown)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0).reverse()) cleanUp();
});

const PORT = 8000;

/** The balancer's host and a server's, with a line between them. */
class Lab {
  readonly balancer = NetworkNamespace.create('balancer');
  readonly host = NetworkNamespace.create('server');

  constructor() {
    cleanUps.push(
      () => this.balancer.close(),
      () => this.host.close(),
    );
    this.balancer.connectTo(this.host, 'servers', 'eth0');
    this.balancer.ip('address add 10.5.0.1/24 dev servers', 'address add fd05::1/64 dev servers');
    this.host.ip(
      ...['10.5.0.2/24', '10.5.0.3/24', 'fd05::2/64'].map((address) => `address add ${address} dev eth0`),
    );
  }

  /** A server of the kernel's that does `serve` with each connection. */
  serve(
    protocol: 'tcp' | 'mptcp',
    serve: (socket: net.Socket) => void = () => undefined,
    address = '10.5.0.2',
  ): void {
    this.listen(new net.Server(), protocol, address).on('connection', (socket: net.Socket) => {
      socket.on('error', () => undefined).resume();
      cleanUps.push(() => socket.destroy());
      serve(socket);
    });
  }

  listen<T extends net.Server>(server: T, protocol: 'tcp' | 'mptcp', address = '10.5.0.2'): T {
    server.listen({ fd: listenKernel({ address, port: PORT, protocol, namespace: this.host }) });
    cleanUps.push(() => server.close());
    return server;
  }

  attempt(config: Partial<HealthCheckConfig>, address = '10.5.0.2'): Promise<HealthOutcome> {
    const check = healthCheck({ ...settings, ...config }, { namespace: this.balancer });
    return check.attempt(serverAt(address), new AbortController().signal);
  }
}

const settings: HealthCheckConfig = {
  kind: 'tcp',
  port: PORT,
  intervalMs: 10_000,
  timeoutMs: 3000,
  rise: 1,
  fall: 1,
};

/** For servers of which no answer comes. */
const impatient = { timeoutMs: 150 };

function serverAt(address: string): Server {
  return { id: 1, address: IpAddress.parse(address)!, weight: 1, state: 'up' };
}

const healthy = { healthy: true, rttMs: expect.any(Number) as number };
const unhealthy = (why: RegExp): object => ({ healthy: false, why: expect.stringMatching(why) as string });

const raw = [mayCreateNamespaces(), mayOpenRawSockets(), kernelMptcp()];

describeWith('the check "tcp"', [mayCreateNamespaces()], () => {
  it('finds a server well that takes connections, whatever it says', async () => {
    const lab = new Lab();
    lab.serve('tcp');
    lab.serve('tcp', (socket) => socket.write(Buffer.alloc(1000, 0xff)), '10.5.0.3');
    lab.serve('tcp', (socket) => socket.destroy(), 'fd05::2');
    for (const address of ['10.5.0.2', '10.5.0.3', 'fd05::2'])
      expect(await lab.attempt({}, address)).toEqual(healthy);
  });

  it('finds a server ill that refuses, and one that does not answer', async () => {
    const lab = new Lab();
    expect(await lab.attempt({})).toEqual(unhealthy(/ECONNREFUSED/));
    lab.balancer.ip('neighbour add 10.5.0.99 lladdr 02:00:00:00:00:99 dev servers');
    expect(await lab.attempt(impatient, '10.5.0.99')).toEqual(
      unhealthy(/^no answer within 150 ms \(connecting\)$/),
    );
    expect(await lab.attempt({}, '192.0.2.1')).toEqual(unhealthy(/ENETUNREACH/));
  });

  it('ends at once when it is called off, before or after it began', async () => {
    const lab = new Lab();
    lab.balancer.ip('neighbour add 10.5.0.99 lladdr 02:00:00:00:00:99 dev servers');
    const check = healthCheck(settings, { namespace: lab.balancer });
    const controller = new AbortController();
    const attempt = check.attempt(serverAt('10.5.0.99'), controller.signal);
    setTimeout(() => controller.abort(), 10);
    expect(await attempt).toEqual(unhealthy(/called off/));
    expect(await check.attempt(serverAt('10.5.0.2'), controller.signal)).toEqual(unhealthy(/called off/));
  });

  it('leaves no socket behind, however attempts end, and runs no more than its limit at a time', async () => {
    const lab = new Lab();
    lab.serve('tcp');
    lab.balancer.ip('neighbour add 10.5.0.99 lladdr 02:00:00:00:00:99 dev servers');
    await lab.attempt({});
    const check = healthCheck({ ...settings, ...impatient }, { namespace: lab.balancer });
    const { signal } = new AbortController();
    const before = readdirSync('/proc/self/fd').length;
    const outcomes = await Promise.all(
      Array.from({ length: maxAttempts + 1 }, () => check.attempt(serverAt('10.5.0.99'), signal)),
    );
    expect(outcomes.filter((each) => !each.healthy && each.why.includes('under way already'))).toHaveLength(
      1,
    );
    expect(outcomes.filter((each) => !each.healthy && each.why.includes('no answer'))).toHaveLength(
      maxAttempts,
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(before + 1);
  });
});

describeWith('the check "http"', [mayCreateNamespaces()], () => {
  const http = { kind: 'http' } as const;

  it('asks for the path it was given, of the host it was given, and judges the status', async () => {
    const lab = new Lab();
    const asked: string[] = [];
    lab.listen(
      createHttpServer((request, response) => {
        asked.push(`${request.method} ${request.url} ${request.headers.host}`);
        response.writeHead(Number(request.url!.slice(1)) || 200).end('fine');
      }),
      'tcp',
    );
    expect(await lab.attempt(http)).toEqual(healthy);
    expect(await lab.attempt({ ...http, path: '/302', host: 'www.example' })).toEqual(healthy);
    expect(await lab.attempt({ ...http, path: '/503' })).toEqual(unhealthy(/^status 503$/));
    expect(await lab.attempt({ ...http, path: '/204', statuses: [200] })).toEqual(unhealthy(/^status 204$/));
    expect(await lab.attempt({ ...http, path: '/404', statuses: [404] })).toEqual(healthy);
    expect(asked.slice(0, 2)).toEqual([`GET / 10.5.0.2:${PORT}`, 'GET /302 www.example']);
  });

  it('finds a server ill that says nothing, nonsense, too much before the answer, or half of it', async () => {
    const lab = new Lab();
    const answers: ((socket: net.Socket) => unknown)[] = [
      () => undefined,
      (socket) => socket.write(Buffer.alloc(5000, 0xff)),
      (socket) => socket.write(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(30_000)}\r\n\r\n`),
      (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf'),
      (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf'),
      (socket) => socket.destroy(),
    ];
    let turn = 0;
    lab.serve('tcp', (socket) => answers[turn++]!(socket));
    expect(await lab.attempt({ ...http, ...impatient })).toEqual(unhealthy(/waiting for the answer/));
    expect(await lab.attempt(http)).toEqual(unhealthy(/no HTTP/));
    expect(await lab.attempt(http)).toEqual(unhealthy(/no HTTP/));
    expect(await lab.attempt(http)).toEqual(unhealthy(/aborted|broke off/));
    expect(await lab.attempt({ ...http, ...impatient })).toEqual(unhealthy(/reading the answer/));
    expect(await lab.attempt(http)).toEqual(unhealthy(/./));
    expect(await lab.attempt(http, '10.5.0.3')).toEqual(unhealthy(/ECONNREFUSED/));
  });

  it('reads a bounded part of an answer without end', async () => {
    const lab = new Lab();
    let sent = 0;
    lab.serve('tcp', (socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      const more = (): void => {
        while (!socket.destroyed && socket.write(Buffer.alloc(16_384))) sent += 16_384;
      };
      socket.on('drain', more);
      more();
    });
    expect(await lab.attempt(http)).toEqual(healthy);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(sent).toBeLessThan(50_000_000);
  });

  it('is an outcome, not a throw, when the path is none', async () => {
    const lab = new Lab();
    lab.serve('tcp');
    expect(await lab.attempt({ ...http, path: '/a b' })).toEqual(unhealthy(/./));
  });
});

describeWith('the check "mptcp-join"', raw, () => {
  const join = { kind: 'mptcp-join' } as const;

  it.each(['10.5.0.2', 'fd05::2'])('has a second subflow of a connection to Linux at %s', async (address) => {
    const lab = new Lab();
    let received = 0;
    lab.serve('mptcp', (socket) => socket.on('data', (bytes: Buffer) => (received += bytes.length)), address);
    expect(await lab.attempt(join, address)).toEqual(healthy);
    expect(lab.host.counters().get('MPTcpExtMPJoinAckRx')).toBe(1);
    expect(received).toBe(0);
    expect(lab.balancer.counters().get('TcpOutRsts')).toBe(0);
  });

  it('joins where the server wants to be joined, when that takes no joins at its first address (flag C)', async () => {
    const lab = new Lab();
    lab.host.sysctl('net.mptcp.allow_join_initial_addr_port', 0);
    lab.host.ip('mptcp endpoint add 10.5.0.3 signal');
    lab.serve('mptcp');
    lab.serve('mptcp', () => undefined, '10.5.0.3');
    expect(await lab.attempt(join)).toEqual(healthy);
    expect(lab.host.counters().get('MPTcpExtMPJoinAckRx')).toBe(1);
    lab.host.ip('mptcp endpoint flush');
    expect(await lab.attempt({ ...join, timeoutMs: 500 })).toEqual(unhealthy(/announced no address/));
  });

  it('says that a server of plain TCP fell back', async () => {
    const lab = new Lab();
    lab.serve('tcp');
    expect(await lab.attempt(join)).toEqual(unhealthy(/fell back to TCP/));
  });

  it('says that the join was refused', async () => {
    const lab = new Lab();
    lab.host.ip('mptcp limits set subflows 0');
    lab.serve('mptcp');
    expect(await lab.attempt(join)).toEqual(unhealthy(/the join failed: .*ECONN/));
  });

  it('says that there was no answer to the join', async () => {
    const lab = new Lab();
    lab.host.sysctl('net.mptcp.allow_join_initial_addr_port', 0);
    lab.host.ip('mptcp endpoint add 10.5.0.99 signal');
    lab.balancer.ip('neighbour add 10.5.0.99 lladdr 02:00:00:00:00:99 dev servers');
    lab.serve('mptcp');
    expect(await lab.attempt({ ...join, timeoutMs: 500 })).toEqual(
      unhealthy(/no answer .*joining at 10\.5\.0\.99 port 8000/),
    );
  });

  it('says that the server refused, did not answer, or has no way to it', async () => {
    const lab = new Lab();
    expect(await lab.attempt(join)).toEqual(unhealthy(/ECONNREFUSED/));
    lab.balancer.ip('neighbour add 10.5.0.99 lladdr 02:00:00:00:00:99 dev servers');
    expect(await lab.attempt({ ...join, ...impatient }, '10.5.0.99')).toEqual(unhealthy(/connecting/));
    expect(await lab.attempt(join, '192.0.2.1')).toEqual(unhealthy(/ENETUNREACH|no route/));
  });

  it('bears a server that closes at once, and one that sends without end', async () => {
    const lab = new Lab();
    lab.serve('mptcp', (socket) => socket.destroy());
    expect((await lab.attempt(join)).healthy).toBeTypeOf('boolean');
    lab.serve('mptcp', (socket) => socket.write(Buffer.alloc(1_000_000, 0xff)), '10.5.0.3');
    expect(await lab.attempt(join, '10.5.0.3')).toEqual(healthy);
  });

  it('leaves nothing behind', async () => {
    const lab = new Lab();
    lab.serve('mptcp', (socket) => socket.on('end', () => socket.end()));
    expect(await lab.attempt(join)).toEqual(healthy);
    const before = readdirSync('/proc/self/fd').length;
    for (let i = 0; i < 3; i++)
      expect(await Promise.all([lab.attempt(join), lab.attempt(join), lab.attempt(join)])).toEqual([
        healthy,
        healthy,
        healthy,
      ]);
    for (let turn = 0; readdirSync('/proc/self/fd').length > before && turn < 400; turn++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(before);
  });
});
