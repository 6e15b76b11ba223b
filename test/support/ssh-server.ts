/** A server of OpenSSH in a namespace, with keys and settings of its own in a folder of its own, for one user who has a key there. */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NetworkNamespace } from '../../src/linux/index.js';

export interface SshServer {
  readonly port: number;
  /** File with the client's key. */
  readonly clientKey: string;
  close(): void;
}

/** Starts one. Settles when it listens. */
export async function startSshServer(
  namespace: NetworkNamespace,
  folder: string,
  address: string,
  port: number,
): Promise<SshServer> {
  const [hostKey, clientKey] = ['host', 'client'].map((name) => join(folder, name)) as [string, string];
  for (const file of [hostKey, clientKey])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file], { stdio: 'pipe' });
  const authorized = join(folder, 'authorized');
  copyFileSync(`${clientKey}.pub`, authorized);
  chmodSync(authorized, 0o600);
  const config = join(folder, 'config');
  writeFileSync(
    config,
    [
      ...[`ListenAddress ${address}:${port}`, `HostKey ${hostKey}`, `AuthorizedKeysFile ${authorized}`],
      ...['PermitRootLogin prohibit-password', 'PasswordAuthentication no', 'UsePAM no', 'StrictModes no'],
      ...['PidFile none', 'PrintMotd no', 'LogLevel INFO', ''],
    ].join('\n'),
  );
  // It looks for this folder, which the package's service makes at start.
  execFileSync('mkdir', ['-p', '/run/sshd']);
  const child = namespace.spawn('/usr/sbin/sshd', ['-D', '-e', '-f', config], { stdio: 'pipe' });
  let said = '';
  await new Promise<void>((resolve, reject) => {
    child.stderr!.on('data', (chunk: Buffer) => {
      said += String(chunk);
      if (said.includes('Server listening')) resolve();
    });
    child.once('exit', () => reject(new Error(`sshd: ${said}`)));
  });
  return { port, clientKey, close: () => void child.kill() };
}

/** Flags of ssh for this server and nothing of the user's own. */
export function sshFlags({ port, clientKey }: SshServer): string[] {
  const settings = [
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'LogLevel=ERROR',
    'BatchMode=yes',
  ];
  return ['-F', 'none', '-p', String(port), '-i', clientKey, ...settings.flatMap((each) => ['-o', each])];
}
