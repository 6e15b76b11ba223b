/**
 * What commands there are. A command's module is loaded only when it is called: the engine, the kernel's interfaces and
 * the analyser take longer to load than most commands take to run.
 */

import type { Command } from 'commander';

/** Adds arguments, options and the action to an empty `command`; `setStatus` receives the exit status of a run. */
export type Declare = (command: Command, setStatus: (status: number) => void) => void;

/** One command, as the list of commands shows it. */
export interface CommandEntry {
  readonly name: string;
  /** What stands behind the name in the list of commands. */
  readonly usage: string;
  /** A few words for the list of commands. */
  readonly summary: string;
  readonly load: () => Promise<Declare>;
}

/** Every command, in the order of the list. */
export const commands: readonly CommandEntry[] = [
  {
    name: 'balance',
    usage: '',
    summary: 'balancers that understand joins',
    load: async () => (await import('./balance/command.js')).declareBalance,
  },
  {
    name: 'bond',
    usage: '[options]',
    summary: 'all uplinks of this machine together, for the LAN behind it',
    load: async () => (await import('./bond/command.js')).declareBond,
  },
  {
    name: 'check',
    usage: '[options] [server]',
    summary: 'does this machine speak Multipath TCP',
    load: async () => (await import('./check/command.js')).declareCheck,
  },
  {
    name: 'converter',
    usage: '[options]',
    summary: 'a Transport Converter: Multipath TCP for clients of any server',
    load: async () => (await import('./converter/command.js')).declareConverter,
  },
  {
    name: 'demo',
    usage: '[options]',
    summary: 'two paths, a download, one path dies',
    load: async () => (await import('./demo/command.js')).declareDemo,
  },
  {
    name: 'experiment',
    usage: '',
    summary: 'reproduce a published result',
    load: async () => (await import('./experiment/command.js')).declareExperiment,
  },
  {
    name: 'get',
    usage: '[options] <url>',
    summary: 'download over Multipath TCP',
    load: async () => (await import('./get.js')).declareGet,
  },
  {
    name: 'lab',
    usage: '[options]',
    summary: 'the same, in a browser',
    load: async () => (await import('./lab/command.js')).declareLab,
  },
  {
    name: 'monitor',
    usage: '[options]',
    summary: 'live connections and their subflows',
    load: async () => (await import('./monitor/command.js')).declareMonitor,
  },
  {
    name: 'paths',
    usage: '',
    summary: "endpoints, limits and service types of the kernel's Multipath TCP",
    load: async () => (await import('./paths/command.js')).declarePaths,
  },
  {
    name: 'plot',
    usage: '[options] <file...>',
    summary: 'pictures of what one connection did',
    load: async () => (await import('./plot/command.js')).declarePlot,
  },
  {
    name: 'probe',
    usage: '[options] [target]',
    summary: 'does Multipath TCP work between here and a server',
    load: async () => (await import('./probe/command.js')).declareProbe,
  },
  {
    name: 'proxy',
    usage: '[options]',
    summary: 'SOCKS and HTTP CONNECT for what speaks no Multipath TCP',
    load: async () => (await import('./proxy/command.js')).declareProxy,
  },
  {
    name: 'serve',
    usage: '[options] <folder>',
    summary: 'serve files over Multipath TCP',
    load: async () => (await import('./serve.js')).declareServe,
  },
  {
    name: 'trace',
    usage: '[options] <file...>',
    summary: 'what happened in this capture',
    load: async () => (await import('./trace/command.js')).declareTrace,
  },
];

/** The command that a command line is about: the one it calls, or the one it asks help for. */
export function commandOf(args: readonly string[]): CommandEntry | undefined {
  // The program's own options take no values, so that the first word is a command's name.
  const [first, second] = args.filter((arg) => !arg.startsWith('-'));
  const name = first === 'help' ? second : first;
  return commands.find((entry) => entry.name === name);
}
