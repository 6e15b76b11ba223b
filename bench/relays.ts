/** Relays that are measured against each other: ours, HAProxy and nginx, each in a process of its own, doing plain TCP. */
import { execFileSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NetworkNamespace } from '../src/linux/index.js';

/**
 * `relay`: what every proxy of ours has inside, with one destination; `socks`: `subflow proxy`; `converter` and its kind: `subflow
 * converter`. `haproxy-multipath`: HAProxy in `mptcpize`, which has all its sockets speak Multipath TCP.
 */
export type RelayKind =
  'relay' | 'socks' | 'converter' | 'converter-multipath' | 'haproxy' | 'haproxy-multipath' | 'nginx';

const STREAM_MODULE = '/usr/lib/nginx/modules/ngx_stream_module.so';
/** Ports of relays, in namespaces where nobody else has any. */
let nextPort = 20_000;

/** What is missing for a measurement against others, and how to get it; undefined where nothing is. */
export function missingPeers(): string | undefined {
  const missing: string[] = [];
  if (!runs('haproxy', '-v')) missing.push('haproxy');
  if (!runs('nginx', '-v')) missing.push('nginx');
  if (!existsSync(STREAM_MODULE)) missing.push('libnginx-mod-stream');
  if (missing.length === 0) return undefined;
  return `missing: ${missing.join(', ')}; apt-get install --no-install-recommends ${missing.join(' ')}`;
}

/** Whether HAProxy can be made to speak Multipath TCP (Debian's package of that name). */
export function hasMptcpize(): boolean {
  return existsSync('/usr/bin/mptcpize');
}

function runs(command: string, flag: string): boolean {
  try {
    execFileSync(command, [flag], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** One thread; told to splice, which `splice-auto` seldom does. */
function haproxyConfig(port: number, target: number, connections: number): string {
  return `global
  nbthread 1
  maxconn ${connections}
  maxpipes 64
defaults
  mode tcp
  maxconn ${connections}
  timeout connect 10s
  timeout client 300s
  timeout server 300s
  option splice-request
  option splice-response
listen relay
  bind 127.0.0.1:${port} backlog 4096
  server sink 127.0.0.1:${target}
`;
}

function nginxConfig(folder: string, port: number, target: number, connections: number): string {
  return `load_module ${STREAM_MODULE};
pid ${folder}/pid;
error_log ${folder}/log;
daemon off;
master_process off;
worker_rlimit_nofile ${2 * connections + 100};
events { worker_connections ${2 * connections + 100}; }
stream {
  access_log off;
  server { listen 127.0.0.1:${port} backlog=4096; proxy_pass 127.0.0.1:${target}; proxy_buffer_size 64k; }
}
`;
}

/** A relay that runs. */
export class RunningRelay {
  readonly kind: RelayKind;
  readonly port: number;
  readonly target: number;
  private readonly child: ChildProcess;
  private readonly folder: string;

  private constructor(kind: RelayKind, port: number, target: number, child: ChildProcess, folder: string) {
    this.kind = kind;
    this.port = port;
    this.target = target;
    this.child = child;
    this.folder = folder;
  }

  /** Starts one that relays to `target`; settles when it listens. */
  static async start(
    namespace: NetworkNamespace,
    kind: RelayKind,
    target: number,
    connections = 2000,
  ): Promise<RunningRelay> {
    const folder = mkdtempSync(join(tmpdir(), 'subflow-relay-'));
    const port = nextPort++;
    const [command, ...args] = commandOf(kind, folder, port, target, connections);
    const child = namespace.spawn(command!, args, { stdio: ['ignore', 'ignore', 'ignore'] });
    const relay = new RunningRelay(kind, port, target, child, folder);
    for (let tries = 0; !isListening(namespace, port); tries++) {
      if (child.exitCode !== null || tries > 1_200) throw new Error(`${kind} does not listen`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return relay;
  }

  /** CPU of the threads of the process so far, in seconds: to the nanosecond, where the times of its `stat` are to ten milliseconds. */
  cpuSeconds(): number {
    const threads = `/proc/${this.child.pid}/task`;
    return readdirSync(threads).reduce((sum, thread) => {
      const [nanoseconds] = readFileSync(`${threads}/${thread}/schedstat`, 'latin1').split(' ');
      return sum + Number(nanoseconds) / 1e9;
    }, 0);
  }

  /** Memory of the process, in bytes. */
  residentBytes(): number {
    const status = readFileSync(`/proc/${this.child.pid}/status`, 'latin1');
    return Number(/VmRSS:\s+(\d+)/.exec(status)![1]) * 1024;
  }

  /** Open descriptors of the process. */
  descriptors(): number {
    return readdirSync(`/proc/${this.child.pid}/fd`).length;
  }

  async stop(): Promise<void> {
    const gone = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await gone;
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function commandOf(
  kind: RelayKind,
  folder: string,
  port: number,
  target: number,
  connections: number,
): string[] {
  const file = join(folder, 'conf');
  if (kind === 'haproxy' || kind === 'haproxy-multipath') {
    writeFileSync(file, haproxyConfig(port, target, connections));
    const run = kind === 'haproxy' ? [] : ['mptcpize', 'run'];
    return [...run, 'haproxy', '-db', '-f', file];
  }
  if (kind === 'nginx') {
    writeFileSync(file, nginxConfig(folder, port, target, connections));
    return ['nginx', '-c', file, '-p', folder];
  }
  const own = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
  if (kind === 'relay')
    return [process.execPath, '--import', 'tsx', own('./proxy-relay.ts'), 'relay', `${target}`, `${port}`];
  const limits = ['--max-connections', `${connections}`, '--max-per-client', `${connections}`];
  const plain = kind === 'converter-multipath' ? [] : ['--plain-tcp'];
  const listen = ['--listen', `127.0.0.1:${port}`, '--allow-loopback'];
  const command = kind === 'socks' ? 'proxy' : 'converter';
  return [process.execPath, own('../bin/subflow.js'), command, ...listen, ...limits, ...plain];
}

/** Whether anybody listens on `port`. */
function isListening(namespace: NetworkNamespace, port: number): boolean {
  const sockets = namespace.run(() =>
    ['tcp', 'tcp6'].map((table) => readFileSync(`/proc/thread-self/net/${table}`, 'latin1')).join(''),
  );
  const place = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return sockets.split('\n').some((line) => line.includes(`${place} `) && line.includes(':0000 0A '));
}
