/**
 * A thread of the data path in user space: moves packets for as long as there are any, and waits in poll(2) otherwise. It never returns
 * to its event loop; orders come with a word that rises and a descriptor that ends the wait, so that they are taken between two batches.
 */
import { readSync } from 'node:fs';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { Balancer, parseGeneration, parseSnapshot, type GenerationSnapshot } from '../../balancer/index.js';
import { MILLISECOND, SECOND, SubflowError } from '../../base/index.js';
import { WorkerRings } from '../../linux/index.js';
import { IpAddress } from '../../wire/index.js';
import { CryptoRandom } from '../crypto-random.js';
import { PacketMover, type WayPlan } from './packet-mover.js';
import { TokenExchange } from './token-exchange.js';
import type { WorkerOrder, WorkerReport, WorkerSetup } from './user-path-messages.js';
import { WorkerCounts } from './worker-counts.js';

/** Longest wait, after which the interfaces are looked at. */
const longestWaitMs = 1000;
/** Wait for a device that takes no more packets now. */
const stalledWaitMs = 1;
/** Batches between two times that counts are shown, under load. */
const batchesPerPublication = 64;

class PathWorker {
  private readonly setup: WorkerSetup;
  private readonly rings: WorkerRings;
  private readonly balancer: Balancer;
  private readonly mover: PacketMover;
  private readonly counts: WorkerCounts;
  private readonly tokens: TokenExchange;
  private readonly mail: Int32Array;
  private readonly event = new Uint8Array(8);
  private mailSeen = 0;
  private tokensTold = 0;
  private checkedAt = 0;
  private isOver = false;

  constructor(setup: WorkerSetup) {
    this.setup = setup;
    const { generation, buckets } = snapshotOf(setup.start);
    this.counts = new WorkerCounts(setup.counts);
    this.tokens = new TokenExchange(setup.tokens, setup.member);
    this.mail = new Int32Array(setup.mail);
    this.rings = new WorkerRings(setup.rings, setup.wakeFd);
    this.balancer = new Balancer(generation.atNs, {
      design: setup.design,
      services: setup.services.map(({ address, port }) => ({ address: addressOf(address), port })),
      ...(setup.joinPortBase !== undefined && { joinPortBase: setup.joinPortBase }),
      ...{ settings: setup.settings, servers: generation.servers, random: new CryptoRandom() },
      ...(buckets !== undefined && { buckets }),
    });
    const { rings, balancer, counts } = this;
    const { source, answersPerSecond } = setup;
    this.mover = new PacketMover({ rings, balancer, counts, source: addressOf(source), answersPerSecond });
    this.setWays(setup.ways);
  }

  /** Moves packets until it is told to stop. */
  run(): void {
    report({ type: 'ready' });
    for (let batch = 0; !this.isOver; batch++) {
      const now = Date.now() * MILLISECOND;
      if (Atomics.load(this.mail, 0) !== this.mailSeen) this.readMail();
      // What others learned comes first: a join may be about it.
      if (this.tokens.isBehind) this.balancer.importTokens(now, this.tokens.take());
      const moved = this.mover.moveBatch(now);
      if (this.balancer.pollTimeout() <= now) this.balancer.handleTimeout(now);
      this.tell();
      if (moved === 0) this.idle(now);
      else if (batch % batchesPerPublication === 0) this.publish();
    }
    this.publish();
  }

  private idle(now: number): void {
    this.publish();
    if (now - this.checkedAt >= SECOND) {
      this.checkedAt = now;
      const broken = this.rings.findBroken();
      if (broken !== undefined) this.fail(`the interface with the number ${broken.interfaceIndex} is gone`);
    }
    if (this.isOver || !this.rings.wait(this.waitMs(now))) return;
    try {
      readSync(this.setup.wakeFd, this.event);
    } catch (error) {
      // Two threads never share one: what is there to be read was read before.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }

  private waitMs(now: number): number {
    if (this.rings.ports.some(({ isStalled }) => isStalled)) return stalledWaitMs;
    const ms = Math.ceil((this.balancer.pollTimeout() - now) / MILLISECOND);
    return Math.max(0, Math.min(longestWaitMs, ms));
  }

  private tell(): void {
    for (let event = this.balancer.pollEvent(); event !== undefined; event = this.balancer.pollEvent()) {
      if (event.type !== 'token-learned') continue;
      this.tokens.write(event);
      this.tokensTold++;
    }
  }

  private publish(): void {
    this.counts.set('tokensLearned', this.tokensTold);
    this.counts.set('tokensMissed', this.tokens.missed);
    this.mover.publish();
  }

  private readMail(): void {
    // Read before the messages: one that comes meanwhile raises it once more.
    this.mailSeen = Atomics.load(this.mail, 0);
    let received = receiveMessageOnPort(parentPort!);
    while (received !== undefined) {
      this.take(received.message as WorkerOrder);
      received = receiveMessageOnPort(parentPort!);
    }
  }

  private take(order: WorkerOrder): void {
    switch (order.type) {
      case 'ways':
        for (const plan of order.ports) this.rings.addPort(plan);
        this.setWays(order.ways);
        break;
      case 'apply':
        this.apply(order.generation);
        break;
      case 'close':
        this.isOver = true;
        break;
    }
  }

  private apply(json: object): void {
    const generation = parseGeneration(json);
    if (!generation.ok) throw new Error(generation.message);
    const { atNs, servers } = generation.value;
    try {
      this.balancer.setServers(atNs, servers);
      report({ type: 'applied' });
    } catch (error) {
      if (!(error instanceof SubflowError)) throw error;
      report({ type: 'applied', error: { code: error.code, message: error.message } });
    }
  }

  private setWays(ways: readonly WayPlan[]): void {
    this.mover.setWays(
      ways,
      ways.map(({ address }) => addressOf(address)),
    );
  }

  private fail(why: string): void {
    this.isOver = true;
    report({ type: 'failed', why });
  }
}

function report(message: WorkerReport): void {
  parentPort!.postMessage(message);
}

function snapshotOf(json: object): GenerationSnapshot {
  const snapshot = parseSnapshot(json);
  if (!snapshot.ok) throw new Error(snapshot.message);
  return snapshot.value;
}

function addressOf(text: string): IpAddress {
  return IpAddress.parse(text)!;
}

new PathWorker(workerData as WorkerSetup).run();
