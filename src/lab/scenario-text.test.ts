import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  boxNames,
  congestionNames,
  defaultScenario,
  floorPlan,
  type Incident,
  incidentKinds,
  readComparison,
  readScenario,
  type Scenario,
  scenarioLimits,
  schedulerNames,
  serviceNames,
  type Traffic,
  writeComparison,
  writeScenario,
} from './index.js';

const { rateBps, bufferBytes, windowBytes, bulkBytes, pauseNs, streamNs } = scenarioLimits;

function whole({ low, high }: { low: number; high: number }): fc.Arbitrary<number> {
  return fc.integer({ min: low, max: Math.min(high, 2 ** 31 - 1) });
}

const traffic: fc.Arbitrary<Traffic> = fc.oneof(
  fc.record({ kind: fc.constant('bulk' as const), bytes: whole(bulkBytes) }),
  fc.record({
    kind: fc.constant('requests' as const),
    count: fc.integer({ min: 1, max: 1000 }),
    bytes: fc.integer({ min: 1, max: 10_000_000 }),
    pauseNs: whole({ low: pauseNs.low, high: 1e9 }),
  }),
  fc.record({
    kind: fc.constant('stream' as const),
    rateBps: whole(rateBps),
    durationNs: whole({ low: streamNs.low, high: 2e9 }),
  }),
);

const where = { atUs: fc.integer({ min: 0, max: 100_000_000 }), path: fc.integer({ min: 0, max: 1 }) };
const decimetres = (metres: number): fc.Arbitrary<number> =>
  fc.integer({ min: 0, max: metres * 10 }).map((n) => n / 10);
const place = fc.record({ xM: decimetres(floorPlan.widthM), yM: decimetres(floorPlan.heightM) });

const scenarios: fc.Arbitrary<Scenario> = fc.record({
  seed: fc.integer({ min: 0, max: 0xffff_ffff }),
  paths: fc
    .array(
      fc.record({
        name: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9 -]{0,13}$/),
        rateBps: whole(rateBps),
        delayNs: whole({ low: 0, high: 2e9 }),
        loss: fc.integer({ min: 0, max: 5000 }).map((n) => n / 10_000),
        bufferBytes: whole(bufferBytes),
        box: fc.constantFrom('', ...boxNames),
        isBackup: fc.boolean(),
      }),
      { minLength: 2, maxLength: 6 },
    )
    .map((paths) => paths.map((path, index) => ({ ...path, name: `${path.name}${index}` }))),
  scheduler: fc.constantFrom(...schedulerNames),
  congestion: fc.constantFrom(...congestionNames),
  service: fc.constantFrom(...serviceNames),
  version: fc.constantFrom(0, 1),
  checksum: fc.boolean(),
  windowBytes: whole(windowBytes),
  traffic,
  incidents: fc.array(
    fc.oneof(
      fc.record({ ...where, what: fc.constantFrom(...incidentKinds) }),
      fc.record({ ...where, what: fc.constant('place' as const), place }),
    ),
    { maxLength: 5 },
  ),
});

describe('a scenario as text', () => {
  it('is read back as it was written, whatever it is', () => {
    fc.assert(
      fc.property(scenarios, (scenario) => {
        expect(readScenario(writeScenario(scenario))).toEqual({ scenario, problems: [] });
      }),
      { numRuns: 100 },
    );
  });

  it('survives what addresses do to it: encoded blanks, commas and percent signs', () => {
    const text = writeScenario(defaultScenario);
    const encoded = text.replaceAll(',', '%2C');
    expect(readScenario(encoded.replaceAll('0%', '0%25')).scenario).toEqual(defaultScenario);
  });

  it('has defaults for what is left out', () => {
    expect(readScenario('')).toEqual({ scenario: defaultScenario, problems: [] });
    expect(readScenario('seed=9').scenario).toEqual({ ...defaultScenario, seed: 9 });
  });

  it('gives defaults and a sentence for what makes no sense, and repeats nothing of it', () => {
    const hostile = '<img src=x onerror=alert(1)>';
    for (const field of [
      `seed=${hostile}`,
      `path=${hostile},1M,1ms,0%,9k&path=b,1M,1ms,0%,9k`,
      `scheduler=${hostile}`,
      `scheduler=constructor`,
      `congestion=__proto__`,
      `service=`,
      `version=2`,
      `checksum=1`,
      `window=1e9`,
      `window=-5`,
      `traffic=bulk,99999G`,
      `traffic=requests,1,1`,
      `at=1s,9,kill`,
      `at=1s,0,${hostile}`,
      `at=1s,0,kill,${hostile}`,
      `at=1s,0,place`,
      `at=1s,0,place,5`,
      `at=1s,0,place,5,5,5`,
      `at=1s,0,place,35,5`,
      `at=1s,0,place,-1,5`,
      `at=1s,0,place,1e1,5`,
      `at=1s,0,place,5.55,5`,
      `at=1s,0,place,NaN,${hostile}`,
      `at=1s,2,place,5,5`,
      `versus`,
      `path=one,1M,1ms,0%,9k`,
      `path=a,1M,1ms,0%,9k&path=a,1M,1ms,0%,9k`,
      `path=a,0,1ms,0%,9k&path=b,1M,1ms,0%,9k`,
      `path=a,1M,1ms,80%,9k&path=b,1M,1ms,0%,9k`,
      `path=a,1M,1ms,0%,9k,no-such-box&path=b,1M,1ms,0%,9k`,
      `${hostile}=1`,
      'x'.repeat(10_000),
    ]) {
      const { scenario, problems } = readScenario(field);
      expect(scenario, field).toEqual(defaultScenario);
      expect(problems.length, field).toBe(1);
      expect(problems.join(), field).not.toMatch(/[<>]|onerror/);
    }
  });

  it('has room for as many incidents as there may be, and refuses those beyond', () => {
    const one = { atUs: 1_199_999_999, path: 1, what: 'place' as const, place: { xM: 33.9, yM: 13.9 } };
    const full = {
      ...defaultScenario,
      incidents: new Array(scenarioLimits.incidents).fill(one) as Incident[],
    };
    expect(readScenario(writeScenario(full))).toEqual({ scenario: full, problems: [] });
    const { scenario, problems } = readScenario(`${writeScenario(full)}&at=1s,0,kill`);
    expect(scenario).toEqual(full);
    expect(problems).toHaveLength(1);
  });

  it('never throws, and never gives a scenario out of its limits', () => {
    const noise = fc.array(
      fc.oneof(
        fc.constantFrom(
          'seed',
          'path',
          'at',
          'traffic',
          'window',
          'versus',
          'place',
          '=',
          '&',
          ',',
          '%',
          '%ZZ',
          '1',
          'M',
          'ms',
          '-',
          '.',
        ),
        fc.string({ unit: 'binary', maxLength: 8 }),
      ),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(noise, (parts) => {
        const { scenario, problems } = readScenario(parts.join(''));
        expect(scenario.paths.length).toBeGreaterThanOrEqual(2);
        expect(problems.length).toBeLessThanOrEqual(5);
        expect(readScenario(writeScenario(scenario)).scenario).toEqual(scenario);
        const compared = readComparison(parts.join(''));
        expect(compared.problems.length).toBeLessThanOrEqual(11);
        expect(readComparison(writeComparison(compared))).toEqual({ ...compared, problems: [] });
      }),
      { numRuns: 150 },
    );
  });
});
