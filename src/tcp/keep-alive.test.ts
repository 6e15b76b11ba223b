import { describe, expect, it } from 'vitest';
import { Script, testParameters } from '../../test/support/tcp-peer.js';
import { NEVER, SECOND } from '../base/index.js';
import { TcpFlag } from '../wire/index.js';

const { ACK, RST } = TcpFlag;

/** An open connection that probes after 10 s, every 2 s, three times. */
function open(): Script {
  const settings = { keepAliveIdleNs: 10 * SECOND, keepAliveIntervalNs: 2 * SECOND, keepAliveCount: 3 };
  return Script.open(testParameters({ settings }));
}

describe('keep-alive (RFC 9293 §3.8.4)', () => {
  it('is off unless asked for', () => {
    expect(Script.open().connection.pollTimeout()).toBe(NEVER);
  });

  it('probes one below the next number, and gives up with a reset when nobody answers', () => {
    const script = open();
    const start = script.now;
    const probes: number[] = [];
    while (script.connection.state === 'established') {
      script.fireTimer();
      if (script.connection.state !== 'established') break;
      expect(script.one()).toMatchObject({ flags: ACK, seq: 0, ack: 1, length: 0 });
      probes.push((script.now - start) / SECOND);
    }
    expect(probes).toEqual([10, 12, 14]);
    expect((script.now - start) / SECOND).toBe(16);
    expect(script.events).toEqual([{ type: 'closed', reason: 'timeout' }]);
    expect(script.one()).toMatchObject({ flags: RST | ACK, seq: 1 });
  });

  it('starts over with every segment that comes', () => {
    const script = open();
    script.run(9 * SECOND);
    script.ack(1);
    expect(script.run(9 * SECOND)).toEqual([]);
    expect(script.run(2 * SECOND)).toHaveLength(1);
    script.ack(1);
    expect(script.run(9 * SECOND)).toEqual([]);
    expect(script.run(2 * SECOND)).toHaveLength(1);
  });

  it('leaves the watch to the retransmission timer while data is outstanding', () => {
    const script = open();
    script.push(10);
    script.sent();
    const probes = script
      .run(15 * SECOND)
      .filter(({ seq }) => seq === script.connection.sndNxt - 1 && seq !== 1);
    expect(probes).toEqual([]);
  });

  it('is answered by this end, as every probe is', () => {
    const script = Script.open();
    script.receive({ seq: 0, ack: 1, flags: ACK });
    expect(script.one()).toMatchObject({ flags: ACK, seq: 1, ack: 1 });
  });

  it('lets an acknowledgment that is owed go first: the peer would throw it away with the probe', () => {
    const script = Script.open();
    script.connection.probe(script.now);
    script.connection.requestAck(script.now);
    expect(script.sent()).toMatchObject([
      { flags: ACK, seq: 1, ack: 1, length: 0 },
      { flags: ACK, seq: 0, ack: 1, length: 0 },
    ]);
  });

  it('can be asked for later, and given up', () => {
    const script = Script.open();
    script.connection.setKeepAlive(script.now, 5 * SECOND);
    expect(script.connection.pollTimeout()).toBe(script.now + 5 * SECOND);
    script.connection.setKeepAlive(script.now, NEVER);
    expect(script.connection.pollTimeout()).toBe(NEVER);
  });
});
