import { describe, expect, it } from 'vitest';
import { server, servers } from '../../../test/support/balancer-packets.js';
import { MILLISECOND, MINUTE, NEVER, SECOND, SeededRandom } from '../../base/index.js';
import type { ServerSpec } from '../servers.js';
import { compactAfter, ControlPlane, type ControlEvent, type ControlPlaneOptions } from './control-plane.js';
import type { Generation } from './generation.js';
import type { HealthCheckConfig } from './health.js';
import type { Observation } from './observation.js';

const start = 1_800_000_000 * SECOND;
const health: HealthCheckConfig = {
  ...{ kind: 'tcp', port: 443, intervalMs: 1000, timeoutMs: 200, rise: 2, fall: 3 },
};

/** Balancers with a store between them, in a time of their own: without delay, unless the store is out of reach. */
class World {
  now = start;
  readonly stored: Generation[] = [];
  readonly planes: ControlPlane[] = [];
  readonly events: ControlEvent[][] = [];
  /** Servers that answer no check. */
  readonly dead = new Set<number>();
  isStoreGone = false;
  /** Has the next proposals of all balancers made before any is appended. */
  readonly names: string[] = [];

  add(options: Partial<ControlPlaneOptions> = {}): ControlPlane {
    const name = `b${this.planes.length + 1}`;
    const plane = new ControlPlane(this.now, {
      ...{ name, design: 'beamer', settings: { buckets: 64, chainNs: MINUTE } },
      ...{ wanted: servers(3), random: new SeededRandom(this.planes.length + 1), ...options },
    });
    plane.restore(this.now, undefined, this.stored);
    this.planes.push(plane);
    this.events.push([]);
    return plane;
  }

  /** Lets time pass to the end of `forNs`, with everything that is due meanwhile. */
  pass(forNs: number): void {
    const end = this.now + forNs;
    for (let step = 0; step < 100_000; step++) {
      this.planes.forEach((_, i) => this.drive(i));
      const next = Math.min(...this.planes.map((plane) => plane.pollTimeout()));
      if (next > end) break;
      this.now = Math.max(this.now, next);
    }
    this.now = end;
  }

  private drive(index: number): void {
    const plane = this.planes[index]!;
    for (let attempt = plane.pollAttempt(this.now); attempt; attempt = plane.pollAttempt(this.now)) {
      const isDead = this.dead.has(attempt.server.id);
      plane.handleOutcome(
        this.now,
        attempt,
        isDead ? { healthy: false, why: 'refused' } : { healthy: true, rttMs: 1 },
      );
    }
    const observation = plane.pollObservation(this.now);
    if (observation !== undefined && !this.isStoreGone)
      for (const other of this.planes) other.handleObservation(this.now, observation);
    const proposal = plane.pollProposal(this.now);
    if (proposal !== undefined) this.append(plane, proposal);
    for (let event = plane.pollEvent(); event; event = plane.pollEvent()) this.events[index]!.push(event);
  }

  private append(plane: ControlPlane, proposal: Generation): void {
    if (this.isStoreGone) {
      plane.handleAppended(this.now, proposal, 'unavailable');
      return;
    }
    if (proposal.number !== this.stored.length + 1) {
      plane.handleAppended(this.now, proposal, 'lost');
      return;
    }
    this.stored.push(proposal);
    plane.handleAppended(this.now, proposal, 'won');
    for (const other of this.planes) if (other !== plane) other.handleGeneration(this.now, proposal);
  }

  get states(): string {
    return this.stored
      .at(-1)!
      .servers.map(({ id, state }) => `${id} ${state}`)
      .join(', ');
  }

  get reasons(): string[] {
    return this.stored.map(({ reason }) => reason);
  }
}

