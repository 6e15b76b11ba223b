/** The list of commands says of each what the command says of itself, though none is loaded for it. */
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { promisify } from 'node:util';
import { Command, Help } from 'commander';
import { describe, expect, it } from 'vitest';
import { launcher } from '../../test/support/subflow-command.js';
import { commandOf, commands } from './commands.js';

describe('the list of commands', () => {
  it('has every command that there is', () => {
    const folders = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' });
    const files = folders.filter((path) => /^([a-z]+\/command|converter|get|serve)\.ts$/.test(path));
    const names = files.map((path) => path.replace(/(\/command)?\.ts$/, '')).sort();
    expect(commands.map(({ name }) => name)).toEqual(names);
  });

  it.each(commands)('shows the arguments of $name as it declares them', async ({ name, usage, load }) => {
    const command = new Command(name);
    (await load())(command, () => undefined);
    expect(new Help().subcommandTerm(command)).toBe(`${name} ${usage}`.trimEnd());
  });

  it('loads none of them', async () => {
    expect(await loadedBy('--help')).toEqual([]);
    expect(await loadedBy('trace', '--help')).toEqual(['trace']);
  });

  it.each(['trace', 'plot'])('and no engine for %s, which reads captures', async (name) => {
    const loaded = await modulesLoadedBy(name, '--help');
    const engine = ['policy', 'tcp', 'mptcp', 'stack', 'network', 'lab', 'experiments'];
    expect(engine.filter((layer) => loaded.includes(`/dist/${layer}/`))).toEqual([]);
    expect(loaded).toContain('/dist/trace/');
  });
});

function dataUrl(code: string): string {
  return `data:text/javascript;base64,${Buffer.from(code).toString('base64')}`;
}

/** Names of the commands whose modules a run loads. */
async function loadedBy(...args: readonly string[]): Promise<string[]> {
  const loaded = await modulesLoadedBy(...args);
  return commands.map(({ name }) => name).filter((name) => new RegExp(`/cli/${name}[./]`).test(loaded));
}

/** The addresses of all modules that a run loads, one in a line. */
async function modulesLoadedBy(...args: readonly string[]): Promise<string> {
  const hook = dataUrl(`import { writeSync } from 'node:fs';
    export function load(url, context, next) { writeSync(2, url + '\\n'); return next(url, context); }`);
  const preload = dataUrl(`import { register } from 'node:module'; register('${hook}');`);
  const { stderr } = await promisify(execFile)(process.execPath, ['--import', preload, launcher, ...args]);
  expect(stderr).toContain('/cli/main.js');
  return stderr;
}

describe('the command that a command line is about', () => {
  it.each([
    [['trace', 'file'], 'trace'],
    [['help', 'get', 'trace'], 'get'],
    [['--help', 'plot'], 'plot'],
    [['help'], undefined],
    [['--version'], undefined],
    [['frobnicate', 'trace'], undefined],
    [[], undefined],
  ])('of %j is %s', (args, name) => {
    expect(commandOf(args)?.name).toBe(name);
  });
});
