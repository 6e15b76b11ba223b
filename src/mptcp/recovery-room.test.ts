import { describe, expect, it } from 'vitest';
import { World } from '../../test/support/mptcp-world.js';
import { MILLISECOND } from '../base/index.js';

describe('a subflow that repairs a loss', () => {
  it.each([true, false])(
    'goes on sending new data as SACKs show that something has left the network (RFC 9937 §6), Multipath TCP: %s',
    (enabled) => {
      const world = new World({
        paths: [{ rateBps: 20e6, delayNs: 40 * MILLISECOND, queueBytes: 300_000 }],
        ...{ client: { enabled }, server: { enabled } },
      }).connect();
      let lostSeq: number | undefined;
      let seen = 0;
      world.tamper = (_packet, { from, payloadLength, seq }) => {
        if (from === 'client' && payloadLength > 0 && ++seen === 150) lostSeq = seq;
        return lostSeq === undefined || seen !== 150 || seq !== lostSeq;
      };
      world.send('client', 1_500_000);
      expect(world.runUntil(() => world.isDelivered())).toBe(true);
      const sent = world.trace.filter(({ from, payloadLength }) => from === 'client' && payloadLength > 0);
      const again = sent.findIndex(({ seq }, index) => seq === lostSeq && index > 150);
      // Until the gap is closed a round trip passes, and the window has been cut by three tenths at the most.
      const after = sent.filter(({ at }) => at > sent[again]!.at && at < sent[again]!.at + 80 * MILLISECOND);
      expect(after.length).toBeGreaterThan(30);
    },
  );
});
