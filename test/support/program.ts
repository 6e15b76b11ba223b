/** Programs that use the built package, in a process and a network namespace of their own; they print one line of JSON. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { NetworkNamespace } from '../../src/linux/index.js';

const built = pathToFileURL(join(import.meta.dirname, '../../dist/node/index.js')).href;

/** In front of every program. */
const opening = `
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import * as subflow from ${JSON.stringify(built)};
const listening = async (server, ...how) => {
  server.listen(...(how.length > 0 ? how : [0, '127.0.0.1']));
  await once(server, 'listening');
  return server.address().port;
};
const sysctl = (name, value) => writeFileSync('/proc/sys/' + name.replaceAll('.', '/'), String(value));
const print = (value) => process.stdout.write(JSON.stringify(value) + '\\n', () => process.exit(0));
`;

export interface ProgramOptions {
  /** Parameters of the kernel to set in the namespace before. */
  readonly sysctls?: Readonly<Record<string, string | number>>;
  /** Whether the C library cannot be called, as where there is no binary of koffi's. */
  readonly isFfiMissing?: boolean;
}

/** What a system without koffi does when it is loaded. */
const withoutFfi = `
const Module = require('node:module');
const load = Module._load;
Module._load = function (name, ...rest) {
  if (name === 'koffi') throw new Error('no binary for this system');
  return load.call(this, name, ...rest);
};
`;

/** Runs the body of an async program in a namespace of its own with loopback up, and gives what it prints. */
export async function runInNamespace(body: string, options: ProgramOptions = {}): Promise<unknown> {
  const namespace = NetworkNamespace.create('program');
  const folder = mkdtempSync(join(tmpdir(), 'subflow-program-'));
  try {
    for (const [name, value] of Object.entries(options.sysctls ?? {})) namespace.sysctl(name, value);
    const file = join(folder, 'program.mjs');
    const before = join(folder, 'before.cjs');
    writeFileSync(file, opening + body);
    writeFileSync(before, withoutFfi);
    const flags = options.isFfiMissing === true ? ['--require', before] : [];
    const child = namespace.spawn(process.execPath, [...flags, file], { stdio: ['ignore', 'pipe', 'pipe'] });
    const [out, error] = await Promise.all([text(child.stdout!), text(child.stderr!)]);
    if (out === '') throw new Error(`the program printed nothing: ${error}`);
    return JSON.parse(out);
  } finally {
    namespace.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
