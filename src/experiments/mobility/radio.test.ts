import { describe, expect, it } from 'vitest';
import { SECOND } from '../../base/index.js';
import { wifiConditionsAt, wifiDistanceAt, wifiSignalAt, wifiTransmitDbm } from '../../network/index.js';
import { placesOf, type Walk, walkStepNs } from './walk.js';
import { wifiAlong } from './wifi.js';

const away: Walk = { seed: 3, fromM: 5, legs: [{ toM: 80, durationNs: 50 * SECOND }], shadowDb: 4 };

describe('the radio', () => {
  it('gives a weaker signal, never a better one, the farther the access point is', () => {
    const signals = [1, 5, 20, 50, 100].map((metres) => wifiSignalAt(metres, wifiTransmitDbm.accessPoint));
    expect([...signals].sort((a, b) => b - a)).toEqual(signals);
    expect(wifiSignalAt(wifiDistanceAt(-70, wifiTransmitDbm.phone), wifiTransmitDbm.phone)).toBeCloseTo(
      -70,
      9,
    );
    expect(wifiSignalAt(20, wifiTransmitDbm.phone, 6)).toBeCloseTo(
      wifiSignalAt(20, wifiTransmitDbm.phone) - 6,
      9,
    );
  });

  it('is slower, later and loses more the weaker the signal is, beyond the slowest of its rates', () => {
    const edge = [-82, -84, -86, -88].map(wifiConditionsAt);
    for (let i = 1; i < edge.length; i++) {
      expect(edge[i]!.rateBps).toBeLessThan(edge[i - 1]!.rateBps);
      expect(edge[i]!.jitterNs).toBeGreaterThan(edge[i - 1]!.jitterNs);
      expect(edge[i]!.loss).toBeGreaterThan(edge[i - 1]!.loss);
    }
    expect(edge[0]!.frameErrorRate).toBeCloseTo(0.1, 9);
    expect(wifiConditionsAt(-50)).toMatchObject({ frameErrorRate: expect.closeTo(0, 4) as number });
    expect(wifiConditionsAt(-50).rateBps).toBeGreaterThan(35e6);
    expect(wifiConditionsAt(-120).loss).toBeCloseTo(1, 6);
  });
});

describe('a walk', () => {
  it('is the same for the same seed, another for another, and goes where its legs lead', () => {
    expect(placesOf(away)).toEqual(placesOf(away));
    expect(placesOf({ ...away, seed: 4 })).not.toEqual(placesOf(away));
    const places = placesOf(away);
    expect(places[0]).toMatchObject({ atNs: 0, distanceM: 5 });
    expect(places).toHaveLength((50 * SECOND) / walkStepNs);
    expect(places.at(-1)!.distanceM).toBeCloseTo(80, 0);
  });

  it('stays in the same shadow while nobody moves', () => {
    const places = placesOf({ ...away, legs: [{ toM: 5, durationNs: 2 * SECOND }] });
    expect(new Set(places.map(({ downDbm }) => downDbm)).size).toBe(1);
  });
});

describe('the association', () => {
  it('outlives the beacons for two seconds, and comes back some time after the signal', () => {
    const back = { ...away, shadowDb: 0, legs: [...away.legs, { toM: 5, durationNs: 50 * SECOND }] };
    const places = placesOf(back);
    const steps = wifiAlong(places);
    const lostAt = steps.findIndex(({ isAssociated }) => !isAssociated);
    const silentAt = places.findIndex(({ downDbm }) => downDbm < -86.4);
    expect(steps[lostAt]!.atNs - places[silentAt]!.atNs).toBe(2 * SECOND);
    const backAt = steps.findIndex(({ isAssociated }, index) => index > lostAt && isAssociated);
    const heardAt = places.findIndex(({ upDbm }, index) => index > lostAt && upDbm >= -80);
    expect(steps[backAt]!.atNs - places[heardAt]!.atNs).toBe(2 * SECOND);
    expect(steps.slice(backAt).every(({ isAssociated }) => isAssociated)).toBe(true);
  });

  it('is there from the beginning where the signal is good, and not where it is not', () => {
    expect(wifiAlong(placesOf(away))[0]!.isAssociated).toBe(true);
    const far = { ...away, fromM: 80, legs: [{ toM: 80, durationNs: 5 * SECOND }] };
    expect(wifiAlong(placesOf(far)).some(({ isAssociated }) => isAssociated)).toBe(false);
  });
});
