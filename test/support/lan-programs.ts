/** Programs of Debian that talk to a server: what each carries arrives as it was, or an expectation says so. */
import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import type { NetworkNamespace } from '../../src/linux/index.js';
import { runIn } from './program-lines.js';
import { sshFlags, startSshServer } from './ssh-server.js';

/** Where they run, and what they talk to. */
export interface ProgramSetup {
  /** Where the programs run. */
  readonly from: NetworkNamespace;
  /** Where their servers do, at `address`. */
  readonly servers: NetworkNamespace;
  readonly address: string;
  /** What stands in front of each command: `proxychains4` and its flags, say. */
  readonly before?: readonly string[];
}

export const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

function run({ from, before = [] }: ProgramSetup, command: string, args: readonly string[], input?: Buffer) {
  const [program, ...rest] = [...before, command, ...args];
  return runIn(from, program!, rest, input === undefined ? {} : { input });
}

/** Downloads with wget; gives what came. */
export async function wget(setup: ProgramSetup, port: number): Promise<Buffer> {
  const args = ['-q', '-T', '100', '-O', '-', `http://${setup.address}:${port}/`];
  return (await run(setup, 'wget', args)).out;
}

/** Logs in by ssh with a key, and pipes `content` there and back. `folder` is for keys. */
export async function ssh(
  setup: ProgramSetup,
  { folder, port, content }: { readonly folder: string; readonly port: number; readonly content: Buffer },
): Promise<void> {
  const server = await startSshServer(setup.servers, folder, setup.address, port);
  try {
    const { out, status, err } = await run(
      setup,
      'ssh',
      [...sshFlags(server), `root@${setup.address}`, 'cat'],
      content,
    );
    expect([status, err]).toEqual([0, '']);
    expect(sha256(out)).toBe(sha256(content));
  } finally {
    server.close();
  }
}

/** Measures with iperf3, control connection and data connection, either way. */
export async function iperf3(setup: ProgramSetup): Promise<void> {
  const server = setup.servers.spawn('iperf3', ['-s', '-B', setup.address, '--forceflush'], {
    stdio: 'pipe',
  });
  try {
    await new Promise((resolve) => server.stdout!.once('data', resolve));
    for (const flags of [[], ['-R']]) {
      const { out } = await run(setup, 'iperf3', ['-c', setup.address, '-t', '2', '-J', ...flags]);
      const { end, error } = JSON.parse(String(out)) as {
        error?: string;
        end: { sum_received?: { bytes: number } };
      };
      expect(error).toBeUndefined();
      expect(end.sum_received!.bytes).toBeGreaterThan(100_000);
    }
  } finally {
    server.kill();
  }
}
