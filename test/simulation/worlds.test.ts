/** Ten thousand worlds, and what they would not overlook. */

import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { readCapture } from '../../src/capture/index.js';
import { middleboxBehaviours } from '../../src/network/index.js';
import { parseArguments } from './arguments.js';
import { drawWorld } from './draw.js';
import { featureNames, featuresOf } from './features.js';
import { TraceJudge } from '../trace/world-judge.js';
import { plants } from './plant.js';
import { runWorld } from './world.js';

const directory = mkdtempSync(join(tmpdir(), 'subflow-worlds-'));
afterAll(() => rmSync(directory, { recursive: true }));

const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const main = fileURLToPath(new URL('main.ts', import.meta.url));

/** Runs the command; gives its exit status and what it printed. */
function worlds(...args: string[]): Promise<{ status: number; output: string }> {
  return new Promise((resolve) => {
    const options = { cwd: directory, maxBuffer: 16 << 20 };
    execFile(process.execPath, ['--import', loader, main, ...args], options, (error, stdout, stderr) => {
      resolve({
        status: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1,
        output: stdout + stderr,
      });
    });
  });
}

describe('worlds', () => {
  it(
    'all ten thousand deliver every byte once and in order, or end with a clean error; what the trace analyser says of ' +
      'more than a thousand, those with a middlebox among them, is what their hosts sent',
    { timeout: 1_800_000 },
    async () => {
      const args = ['--seeds', '1..10000', '--jobs', '2', '--traces', '800'];
      const { status, output } = await worlds(...args);
      expect(output).toContain('worlds       10000, 0 of them with violations');
      expect(status).toBe(0);
      const counts = new Map(
        [...output.matchAll(/(?:of {4}|, )(\w+) (\d+)/g)].map(([, name, count]) => [name!, Number(count)]),
      );
      expect(counts.get('traced')).toBeGreaterThan(1000);
      expect(counts.get('retransmitting')).toBeGreaterThan(1000);
      expect(counts.get('reinjecting')).toBeGreaterThan(400);
      expect(counts.get('fallbacks')).toBeGreaterThan(400);
    },
  );

  it('have every behaviour of a middlebox among those that are traced', () => {
    const names = new Set<string>();
    const note = (plan: ReturnType<typeof drawWorld>): void => {
      for (const { box } of plan.paths) if (box !== undefined) names.add(box);
    };
    for (let seed = 1; seed <= 10_000; seed++) note(drawWorld(seed));
    // A translator behind a translator is too rare for ten thousand.
    for (const seed of [10_644, 21_103]) {
      const plan = drawWorld(seed);
      note(plan);
      expect(runWorld(plan, { watch: new TraceJudge() }).violations).toEqual([]);
    }
    expect([...names].sort()).toEqual(middleboxBehaviours.map(({ name }) => name).sort());
  });

  it('draw every feature, alone and together with others', () => {
    const counts = new Map(featureNames.map((name) => [name, 0]));
    for (let seed = 1; seed <= 10_000; seed++) {
      for (const name of featuresOf(drawWorld(seed))) counts.set(name, counts.get(name)! + 1);
    }
    for (const [name, count] of counts) expect(count, name).toBeGreaterThan(30);
  });

  it('do the same again for the same seed', () => {
    for (const seed of [1, 2, 3, 10_001, 123_456_789]) {
      const plan = drawWorld(seed);
      expect(drawWorld(seed)).toEqual(plan);
      const first = runWorld(plan);
      expect(runWorld(plan)).toEqual(first);
      expect(runWorld(drawWorld(seed + 1)).digest).not.toBe(first.digest);
    }
  });

  for (const [name, plant] of Object.entries(plants)) {
    it(`find it out when ${plant.description}`, () => {
      let isFound = false;
      // Where it needs a feature that is rare, worlds without that are not run.
      for (let seed = 1; seed <= (plant.needs === undefined ? 300 : 3000) && !isFound; seed++) {
        const plan = drawWorld(seed);
        if (plant.needs !== undefined && !featuresOf(plan).includes(plant.needs)) continue;
        isFound = runWorld(plan, { plant }).violations.length > 0;
      }
      expect(isFound, name).toBe(true);
    });
  }

  it('can be replayed one at a time, with a capture and the events', async () => {
    const [pcap, events] = [join(directory, 'world.pcapng'), join(directory, 'world.log')];
    const { status, output } = await worlds('--seed', '7', '--pcap', pcap, '--events', events);
    expect(status).toBe(0);
    const { packets, digest } = runWorld(drawWorld(7));
    expect(output).toContain(`digest ${digest}`);
    const capture = readCapture(readFileSync(pcap));
    expect(capture.problem).toBeUndefined();
    expect(capture.packets).toHaveLength(packets);
    expect(readFileSync(events, 'utf8')).toContain('closed in order');
  });

  it('say which seeds failed, how to see them again, and write the first', async () => {
    const { status, output } = await worlds('--seeds', '1..4', '--jobs', '2', '--plant', 'wrong-bytes');
    expect(status).toBe(0);
    expect(output).toMatch(/replay: npm run worlds -- --seed \d+ --plant wrong-bytes/);
    const missed = await worlds('--seeds', '1..1', '--plant', 'no-reinjection');
    expect(missed.status).toBe(1);
  });

  it('refuse arguments that make no sense', async () => {
    expect(parseArguments(['--seeds', 'x'])).toMatch(/no range of seeds/);
    expect(parseArguments(['--jobs', '0'])).toMatch(/--jobs is a number/);
    expect(parseArguments(['--plant', 'nothing'])).toMatch(/no bug is called nothing/);
    expect(parseArguments(['--traces', 'all'])).toMatch(/--traces is a number/);
    expect(parseArguments(['--what', '1'])).toMatch(/unknown flag --what/);
    expect(await worlds('--seed')).toEqual({ status: 2, output: 'worlds: --seed needs a value\n' });
  });
});
