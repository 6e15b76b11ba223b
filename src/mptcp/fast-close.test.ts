import { describe, expect, it } from 'vitest';
import { NEVER, SECOND, uint64ToBigInt } from '../base/index.js';
import { TcpFlag } from '../wire/index.js';
import type { MptcpOption } from '../wire/index.js';
import { Impostor, impostorKey, ownKey } from '../../test/support/mptcp-impostor.js';
import { World } from '../../test/support/mptcp-world.js';
import type { PacketView } from '../../test/support/mptcp-world.js';
import type { Subflow } from './subflow.js';

const fastClose = (key = ownKey): MptcpOption => ({
  subtype: 'MP_FASTCLOSE',
  receiverKey: uint64ToBigInt(key),
});
const closeBack = fastClose(impostorKey);
const isFastClose = (option: MptcpOption): boolean => option.subtype === 'MP_FASTCLOSE';
const isReset = (flags: number): boolean => (flags & TcpFlag.RST) !== 0;
const carriesIt = (view: PacketView): boolean => view.options.some(isFastClose);

/** Two subflows, open both, the client about to abort in the form given. */
function twoPaths(form: 'ack' | 'reset'): World {
  const world = new World({ paths: [{}, {}], managed: false, client: { fastClose: form } });
  world.connect().send('client', 1000).run(SECOND);
  world.tellAddresses(world.client);
  world.run(SECOND);
  expect(world.client.open.subflows.map(({ state }) => state)).toEqual(['active', 'active']);
  world.trace.length = 0;
  return world;
}

function abort(world: World): void {
  world.client.open.abort(world.now);
  world.poll(world.client);
}

describe('fast close by RST (RFC 8684 §3.5, option R)', () => {
  it('puts MP_FASTCLOSE on a RST of every subflow, and nothing is left at once', () => {
    const world = twoPaths('reset');
    abort(world);
    const sent = world.trace.filter(({ from }) => from === 'client');
    expect(sent.map((view) => [isReset(view.flags), carriesIt(view)])).toEqual([
      [true, true],
      [true, true],
    ]);
    expect(world.client.open.isReleasable).toBe(true);
    world.run(SECOND);
    expect(world.server.of('closed')).toMatchObject([{ error: { code: 'ECONNRESET' } }]);
    expect(world.server.open.isReleasable).toBe(true);
  });
});

