/**
 * Two processes of `subflow balance run` in front of the same servers, with one store. The client's route moves from one to the other
 * while its connections send; the store is stopped and started; a server dies, and one of the balancers. Every connection whose server
 * lives on is counted.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { BalanceStatus } from '../../src/balancer/index.js';
import { mayCreateNamespaces, mayUseXdp } from '../../src/linux/index.js';
import { askStatus } from '../../src/node/balancer/status-socket.js';
import { NatsServer } from '../support/nats-server.js';
import {
  balancerAddress,
  buckets,
  type LabConnection,
  RunLab,
  service,
  servicePort,
} from '../support/run-lab.js';
import { addSecondLink, type LabLink } from '../support/second-link.js';
import { launcher } from '../support/subflow-command.js';
import { describeWith, hasTool } from '../support/with-rights.js';

const waiting = { timeout: 40_000, interval: 50 };

/** One of the balancers: the interface that its clients come in by, and the router that the client has there. */
class LabBalancer {
  readonly name: string;
  readonly link: LabLink;
  private readonly folder: string;
  private readonly lab: RunLab;
  private readonly store: NatsServer;
  private child: ChildProcess | undefined;
  private said = '';

  constructor(name: string, link: LabLink, world: { folder: string; lab: RunLab; store: NatsServer }) {
    this.name = name;
    this.link = link;
    this.folder = world.folder;
    this.lab = world.lab;
    this.store = world.store;
  }

  private get file(): string {
    return join(this.folder, `${this.name}.json`);
  }

  private get socketPath(): string {
    return join(this.folder, this.name, 'balance.sock');
  }

  configure(ids: readonly number[]): void {
    const config = {
      ...{ name: this.name, design: 'beamer', mode: 'generic', interfaces: [this.link.device] },
      ...{ source: balancerAddress, services: [`${service}:${servicePort}`] },
      servers: ids.map((id) => ({ id, address: `10.9.${id}.1` })),
      health: { kind: 'tcp', port: servicePort, intervalMs: 300, timeoutMs: 250, rise: 2, fall: 2 },
      ...{ settings: { buckets }, store: { kind: 'nats', servers: [this.store.url], bucket: 'lab' } },
      status: { socket: this.socketPath },
    };
    writeFileSync(this.file, JSON.stringify(config));
  }

  async start(): Promise<void> {
    const args = [launcher, 'balance', 'run', '--config', this.file];
    const child = this.lab.middle.spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.child = child;
    child.stderr!.on('data', (chunk: Buffer) => (this.said += chunk.toString()));
    await vi.waitUntil(() => {
      if (child.exitCode !== null) throw new Error(this.said);
      return askStatus(this.socketPath).catch(() => undefined);
    }, waiting);
  }

  /** Ends it at once, as if its machine had lost its power. */
  async kill(): Promise<void> {
    if (this.child === undefined || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
  }

  /** Waits until its status is as wanted. */
  async until(isSo: (status: BalanceStatus) => boolean): Promise<BalanceStatus> {
    return (await vi.waitUntil(async () => {
      const status = await askStatus(this.socketPath);
      return isSo(status) ? status : undefined;
    }, waiting))!;
  }

  /** Times that an event is in its log. */
  logged(event: string): number {
    return this.said.split(`"event":"${event}"`).length - 1;
  }
}

const states = ({ servers }: BalanceStatus): string =>
  servers.map(({ id, state }) => `${id} ${state}`).join(', ');

describeWith(
  'two balancers that share a store',
  [mayCreateNamespaces(), mayUseXdp(), hasTool('nats-server')],
  () => {
    let folder: string;
    let lab: RunLab;
    let store: NatsServer;
    let a: LabBalancer;
    let b: LabBalancer;

    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), 'subflow-shared-'));
      lab = new RunLab([1, 2, 3]);
      const other = addSecondLink(lab);
      store = await NatsServer.start({ namespace: lab.middle });
      const world = { folder, lab, store };
      a = new LabBalancer('a', { device: 'b0', via: '10.1.0.1 dev c0' }, world);
      b = new LabBalancer('b', other, world);
    });
    afterEach(async () => {
      await a.kill();
      await b.kill();
      await store.close();
      lab.close();
      rmSync(folder, { recursive: true, force: true });
    });

    /** Packets to the service take the way over a balancer from now on. */
    function route({ link }: LabBalancer): void {
      lab.client.ip(`route replace default via ${link.via} src 10.1.0.2`);
    }

    /** Connections that do not get back what they send, by either balancer; waits for those that do. */
    async function broken(connections: readonly LabConnection[], ...ways: LabBalancer[]): Promise<number> {
      for (const way of ways) {
        route(way);
        for (const each of connections) each.send(3000);
        await vi
          .waitUntil(() => connections.every(({ isEchoed }) => isEchoed), { timeout: 10_000, interval: 20 })
          .catch(() => undefined);
      }
      return connections.filter(({ isEchoed }) => !isEchoed).length;
    }

    it('break no connection with beamer whose server lives on', { timeout: 240_000 }, async () => {
      for (const each of [a, b]) each.configure([1, 2]);
      await a.start();
      await b.start();
      for (const each of [a, b]) await each.until((status) => states(status) === '1 up, 2 up');
      route(a);
      const connections = lab.connect(20);
      expect(await broken(connections, a, b, a)).toBe(0);
      route(b);
      connections.push(...lab.connect(20));
      expect(await broken(connections, b, a)).toBe(0);

      // A server comes, in the file of one first: the other follows, and proposes nothing of its own.
      a.configure([1, 2, 3]);
      const grown = await a.until((status) => states(status) === '1 up, 2 up, 3 up');
      const followed = await b.until(({ generation }) => generation.number === grown.generation.number);
      expect(followed.servers.map(({ buckets: each }) => each)).toEqual(
        grown.servers.map(({ buckets: each }) => each),
      );
      b.configure([1, 2, 3]);
      connections.push(...lab.connect(20));
      expect(await broken(connections, a, b)).toBe(0);

      // The store is away: packets go on by the last list, also when a server dies; that is known when it is back.
      await store.stop();
      for (const each of [a, b]) await each.until((status) => !status.store.isReachable);
      expect(await broken(connections, b, a)).toBe(0);
      const lost = lab.portsAt(2);
      expect(lost.size).toBeGreaterThan(0);
      const survivors = connections.filter(({ port }) => !lost.has(port));
      const before = await a.until(() => true);
      lab.servers.get(2)!.kill();
      for (const each of [a, b]) await each.until(({ servers }) => servers[1]?.health?.state === 'down');
      expect(await broken(survivors, b, a)).toBe(0);
      expect((await a.until(() => true)).generation.number).toBe(before.generation.number);
      await store.resume();
      for (const each of [a, b]) {
        await each.until((status) => status.store.isReachable && states(status) === '1 up, 2 gone, 3 up');
        expect(each.logged('store-lost')).toBe(1);
      }
      expect(await broken(survivors, a, b)).toBe(0);

      // Both have carried their part.
      for (const each of [a, b])
        expect((await each.until(() => true)).packets.forwarded).toBeGreaterThan(500);

      // One balancer dies; the other takes its clients, and goes on deciding.
      await a.kill();
      expect(await broken(survivors, b)).toBe(0);
      const late = lab.connect(10);
      expect(await broken([...survivors, ...late], b)).toBe(0);
      b.configure([1, 3]);
      await b.until((status) => states(status) === '1 up, 3 up');
      expect(await broken([...survivors, ...late], b)).toBe(0);
      expect(survivors.length + lost.size).toBe(60);
    });
  },
);
