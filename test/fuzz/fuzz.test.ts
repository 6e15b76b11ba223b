/** The short form of `npm run fuzz`: every kept input, some ten thousand mutated ones, and the harness itself. */
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/index.js';
import { keptInputs } from './corpus.js';
import { Mutator } from './mutator.js';
import { MAX_INPUT_BYTES, type RunResult } from './run-loop.js';
import { defaultBounds, supervise } from './supervisor.js';
import { targets } from './targets.js';

const PACKETS = 20_000;
const module = new URL('./targets.ts', import.meta.url).href;
const planted = new URL('./planted-targets.ts', import.meta.url).href;

describe('every parser', () => {
  it('takes its kept inputs and mutated ones without a throw, a hang or a flood of memory', async () => {
    const jobs = targets.map(({ name, packetsPerInput }) => ({
      target: name,
      options: {
        seed: 1,
        inputs: Math.ceil(PACKETS / packetsPerInput),
        kept: keptInputs(name).map(({ bytes }) => bytes),
      },
    }));
    const results = new Map<string, RunResult>();
    const failure = await supervise(module, jobs, (name, result) => results.set(name, result));
    expect(failure).toBeUndefined();
    for (const { target, options } of jobs) {
      const fed = results.get(target)!.inputs;
      expect(fed, target).toBeGreaterThanOrEqual(options.inputs + options.kept.length);
    }
  }, 300_000);

  it('has seeds and a name of its own, and inputs that fit', () => {
    expect(new Set(targets.map(({ name }) => name)).size).toBe(targets.length);
    for (const { name, seeds, maxBytes } of targets) {
      expect(seeds.length, name).toBeGreaterThan(0);
      expect(maxBytes, name).toBeLessThanOrEqual(MAX_INPUT_BYTES);
      for (const bytes of seeds) expect(bytes.length, name).toBeLessThanOrEqual(MAX_INPUT_BYTES);
    }
  });
});

describe('the harness', () => {
  const run = async (
    target: string,
    seed = 1,
  ): Promise<{ found: string | undefined; fed: number; input: number[] }> => {
    const job = { target, options: { seed, inputs: 20_000, kept: [] } };
    let fed = 0;
    const bounds = { ...defaultBounds, inputCpuMs: 2000, growthBytes: 256 * 1024 * 1024, heapMiB: 64 };
    const failure = await supervise(planted, [job], (_name, result) => (fed = result.inputs), bounds);
    return { found: failure?.kind, fed, input: [...(failure?.input ?? [])] };
  };

  it('passes a target without a fault', async () => {
    expect(await run('planted.nothing')).toEqual({ found: undefined, fed: 20_001, input: [] });
  });

  it.each([
    ['planted.throw', 'throw'],
    ['planted.hang', 'hang'],
    ['planted.heap', 'memory'],
    ['planted.buffers', 'memory'],
  ])('finds %s, and the input', async (target, kind) => {
    const { found, input } = await run(target);
    expect(found).toBe(kind);
    expect(input[0]).toBe(0x42);
  });

  it('finds the same input from the same seed', async () => {
    const first = await run('planted.throw', 7);
    expect(await run('planted.throw', 7)).toEqual(first);
    expect(await run('planted.throw', 8)).not.toEqual(first);
  });

  it('refuses a target that is not there', async () => {
    await expect(run('planted.elsewhere')).rejects.toThrow('no target is named planted.elsewhere');
  });
});

describe('Mutator', () => {
  const seeds = [
    new Uint8Array(0),
    Uint8Array.from({ length: 40 }, (_, i) => i),
    new Uint8Array(300).fill(7),
  ];

  it('stays within the limit, and leaves what it mutates alone', () => {
    const copies = seeds.map((seed) => [...seed]);
    const mutator = new Mutator(new Uint8Array(512), new SeededRandom(1));
    const lengths = new Set<number>();
    for (let i = 0; i < 20_000; i++) {
      mutator.make(seeds, 200);
      if (mutator.length > 200) throw new Error(`made ${mutator.length} bytes`);
      lengths.add(mutator.length);
    }
    expect(seeds.map((seed) => [...seed])).toEqual(copies);
    expect(lengths.size).toBeGreaterThan(150);
  });

  it('makes the same inputs from the same seed, and others from another', () => {
    const make = (seed: number): string => {
      const mutator = new Mutator(new Uint8Array(512), new SeededRandom(seed));
      const made: string[] = [];
      for (let i = 0; i < 100; i++) {
        mutator.make(seeds, 400);
        made.push(mutator.bytes.subarray(0, mutator.length).join());
      }
      return made.join('\n');
    };
    expect(make(3)).toBe(make(3));
    expect(make(3)).not.toBe(make(4));
  });
});