describe('fast close by ACK (RFC 8684 §3.5, option A)', () => {
  it('puts MP_FASTCLOSE on an ACK of one subflow and a plain RST on the others, and ends with the peer’s RST', () => {
    const world = twoPaths('ack');
    abort(world);
    const sent = world.trace.filter(({ from }) => from === 'client');
    expect(sent.map((view) => [isReset(view.flags), carriesIt(view)])).toEqual(
      expect.arrayContaining([
        [false, true],
        [true, false],
      ]),
    );
    expect(sent).toHaveLength(2);
    expect(world.client.of('closed')).toEqual([{ type: 'closed', error: undefined }]);
    expect(world.client.open.isReleasable).toBe(false);
    world.run(SECOND);
    expect(world.client.open.isReleasable).toBe(true);
    expect(world.client.open.pollTimeout()).toBe(NEVER);
    expect(world.server.of('closed')).toMatchObject([{ error: { code: 'ECONNRESET' } }]);
    expect(world.server.open.isReleasable).toBe(true);
  });

  it('is repeated while it is not answered, a loss of it and of the answer included', () => {
    for (const side of ['client', 'server'] as const) {
      const world = twoPaths('ack');
      let lost = 0;
      world.tamper = (_packet, view) =>
        !(side === 'client' ? carriesIt(view) : view.from === 'server' && isReset(view.flags)) || lost++ >= 2;
      abort(world);
      world.run(10 * SECOND);
      expect(lost).toBeGreaterThan(2);
      expect(world.client.open.isReleasable).toBe(true);
      expect(world.server.open.isReleasable).toBe(true);
      expect(world.server.of('closed')).toHaveLength(1);
    }
  });

  it('is sent four times at the most, and then a RST with MP_FASTCLOSE clears the path', () => {
    const world = twoPaths('ack');
    world.tamper = (_packet, view) => view.from === 'client' && !carriesIt(view);
    abort(world);
    world.run(60 * SECOND);
    const sent = world.trace.filter(carriesIt);
    expect(sent.map(({ flags }) => isReset(flags))).toEqual([false, false, false, false, true]);
    const waits = sent.slice(1).map((view, i) => view.at - sent[i]!.at);
    for (let i = 1; i < waits.length; i++) expect(waits[i]).toBeGreaterThan(waits[i - 1]!);
    expect(world.client.open.isReleasable).toBe(true);
    expect(world.client.open.pollTimeout()).toBe(NEVER);
  });

  it('goes with a backlog: data in flight, data unsent and data unread are given up', () => {
    const world = new World({ paths: [{ rateBps: 1e6 }], client: { fastClose: 'ack' } }).connect();
    world.client.isReading = false;
    world
      .send('client', 3_000_000)
      .send('server', 3_000_000)
      .run(2 * SECOND);
    abort(world);
    expect(world.client.open.readableBytes).toBe(0);
    world.run(30 * SECOND);
    expect(world.client.open.isReleasable).toBe(true);
    expect(world.server.open.isReleasable).toBe(true);
    expect(world.server.wrongAt).toBe(-1);
  });

  it('asks for no more data, whatever is acknowledged after it', () => {
    const client = { fastClose: 'ack', sendBufferBytes: 10_000 } as const;
    const world = new World({ paths: [{ rateBps: 1e6 }], client }).connect().run(SECOND);
    expect(world.client.open.write(world.now, new Uint8Array(10_000))).toBe(false);
    world.poll(world.client);
    // It is on its way, all of it; the first request to close is lost, so that it is acknowledged.
    let lost = 0;
    world.tamper = (_packet, view) => !carriesIt(view) || lost++ > 0;
    abort(world);
    world.run(10 * SECOND);
    expect(lost).toBeGreaterThan(1);
    expect(world.client.of('writable')).toEqual([]);
    expect(world.client.of('closed')).toHaveLength(1);
  });

  it('on both sides at once ends with RSTs', () => {
    const world = new World({ client: { fastClose: 'ack' }, server: { fastClose: 'ack' } });
    world.connect().send('client', 10).run(SECOND);
    abort(world);
    world.server.open.abort(world.now);
    world.poll(world.server);
    world.run(100 * 1e6);
    expect(world.client.open.isReleasable).toBe(true);
    expect(world.server.open.isReleasable).toBe(true);
    expect(world.client.of('closed')).toEqual([{ type: 'closed', error: undefined }]);
  });

  it('is not waited for a second time: aborting again sends the RST', () => {
    const world = twoPaths('ack');
    abort(world);
    abort(world);
    expect(world.trace.filter((view) => isReset(view.flags) && carriesIt(view))).toHaveLength(1);
    expect(world.client.open.isReleasable).toBe(true);
  });

  it('is a plain RST where the connection is plain TCP', () => {
    const world = new World({ client: { enabled: false, fastClose: 'ack' } }).connect().run(SECOND);
    abort(world);
    expect(world.trace.filter(carriesIt)).toEqual([]);
    expect(isReset(world.trace.at(-1)!.flags)).toBe(true);
    expect(world.client.open.isReleasable).toBe(true);
  });
});

