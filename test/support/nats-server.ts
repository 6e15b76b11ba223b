/** A server of NATS with JetStream on loopback, with a folder of its own; ended with the test. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NetworkNamespace } from '../../src/linux/index.js';

/** How a server is set up besides. */
export interface NatsServerOptions {
  /** Lines for its configuration file. */
  readonly config?: string;
  /** Where it listens on loopback; the caller's network namespace when left out. */
  readonly namespace?: NetworkNamespace;
}

export class NatsServer {
  readonly port: number;
  private readonly folder: string;
  private readonly namespace: NetworkNamespace | undefined;
  private child: ChildProcess | undefined;

  private constructor(port: number, folder: string, namespace: NetworkNamespace | undefined) {
    this.port = port;
    this.folder = folder;
    this.namespace = namespace;
  }

  static async start({ config = '', namespace }: NatsServerOptions = {}): Promise<NatsServer> {
    const server = new NatsServer(await freePort(), mkdtempSync(join(tmpdir(), 'subflow-nats-')), namespace);
    const jetstream = `jetstream { store_dir: "${server.data}" }`;
    writeFileSync(
      server.file('server.conf'),
      `listen: "127.0.0.1:${server.port}"\n${jetstream}\n${config}\n`,
    );
    await server.resume();
    return server;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** A path in the server's folder. */
  file(name: string): string {
    return join(this.folder, name);
  }

  private get data(): string {
    return this.file('data');
  }

  /** Starts the program on what its folder holds; resolves when it takes connections. */
  async resume(): Promise<void> {
    const args = ['--pdeathsig', 'KILL', '--', 'nats-server', '-c', this.file('server.conf')];
    const begin = (): ChildProcess => spawn('setpriv', args, { stdio: ['ignore', 'ignore', 'pipe'] });
    const child = this.namespace === undefined ? begin() : this.namespace.run(begin);
    this.child = child;
    let said = '';
    await new Promise<void>((resolve, reject) => {
      child.stderr!.on('data', (chunk) => {
        if (said.length < 100_000) said += String(chunk);
        if (said.includes('Server is ready')) resolve();
      });
      child.once('error', reject);
      child.once('exit', () => reject(new Error(`nats-server did not start: ${said}`)));
    });
  }

  /** Ends the program at once. */
  async stop(): Promise<void> {
    const { child } = this;
    this.child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** Has the program stand still, with its connections. */
  async freeze(): Promise<void> {
    const stat = `/proc/${this.child!.pid}/stat`;
    this.child!.kill('SIGSTOP');
    while (!/\) T /.test(readFileSync(stat, 'utf8'))) await new Promise((done) => setTimeout(done, 1));
  }

  /** Has it go on. */
  thaw(): void {
    this.child!.kill('SIGCONT');
  }

  /** Forgets all that it stored; the program has to be stopped. */
  wipe(): void {
    rmSync(this.data, { recursive: true, force: true });
  }

  /** Keeps a copy of all that it stored; the program has to be stopped. */
  backUp(): void {
    cpSync(this.data, this.file('backup'), { recursive: true });
  }

  /** Puts the copy in the place of what it stores; the program has to be stopped. */
  restore(): void {
    this.wipe();
    cpSync(this.file('backup'), this.data, { recursive: true });
  }

  async close(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A port of loopback that nobody has. */
async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