describe('one balancer alone', () => {
  it('makes its first generation at once where no health is checked', () => {
    const world = new World();
    world.add();
    world.pass(0);
    expect(world.stored).toMatchObject([{ number: 1, atNs: start }]);
    expect(world.states).toBe('1 up, 2 up, 3 up');
    expect(world.planes[0]!.pollTimeout()).toBe(NEVER);
  });

  it('waits for outcomes, no longer than an attempt takes, so that one generation has them all', () => {
    const world = new World();
    world.dead.add(2);
    world.add({ health });
    world.pass(SECOND);
    expect(world.stored).toHaveLength(1);
    expect(world.states).toBe('1 up, 2 gone, 3 up');
    // The time of an attempt, and that over which the first ones are spread.
    expect(world.stored[0]!.atNs).toBe(start + 300 * MILLISECOND);
    expect(world.reasons[0]).toBe('server 1 added; server 2 added, down; server 3 added');
  });

  it('takes a server out that fails its checks, and back in, without moving other buckets than those', () => {
    const world = new World();
    const plane = world.add({ health });
    world.pass(5 * SECOND);
    const before = plane.log.bucketsByServer()!;
    world.dead.add(2);
    world.pass(5 * SECOND);
    expect(world.states).toBe('1 up, 2 gone, 3 up');
    expect(plane.log.bucketsByServer()!.get(2)).toBeUndefined();
    world.dead.delete(2);
    world.pass(5 * SECOND);
    expect(world.states).toBe('1 up, 2 up, 3 up');
    expect(plane.log.bucketsByServer()).toEqual(before);
    expect(world.reasons.slice(1)).toEqual(['server 2 is down: refused', 'server 2 is up']);
    expect(world.events[0]!.filter(({ type }) => type === 'health')).toHaveLength(5);
  });

  it('keeps its servers when all seem to be down, and says so once', () => {
    const world = new World();
    world.add({ health });
    world.pass(2 * SECOND);
    for (const id of [1, 2, 3]) world.dead.add(id);
    world.pass(20 * SECOND);
    expect(world.states).toMatch(/up/);
    world.dead.clear();
    world.pass(20 * SECOND);
    expect(world.states).toBe('1 up, 2 up, 3 up');
    const said = world.events[0]!.filter((event) => event.type === 'fail-open');
    expect(said).toEqual([
      { type: 'fail-open', isOn: true },
      { type: 'fail-open', isOn: false },
    ]);
  });

  it('takes a new list: a server drains until its operator removes it', () => {
    const world = new World();
    const plane = world.add();
    world.pass(SECOND);
    plane.setWanted(world.now, [server(1), server(2, { state: 'draining' }), server(3), server(4)]);
    world.pass(SECOND);
    expect(world.states).toBe('1 up, 2 draining, 3 up, 4 up');
    world.pass(100 * MINUTE);
    expect(world.states).toBe('1 up, 2 draining, 3 up, 4 up');
    plane.setWanted(world.now, [server(1), server(3), server(4)]);
    world.pass(SECOND);
    expect(world.states).toBe('1 up, 3 up, 4 up');
    expect(world.reasons).toContain('server 2 is draining; server 4 added');
    expect(world.reasons.at(-1)).toBe('server 2 removed');
  });

  it('makes a generation for buckets that waited, once they may move', () => {
    const world = new World();
    const plane = world.add();
    world.pass(SECOND);
    plane.setWanted(world.now, servers(4));
    world.pass(SECOND);
    // What came a second ago may not leave server 4 yet.
    plane.setWanted(world.now, [...servers(3), server(4, { state: 'draining' })]);
    world.pass(SECOND);
    expect(plane.log.bucketsByServer()!.get(4)).toBe(16);
    world.pass(MINUTE);
    expect(plane.log.bucketsByServer()!.get(4)).toBeUndefined();
    expect(world.reasons.at(-1)).toMatch(/buckets that waited/);
    expect(world.stored).toHaveLength(4);
  });

  it('asks for a snapshot in the place of a log that has grown', () => {
    const world = new World();
    const plane = world.add();
    for (let i = 1; i < compactAfter; i++) {
      expect(plane.pollCompaction()).toBeUndefined();
      plane.setWanted(world.now, [server(1, { weight: 1 + (i % 2) })]);
      world.pass(SECOND);
    }
    plane.setWanted(world.now, servers(3));
    world.pass(SECOND);
    expect(plane.pollCompaction()).toMatchObject({ generation: { number: compactAfter } });
    expect(plane.pollCompaction()).toBeUndefined();
  });
});

