import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { describeWith, hasTool } from '../../test/support/with-rights.js';
import { kernelMptcp } from './capabilities.js';
import { openTogether } from './opening.js';

describe('things that are opened together', () => {
  it('are closed, the last one first, where one more cannot be opened', () => {
    const closed: string[] = [];
    const thing = (name: string) => ({ close: () => closed.push(name) });
    const open = (isPossible: boolean) =>
      openTogether((keep) => {
        keep(thing('first'));
        keep(thing('second'));
        if (!isPossible) throw new Error('no third');
        return 'all';
      });
    expect(open(true)).toBe('all');
    expect(closed).toEqual([]);
    expect(() => open(false)).toThrow('no third');
    expect(closed).toEqual(['second', 'first']);
  });
});

/** Makes a watch, and what service types share, with room for so many descriptors; says what came of it, and how many are open more than before. */
const program = `
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readdirSync } from 'node:fs';
const [linux, world] = process.argv.slice(1);
const { LinkWatch } = await import(linux);
const { KernelWorld } = await import(world);
const makers = [() => new LinkWatch(), () => new KernelWorld(() => undefined)];
for (const make of makers) make().close();
const count = () => readdirSync('/proc/self/fd').length;
spawnSync('prlimit', ['--pid', String(process.pid), '--nofile=100:']);
const results = [];
for (const make of makers)
  for (let room = 1; room <= 16; room++) {
    const before = count();
    const fill = [];
    try { for (;;) fill.push(openSync('/dev/null')); } catch {}
    for (const fd of fill.splice(0, room)) closeSync(fd);
    let code = 'made';
    try { make().close(); } catch (error) { code = error.code; }
    for (const fd of fill) closeSync(fd);
    results.push({ code, more: count() - before });
  }
console.log(JSON.stringify(results));
`;

describeWith('a process without room for descriptors', [kernelMptcp(), hasTool('prlimit')], () => {
  it('has none of a watch of links, and none of a service type, that could not be opened whole', () => {
    const modules = ['linux/index.js', 'node/kernel-service/kernel-world.js'].map(
      (path) => new URL(`../../dist/${path}`, import.meta.url).href,
    );
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ['--input-type=module', '-e', program, ...modules],
      { encoding: 'utf8' },
    );
    expect(stderr).toBe('');
    const results = JSON.parse(stdout) as { code: string; more: number }[];
    expect(new Set(results.map(({ code }) => code))).toEqual(new Set(['EMFILE', 'made']));
    expect(results.filter(({ more }) => more !== 0)).toEqual([]);
  });
});
