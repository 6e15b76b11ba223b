import { describe, expect, it } from 'vitest';
import {
  engineFallback,
  likelyFallback,
  type FallbackEvidence,
  type FallbackSigns,
} from './fallback-info.js';

const usual: FallbackEvidence = {
  hasTimestamps: true,
  hasSack: true,
  hasWindowScale: true,
  retransmissions: 0,
  counters: {},
};

function causeOf(signs: Partial<FallbackSigns>, evidence: Partial<FallbackEvidence> = {}): string {
  const all = { ...usual, ...evidence };
  const said = likelyFallback({
    role: 'client',
    wasMultipath: false,
    synRetransmissions: 2,
    evidence: all,
    ...signs,
  });
  expect(said.isCertain).toBe(false);
  expect(said.evidence).toBe(all);
  return `${said.cause}: ${said.text}`;
}

describe('the likely cause of a fall-back', () => {
  it('of a client is that the server does not speak it, where the SYN+ACK had other options', () => {
    expect(causeOf({})).toMatch(/^no-capable-in-syn-ack: Likely the server does not speak/);
  });

  it('of a client is something that removes options, where there are none at all', () => {
    const bare = { hasTimestamps: false, hasSack: false, hasWindowScale: false };
    expect(causeOf({}, bare)).toMatch(/^no-capable-in-syn-ack: .*no option of TCP at all/);
    expect(causeOf({ role: 'server' }, bare)).toMatch(/^no-capable-in-syn: .*removes options/);
  });

  it('of a client is SYNs that were dropped, where it sent as many again and the kernel counted it', () => {
    const counters = { MPCapableSYNTXDrop: 1 };
    expect(causeOf({}, { retransmissions: 2, counters })).toMatch(
      /^syn-lost: Likely SYNs with MP_CAPABLE were dropped/,
    );
    expect(causeOf({}, { retransmissions: 1, counters })).toMatch(/^no-capable-in-syn-ack/);
    expect(causeOf({}, { retransmissions: 2 })).toMatch(/^no-capable-in-syn-ack/);
  });

  it('of a client is the memory of dropped SYNs, where the kernel counted that it did not ask', () => {
    expect(causeOf({}, { counters: { MPCapableSYNTXDisabled: 3 } })).toMatch(
      /^syn-lost: .*blackhole_timeout/,
    );
  });

  it('of a server is the SYN, or the third ACK where the kernel counted one', () => {
    expect(causeOf({ role: 'server' })).toMatch(/^no-capable-in-syn: Likely the client does not ask/);
    expect(causeOf({ role: 'server' }, { counters: { MPCapableFallbackACK: 1 } })).toMatch(
      /^no-capable-in-ack/,
    );
  });

  it.each([
    ['MPFailRx', 'changed the data'],
    ['DataCsumErr', 'changed the data'],
    ['InfiniteMapRx', 'infinite mapping'],
    ['DssFallback', 'removed its options'],
  ])('after the handshake is told by %s: it %s', (counter, words) => {
    const said = causeOf({ wasMultipath: true }, { counters: { [counter]: 1 } });
    expect(said).toMatch(/^changed-on-the-way/);
    expect(said).toContain(words);
  });

  it('is certain where the engine tells it, in a sentence', () => {
    expect(engineFallback('checksum')).toMatchObject({ cause: 'checksum', isCertain: true });
    expect(engineFallback(undefined)).toBeUndefined();
  });
});