describe('several balancers', () => {
  it('agree on one generation where all notice the same at once, and on its buckets', () => {
    const world = new World();
    for (let i = 0; i < 3; i++) world.add({ health });
    world.pass(5 * SECOND);
    world.dead.add(3);
    world.pass(10 * SECOND);
    expect(world.states).toBe('1 up, 2 up, 3 gone');
    const [first, ...others] = world.planes.map((plane) => plane.log.snapshot());
    for (const other of others) expect(other).toEqual(first);
  });

  it('go by what most of them see', () => {
    const world = new World();
    for (let i = 0; i < 3; i++) world.add({ health });
    world.pass(5 * SECOND);
    const claim = (balancer: string): Observation => ({
      ...{ balancer, atNs: world.now },
      servers: servers(3).map(({ id }) => ({ id, isHealthy: id !== 1, why: id === 1 ? 'far away' : '' })),
    });
    for (const plane of world.planes) plane.handleObservation(world.now, claim('b4'));
    world.pass(SECOND);
    expect(world.states).toBe('1 up, 2 up, 3 up');
    // Four against three: those that speak up have to go on with it, or they are forgotten.
    for (const name of ['b5', 'b6', 'b7'])
      for (const plane of world.planes) plane.handleObservation(world.now, claim(name));
    world.pass(SECOND);
    expect(world.states).toBe('1 gone, 2 up, 3 up');
    world.pass(20 * SECOND);
    expect(world.states).toBe('1 up, 2 up, 3 up');
  });

  it('leave a balancer that is gone out of account', () => {
    const world = new World();
    const plane = world.add({ health });
    world.pass(5 * SECOND);
    const list = [{ id: 1, isHealthy: false, why: '' }];
    for (const balancer of ['b8', 'b9'])
      plane.handleObservation(world.now, { balancer, atNs: world.now, servers: list });
    expect(plane.votedHealthOf(1).state).toBe('down');
    plane.handleBalancerGone('b8');
    plane.handleBalancerGone('b9');
    expect(plane.votedHealthOf(1).state).toBe('up');
    expect(plane.balancers().map(({ name }) => name)).toEqual(['b1']);
  });

  it('with different files do not fight: the one that was read last counts', () => {
    const world = new World();
    world.add({ wanted: servers(2) });
    world.pass(SECOND);
    world.add({ wanted: servers(3) });
    world.pass(10 * MINUTE);
    expect(world.states).toBe('1 up, 2 up, 3 up');
    expect(world.stored.length).toBeLessThan(5);
    world.planes[0]!.setWanted(world.now, servers(4));
    world.pass(10 * MINUTE);
    expect(world.states).toBe('1 up, 2 up, 3 up, 4 up');
  });

  it('do not lose a new list to a generation of another balancer that came first', () => {
    const world = new World();
    const [first, second] = [world.add(), world.add()];
    world.pass(SECOND);
    first.setWanted(world.now, [server(1), server(2)]);
    const late = first.pollProposal(world.now)!;
    second.setWanted(world.now, servers(4));
    world.pass(0);
    first.handleAppended(world.now, late, 'lost');
    world.pass(5 * SECOND);
    expect(late.number).toBe(2);
    expect(world.stored.map(({ servers: list }) => list.length)).toEqual([3, 4, 2]);
    expect(world.states).toBe('1 up, 2 up');
    expect(second.log.current).toBe(first.log.current);
  });

  it('go on with the latest generation while the store is gone, and catch up when it is back', () => {
    const world = new World();
    const plane = world.add({ health });
    world.pass(5 * SECOND);
    world.isStoreGone = true;
    world.dead.add(1);
    world.pass(10 * SECOND);
    expect(plane.log.current!.number).toBe(1);
    world.isStoreGone = false;
    world.pass(3 * SECOND);
    expect(plane.log.current!.number).toBe(2);
    expect(world.states).toBe('1 gone, 2 up, 3 up');
  });

  it('ignore generations that they know, and refuse one that leaves a gap', () => {
    const world = new World();
    const plane = world.add();
    world.pass(SECOND);
    const [first] = world.stored;
    plane.handleGeneration(world.now, first!);
    expect(() => plane.handleGeneration(world.now, { ...first!, number: 3, atNs: world.now })).toThrow(
      expect.objectContaining({ code: 'ERR_SUBFLOW_BAD_STATE' }),
    );
  });

  it('take an own generation for appended that they hear of before the store answers', () => {
    const world = new World();
    const plane = world.add();
    const proposal = plane.pollProposal(world.now)!;
    plane.handleGeneration(world.now, proposal);
    plane.handleAppended(world.now, proposal, 'won');
    expect(plane.log.current).toBe(proposal);
    expect(plane.pollProposal(world.now)).toBeUndefined();
  });
});