describe('a fast close by the peer (RFC 8684 §3.5)', () => {
  /** An impostor with a second subflow. */
  function joined(): { impostor: Impostor; second: Subflow } {
    const impostor = new Impostor();
    const second = impostor.join(impostor.connection.localToken!, 42, 9) as Subflow;
    impostor.joinAck(second, 42);
    impostor.sent.length = 0;
    return { impostor, second };
  }

  it.each([0, 1])('on an ACK of subflow %i is answered with a RST on every subflow', (index) => {
    const { impostor, second } = joined();
    impostor.send({ options: [fastClose()] }, index === 0 ? impostor.initial : second);
    expect(impostor.sent.map(({ flags }) => isReset(flags))).toEqual([true, true]);
    expect(impostor.sent.flatMap(({ options }) => options).filter(isFastClose)).toEqual([]);
    expect(impostor.connection.isReleasable).toBe(true);
  });

  it('on a RST tears down the other subflows too', () => {
    const { impostor, second } = joined();
    impostor.send({ flags: TcpFlag.RST | TcpFlag.ACK, options: [fastClose()] });
    expect(impostor.sent.map(({ subflow, flags }) => [subflow, isReset(flags)])).toEqual([[second, true]]);
    expect(impostor.connection.isReleasable).toBe(true);
  });

  it('with any key but this side’s, the peer’s own included, is ignored in every form', () => {
    const { impostor, second } = joined();
    for (const option of [closeBack, fastClose({ hi: 0, lo: 0 })]) {
      impostor.send({ options: [option] });
      impostor.send({ options: [option] }, second);
    }
    expect(impostor.connection.subflows.map(({ state }) => state)).toEqual(['active', 'active']);
    impostor.send({ flags: TcpFlag.RST | TcpFlag.ACK, options: [closeBack] }, second);
    expect(impostor.events.filter(({ type }) => type === 'closed')).toEqual([]);
    expect(impostor.initial.state).toBe('active');
  });

  it('on a join that has not proved itself is ignored', () => {
    const impostor = new Impostor();
    const second = impostor.join(impostor.connection.localToken!, 42, 9) as Subflow;
    impostor.send({ options: [fastClose()] }, second);
    expect(impostor.events.filter(({ type }) => type === 'closed')).toEqual([]);
    expect(impostor.initial.state).toBe('active');
  });

  it('while the connection ends in order resets what is left of it', () => {
    const impostor = new Impostor();
    impostor.connection.shutdown(impostor.now);
    impostor.poll();
    impostor.send({ options: [impostor.mapping(0, 1, 1, { dataFin: true })] });
    impostor.send({ options: [impostor.dataAck(2)] });
    expect(impostor.events.filter(({ type }) => type === 'closed')).toEqual([
      { type: 'closed', error: undefined },
    ]);
    impostor.sent.length = 0;
    impostor.send({ options: [fastClose()] });
    expect(isReset(impostor.sent.at(-1)!.flags)).toBe(true);
    expect(impostor.events.filter(({ type }) => type === 'closed')).toHaveLength(1);
    expect(impostor.connection.isReleasable).toBe(true);
  });
});

describe('fast close in version 0 (RFC 6824 §3.5)', () => {
  const zero = { versions: [0] } as const;

  function open(): World {
    const world = new World({ paths: [{}, {}], client: zero, server: zero }).connect();
    world.send('client', 1000).send('server', 1000).run(SECOND);
    expect(world.client.open.subflows.length).toBeGreaterThan(1);
    world.trace.length = 0;
    return world;
  }

  it('asks with an ACK, resets the other subflows, and ends with the peer’s RST, whatever the settings say', () => {
    const world = open();
    const others = world.client.open.subflows.length - 1;
    abort(world);
    const sent = world.trace.filter(({ from }) => from === 'client');
    expect(sent.filter((view) => carriesIt(view)).map(({ flags }) => isReset(flags))).toEqual([false]);
    expect(sent.filter((view) => isReset(view.flags) && !carriesIt(view))).toHaveLength(others);
    expect(world.client.open.isReleasable).toBe(false);
    world.run(SECOND);
    expect(world.server.of('closed')).toMatchObject([{ error: { code: 'ECONNRESET' } }]);
    expect([world.client.open.isReleasable, world.server.open.isReleasable]).toEqual([true, true]);
    expect(world.trace.filter((view) => isReset(view.flags) && carriesIt(view))).toEqual([]);
  });

  it('is repeated while no RST answers, and then a RST clears the path', () => {
    const world = open();
    world.tamper = (_packet, view) => view.from === 'client' && !carriesIt(view);
    abort(world);
    world.run(60 * SECOND);
    const sent = world.trace.filter((view) => view.from === 'client' && carriesIt(view));
    expect(sent.slice(0, 4).map(({ flags }) => isReset(flags))).toEqual([false, false, false, false]);
    expect(isReset(world.trace.findLast(({ from }) => from === 'client')!.flags)).toBe(true);
    expect(world.client.open.isReleasable).toBe(true);
    expect(world.client.open.pollTimeout()).toBe(NEVER);
  });

  it('of the peer is answered with a RST on every subflow', () => {
    const impostor = new Impostor(zero);
    const second = impostor.join(impostor.connection.localToken!, 42, 9) as Subflow;
    impostor.joinAck(second, 42);
    impostor.sent.length = 0;
    impostor.send({ options: [fastClose()] });
    expect(impostor.sent.map(({ flags }) => isReset(flags))).toEqual([true, true]);
    expect(impostor.connection.isReleasable).toBe(true);
  });
});
