import { describe, expect, it } from 'vitest';
import { MILLISECOND, SECOND } from '../../base/index.js';
import { phoneLinkDefaults } from './phone.js';
import { type PhoneSetup, runPhone } from './phone-world.js';
import { phoneVariantNamed } from './variants.js';
import { placesOf } from './walk.js';
import { wifiAlong } from './wifi.js';

const steps = wifiAlong(
  placesOf({
    ...{ seed: 3, fromM: 5, shadowDb: 0 },
    legs: [
      { toM: 70, durationNs: 20 * SECOND },
      { toM: 70, durationNs: 10 * SECOND },
    ],
  }),
);

const setup: PhoneSetup = {
  ...{
    seed: 1,
    links: phoneLinkDefaults,
    steps,
    news: 'known',
    asks: 'client',
    endsWhenLate: true,
    requestsPerConnection: 100,
  },
  variant: phoneVariantNamed('none'),
  plan: {
    ...{ requestBytes: 1000, pieces: 5, pieceIntervalNs: 100 * MILLISECOND, answerBytes: 2000 },
    ...{ thinkNs: 100 * MILLISECOND, firstAtNs: SECOND, intervalNs: SECOND, count: 28 },
    patienceNs: 3 * SECOND,
  },
  ...{ connectAtNs: 0, untilNs: 60 * SECOND },
};

describe('a conversation on a walk', () => {
  it('has each request answered, thought about and heard while the Wi-Fi is good', () => {
    const { exchanges, connections } = runPhone(setup);
    expect(exchanges).toHaveLength(28);
    expect(exchanges[0]!.askedAtNs).toBe(SECOND + 400 * MILLISECOND);
    const waitedNs = exchanges[0]!.firstByteAtNs! - exchanges[0]!.askedAtNs;
    expect(waitedNs).toBeGreaterThan(100 * MILLISECOND + 2 * phoneLinkDefaults.wifiDelayNs);
    expect(waitedNs).toBeLessThan(200 * MILLISECOND);
    expect(connections).toBeGreaterThan(1);
  });

  it('loses requests with plain TCP, and goes on over the cellular link when the loss is known', () => {
    const { exchanges, cellularBytes } = runPhone(setup);
    expect(exchanges.some(({ hasFailed }) => hasFailed)).toBe(true);
    expect(exchanges.at(-1)!.answeredAtNs).toBeDefined();
    expect(cellularBytes).toBeGreaterThan(5 * 3000);
  });

  it('loses none over both links', () => {
    const { exchanges, connections } = runPhone({ ...setup, variant: phoneVariantNamed('aggregate') });
    expect(exchanges.filter(({ hasFailed }) => hasFailed)).toEqual([]);
    expect(connections).toBe(1);
  });

  it('may be one that the server begins to speak in', () => {
    const { exchanges } = runPhone({ ...setup, asks: 'server', variant: phoneVariantNamed('aggregate') });
    expect(exchanges.filter(({ answeredAtNs }) => answeredAtNs !== undefined)).toHaveLength(28);
  });

  it('goes the same way for the same seed', () => {
    expect(runPhone(setup)).toEqual(runPhone(setup));
  });
});