describe('a balancer that begins again', () => {
  it('goes by its file where that differs, and otherwise changes nothing', () => {
    const world = new World();
    world.add();
    world.pass(SECOND);
    const again = (wanted: readonly ServerSpec[]): ControlPlane => world.add({ wanted });
    again(servers(3));
    world.pass(SECOND);
    expect(world.stored).toHaveLength(1);
    again(servers(2));
    world.pass(SECOND);
    expect(world.states).toBe('1 up, 2 up');
    expect(world.events[2]![0]).toMatchObject({ type: 'restored', isWhole: true });
  });

  it('does not take servers back in that were found down, before it has checked them', () => {
    const world = new World();
    world.add({ health });
    world.dead.add(2);
    world.pass(5 * SECOND);
    const plane = world.add({ health });
    expect(plane.log.current!.servers[1]).toMatchObject({ state: 'gone', wanted: 'up' });
    world.pass(5 * SECOND);
    expect(world.stored).toHaveLength(1);
  });

  it('takes the state of the store in place of its own where others went on from another one', () => {
    const world = new World();
    const plane = world.add();
    world.pass(SECOND);
    const own = world.stored[0]!;
    const others = { ...own, atNs: own.atNs + SECOND, reason: 'of another balancer', servers: servers(2) };
    plane.handleState(world.now, undefined, [others]);
    expect(plane.log.current).toEqual(others);
    expect([...plane.log.bucketsByServer()!.keys()].sort()).toEqual([1, 2]);
    world.pass(0);
    expect(world.events[0]!.at(-1)).toMatchObject({ type: 'restored', isWhole: true });
    const later = { ...others, number: 5, atNs: own.atNs + MINUTE };
    plane.handleState(world.now, { generation: later }, []);
    expect(plane.log.current).toEqual(later);
  });

  it('goes on from its own state where that of the store follows from it, and leaves an older one alone', () => {
    const world = new World();
    const plane = world.add();
    world.pass(SECOND);
    const own = world.stored[0]!;
    const next = { ...own, number: 2, atNs: own.atNs + MINUTE, servers: servers(2) };
    plane.handleState(world.now, undefined, [own, next]);
    world.pass(0);
    expect(world.events[0]!.map(({ type }) => type).filter((type) => type !== 'health')).not.toContain(
      'restored',
    );
    expect(plane.log.current).toEqual(next);
    plane.handleState(world.now, undefined, [{ ...own, reason: 'an older state' }]);
    expect(plane.log.current).toEqual(next);
  });

  it('keeps all that it knows where the state of the store is refused', () => {
    const world = new World();
    const plane = world.add();
    world.pass(SECOND);
    const own = world.stored[0]!;
    const before = plane.log.snapshot();
    const later = { ...own, atNs: own.atNs + SECOND, reason: 'of another balancer', servers: servers(2) };
    const gap = { ...later, number: 3, atNs: own.atNs + MINUTE };
    const badState = expect.objectContaining({ code: 'ERR_SUBFLOW_BAD_STATE' }) as Error;
    expect(() => plane.handleState(world.now, undefined, [later, gap])).toThrow(badState);
    expect(() => plane.handleState(world.now, { generation: gap }, [{ ...gap, number: 5 }])).toThrow(
      badState,
    );
    expect(() => plane.restore(world.now, undefined, [gap])).toThrow(badState);
    expect(plane.log.snapshot()).toEqual(before);
    expect(plane.pollEvent()).toBeUndefined();
    const next = { ...later, number: 2 };
    plane.handleGeneration(world.now, next);
    expect(plane.log.current).toBe(next);
  });
});
