import { describe, expect, it } from 'vitest';
import { SECOND } from '../base/index.js';
import { TcpFlag } from '../wire/index.js';
import type { MptcpOption } from '../wire/index.js';
import { Impostor } from '../../test/support/mptcp-impostor.js';
import { World } from '../../test/support/mptcp-world.js';
import { MAX_EXPERIMENT_BYTES } from './experiment.js';
import type { Subflow } from './subflow.js';

const content = { nibble: 5, body: Uint8Array.from([1, 2, 3]) };
const option: MptcpOption = { subtype: 'MP_EXPERIMENTAL', ...content };

/** Connected, both sides confirmed. */
function open(options: ConstructorParameters<typeof World>[0] = {}): World {
  return new World({ client: { hearExperiments: true }, server: { hearExperiments: true }, ...options })
    .connect()
    .send('client', 10)
    .run(SECOND);
}

describe('MP_EXPERIMENTAL (RFC 8684 §7.2)', () => {
  it('goes from owner to owner on the subflow they choose, whatever its length', () => {
    const world = open({ paths: [{}, {}] });
    for (let length = 0; length <= MAX_EXPERIMENT_BYTES; length++) {
      const body = Uint8Array.from({ length }, (_, i) => i);
      const subflow = world.client.open.subflows[1]!;
      expect(world.client.open.sendExperiment(world.now, subflow, { nibble: length & 15, body })).toBe(true);
      world.poll(world.client);
      world.run(SECOND / 10);
      const event = world.server.of('experiment').at(-1)!;
      expect([event.nibble, event.body]).toEqual([length & 15, body]);
      expect(event.subflow.remote).toEqual(subflow.local);
    }
  });

  it('goes through in the middle of a transfer, and the bytes stay whole', () => {
    const world = open();
    world.send('client', 1_000_000).send('server', 1_000_000);
    for (let i = 0; i < 20; i++) {
      world.client.open.sendExperiment(world.now, world.client.open.subflows[0]!, content);
      world.poll(world.client);
      world.run(SECOND / 100);
    }
    world.run(20 * SECOND);
    expect(world.server.of('experiment')).toHaveLength(20);
    expect(world.isDelivered()).toBe(true);
    expect([world.client.wrongAt, world.server.wrongAt]).toEqual([-1, -1]);
  });

  it('is ignored by an owner that did not ask for it', () => {
    const impostor = new Impostor();
    impostor.send({ options: [option] });
    expect(impostor.events.filter(({ type }) => type === 'experiment')).toEqual([]);
  });

  it('is ignored on a SYN, on a join that has not proved itself, and in plain TCP', () => {
    const impostor = new Impostor({ hearExperiments: true });
    impostor.send({ flags: TcpFlag.SYN | TcpFlag.ACK, seq: 0, options: [option] });
    const second = impostor.join(impostor.connection.localToken!, 42, 9) as Subflow;
    impostor.send({ options: [option] }, second);
    expect(impostor.events.filter(({ type }) => type === 'experiment')).toEqual([]);
    const plain = open({ client: { enabled: false } });
    expect(plain.client.open.sendExperiment(plain.now, plain.client.open.subflows[0]!, content)).toBe(false);
  });

  it('in a flood that nobody polls is bounded', () => {
    const impostor = new Impostor({ hearExperiments: true });
    impostor.poll = () => undefined;
    for (let i = 0; i < 1000; i++) impostor.send({ options: [option] });
    let count = 0;
    for (
      let event = impostor.connection.pollEvent();
      event !== undefined;
      event = impostor.connection.pollEvent()
    ) {
      if (event.type === 'experiment') count++;
    }
    expect(count).toBe(16);
  });

  it('cannot be sent without end either', () => {
    const world = open();
    const { subflows } = world.client.open;
    const taken = Array.from({ length: 100 }, () =>
      world.client.open.sendExperiment(world.now, subflows[0]!, content),
    );
    expect(taken.filter(Boolean)).toHaveLength(32);
    world.poll(world.client);
    world.run(SECOND);
    expect(world.server.of('experiment')).toHaveLength(32);
  });

  it('is refused with a code when no option can hold it', () => {
    const world = open();
    const subflow = world.client.open.subflows[0]!;
    for (const bad of [
      { nibble: 16, body: new Uint8Array(0) },
      { nibble: -1, body: new Uint8Array(0) },
      { nibble: 0, body: new Uint8Array(MAX_EXPERIMENT_BYTES + 1) },
    ]) {
      expect(() => world.client.open.sendExperiment(world.now, subflow, bad)).toThrow(
        expect.objectContaining({ code: 'ERR_SUBFLOW_BAD_OPTION' }),
      );
    }
  });
});
