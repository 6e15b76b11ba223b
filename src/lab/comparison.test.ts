import { describe, expect, it } from 'vitest';
import {
  compareSummaries,
  defaultScenario,
  LabWorld,
  readComparison,
  readScenario,
  runScenario,
  scenarioA,
  scenarioB,
  summarise,
  writeComparison,
  writeScenario,
} from './index.js';

describe('a comparison as text', () => {
  it('is a scenario, and after versus what the other one has instead', () => {
    const read = readComparison('seed=7&scheduler=blest&at=1s,0,kill&versus&scheduler=ecf&checksum=on');
    expect(read.problems).toEqual([]);
    expect(read.versus).toEqual({ scheduler: 'ecf', checksum: true });
    expect(scenarioB(read)).toEqual({ ...read.scenario, scheduler: 'ecf', checksum: true });
    expect(writeComparison(read)).toBe(`${writeScenario(read.scenario)}&versus&scheduler=ecf&checksum=on`);
    expect(readComparison(writeComparison(read))).toEqual(read);
  });

  it('says only what differs, and is a comparison all the same where nothing does', () => {
    const read = readComparison('scheduler=blest&versus=&scheduler=blest&congestion=lia');
    expect(read.versus).toEqual({ congestion: 'lia' });
    expect(writeComparison({ ...read, versus: { scheduler: 'blest' } })).toMatch(/&versus$/);
    expect(readComparison('seed=1').versus).toBeUndefined();
    expect(scenarioB(readComparison('seed=1'))).toBeUndefined();
  });

  it('may have other paths in B; what happens to one happens in whichever has it', () => {
    const three = ['a', 'b', 'c'].map((name) => `path=${name},5M,5ms,0%,50k`).join('&');
    const read = readComparison(`at=1s,1,kill&at=2s,2,kill&versus&${three}`);
    expect(read.problems).toEqual([]);
    expect(scenarioA(read).incidents.map(({ path }) => path)).toEqual([1]);
    expect(scenarioB(read)!.incidents.map(({ path }) => path)).toEqual([1, 2]);
    expect(readComparison(writeComparison(read))).toEqual(read);
    expect(readScenario(writeScenario(scenarioA(read))).problems).toEqual([]);
    expect(readComparison(`at=2s,3,kill&versus&${three}`).problems).toHaveLength(1);
  });

  it('says in sentences what makes no sense in either, and repeats nothing of it', () => {
    const hostile = '<img src=x onerror=alert(1)>';
    for (const text of [
      `versus&scheduler=${hostile}`,
      `versus&seed=2`,
      `versus&at=1s,0,kill`,
      `versus&versus`,
      `versus&path=${hostile}`,
      `versus&__proto__=1`,
      `versus&constructor=${hostile}`,
      `${'versus&'.repeat(5000)}`,
    ]) {
      const { scenario, versus, problems } = readComparison(text);
      expect(scenario, text).toEqual(defaultScenario);
      expect(versus ?? {}, text).toEqual({});
      expect(problems.length, text).toBeGreaterThan(0);
      expect(problems.join(), text).not.toMatch(/[<>]|onerror/);
    }
  });
});

describe('two runs against each other', () => {
  it('have their numbers side by side, with the difference, and none where one has none', () => {
    const comparison = readComparison('seed=5&traffic=bulk,200k&versus&congestion=lia&window=40k');
    const a = summarise(runScenario(scenarioA(comparison)));
    const b = summarise(runScenario(scenarioB(comparison)!));
    const rows = compareSummaries(a, b);
    const named = (name: string) => rows.find((row) => row.name === name)!;
    expect(named('delivered')).toMatchObject({ a: 200_000, b: 200_000, difference: 0 });
    expect(named('goodput').difference).toBeCloseTo(b.goodputBps - a.goodputBps, 6);
    expect(named('goodput').difference).not.toBe(0);
    expect(rows.find(({ name, path }) => name === 'share' && path === 'LTE')?.b).toBe(b.paths[1]!.share);
    const fresh = summarise(new LabWorld(scenarioB(comparison)!));
    expect(compareSummaries(a, fresh).find(({ name }) => name === 'complete after')).toMatchObject({
      ...{ a: a.completedAtNs, b: null, difference: null },
    });
  });
});
