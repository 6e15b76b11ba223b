/**
 * Network namespaces as hosts for tests and demonstrations: made, entered and left by the program. A namespace is held
 * by a descriptor alone and has no name in the file system, so that nothing is left behind however the program ends:
 * the kernel removes it, with every interface in it, when the last descriptor and the last process in it are gone
 * (docs/decisions/0005-namespaces-without-names.md).
 *
 * Read first: network_namespaces(7), setns(2), ip-address(8), ip-mptcp(8).
 */
import { execFileSync, spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { SubflowError, assert } from '../base/index.js';
import { CLONE_NEWNET } from './constants.js';
import { setns, unshare } from './libc.js';
import { parseMibCounters, type MibCounters } from './mib.js';

/** The namespace of the calling thread; /proc/self would be that of the process's first thread. */
const OWN_NAMESPACE = '/proc/thread-self/ns/net';

/** Looks at addresses that are to come up, and the time between them in ms: two seconds in all. */
const MAX_TRIES = 200;
const PAUSE_MS = 10;
/** Nobody ever wakes who waits for it. */
const clock = new Int32Array(new SharedArrayBuffer(4));

/** Addresses of IPv6 where the calling thread is, and their flags (linux/if_addr.h). */
const ADDRESSES = '/proc/thread-self/net/if_inet6';
const IFA_F_DADFAILED = 0x08;
const IFA_F_TENTATIVE = 0x40;

export class NetworkNamespace {
  /** For people: it shows in errors. */
  readonly label: string;
  private readonly fd: number;
  private readonly children = new Set<ChildProcess>();
  private closed = false;

  private constructor(label: string, fd: number) {
    this.label = label;
    this.fd = fd;
  }

  /**
   * Makes an empty namespace with its loopback interface up, and IPv6 free of the delays and the chatter that no test
   * wants: no duplicate address detection, no router solicitations, no link-local addresses by itself.
   * @throws SystemError `EPERM` without the right to.
   */
  static create(label: string): NetworkNamespace {
    const namespace = new NetworkNamespace(label, inNewNamespace());
    try {
      namespace.sysctl('net.ipv6.conf.default.accept_dad', 0);
      namespace.sysctl('net.ipv6.conf.default.router_solicitations', 0);
      namespace.sysctl('net.ipv6.conf.default.addr_gen_mode', 1);
      namespace.ip('link set lo up');
    } catch (error) {
      namespace.close();
      throw error;
    }
    return namespace;
  }

  /** A path that names the namespace to other programs while this one runs, as in `nsenter --net=PATH`. */
  get path(): string {
    return `/proc/${process.pid}/fd/${this.fd}`;
  }

  /**
   * Runs `action` on this thread inside the namespace, and comes back whatever happens. What it opens stays in the
   * namespace. `action` must be done when it returns: a promise would go on outside.
   */
  run<T>(action: () => T): T {
    if (this.closed) throw new SubflowError('ERR_SUBFLOW_CLOSED', `the namespace ${this.label} is closed`);
    return elsewhere(() => setns(this.fd, CLONE_NEWNET), action);
  }

  /**
   * Runs commands of iproute2's `ip` inside, one a string, as in `address add 10.0.0.1/24 dev lo`; stops at the first
   * that fails. Returns what they printed, once addresses of IPv6 that they brought up can be used: a busy kernel takes its time.
   * @throws SubflowError `ERR_SUBFLOW_MISSING_TOOL` without iproute2, `ERR_SUBFLOW_COMMAND_FAILED` with what `ip` said.
   */
  ip(...commands: string[]): string {
    return this.run(() => {
      const printed = runIp(this.label, commands);
      for (let tries = 0; tries < MAX_TRIES && hasPendingAddress(this.label); tries++)
        Atomics.wait(clock, 0, 0, PAUSE_MS);
      return printed;
    });
  }

  /** Sets a kernel parameter of the namespace, named with dots as sysctl(8) does; names may hold an interface with a dot as `/`. */
  sysctl(name: string, value: string | number): void {
    this.run(() => writeFileSync(sysctlPath(name), String(value)));
  }

  /** Reads a kernel parameter of the namespace. */
  readSysctl(name: string): string {
    return this.run(() => readFileSync(sysctlPath(name), 'utf8')).trim();
  }

  /** The kernel's counters of this namespace, as `nstat -az` names them. */
  counters(): MibCounters {
    return this.run(ownCounters);
  }

  /** Starts a program inside; it is killed with the namespace, and with this process where setpriv(1) is there. */
  spawn(command: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const bound = existsSync('/usr/bin/setpriv');
    const child = this.run(() =>
      bound
        ? spawn('/usr/bin/setpriv', ['--pdeathsig', 'KILL', '--', command, ...args], options)
        : spawn(command, args, options),
    );
    this.children.add(child);
    child.once('exit', () => this.children.delete(child));
    child.once('error', () => this.children.delete(child));
    return child;
  }

  /** Moves an interface of this namespace to another one; it loses its addresses and is down there. */
  moveInterface(name: string, to: NetworkNamespace): void {
    this.ip(`link set ${name} netns ${to.path}`);
  }

  /** Joins this namespace to another by a pair of virtual Ethernet interfaces, both up. */
  connectTo(other: NetworkNamespace, ownName: string, otherName: string): void {
    this.ip(
      `link add ${ownName} type veth peer name ${otherName} netns ${other.path}`,
      `link set ${ownName} up`,
    );
    other.ip(`link set ${otherName} up`);
  }

  /** Kills the programs started inside and lets go of the namespace, which goes away with what is still open in it. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    for (const child of this.children) child.kill('SIGKILL');
    closeSync(this.fd);
  }
}

/** The kernel's counters of the calling thread's namespace; see {@link NetworkNamespace.counters}. */
export function ownCounters(): MibCounters {
  return parseMibCounters(
    readFileSync('/proc/thread-self/net/netstat', 'utf8') +
      readFileSync('/proc/thread-self/net/snmp', 'utf8'),
  );
}

/** Runs `action` on this thread in `namespace`; where the thread is, without one. See {@link NetworkNamespace.run}. */
export function inside<T>(namespace: NetworkNamespace | undefined, action: () => T): T {
  return namespace === undefined ? action() : namespace.run(action);
}

/** Runs `action` when `leave` has taken this thread to another namespace, and comes back whatever happens. */
export function elsewhere<T>(leave: () => void, action: () => T): T {
  const home = openSync(OWN_NAMESPACE, 'r');
  const homeIdentity = readlinkSync(OWN_NAMESPACE);
  try {
    leave();
    try {
      const result = action();
      assert(!(result instanceof Promise), 'an asynchronous action cannot run in a namespace');
      return result;
    } finally {
      setns(home, CLONE_NEWNET);
      assert(readlinkSync(OWN_NAMESPACE) === homeIdentity, 'the thread is back in its own namespace');
    }
  } finally {
    closeSync(home);
  }
}

/** Makes a namespace and returns a descriptor of it; the calling thread is back where it was. */
function inNewNamespace(): number {
  return elsewhere(
    () => unshare(CLONE_NEWNET),
    () => openSync(OWN_NAMESPACE, 'r'),
  );
}

/** Whether an interface that is up, here, has an address of IPv6 that may not be used yet. */
function hasPendingAddress(label: string): boolean {
  // A kernel without IPv6 has no such file.
  if (!existsSync(ADDRESSES)) return false;
  const names = readFileSync(ADDRESSES, 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(
      ([, , , , flags]) =>
        (parseInt(flags ?? '0', 16) & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) === IFA_F_TENTATIVE,
    )
    .map((fields) => fields[5]);
  if (names.length === 0) return false;
  const links = JSON.parse(runIp(label, ['link show up'], ['-json'])) as {
    ifname: string;
    flags: string[];
  }[];
  return links.some(({ ifname, flags }) => flags.includes('LOWER_UP') && names.includes(ifname));
}

function sysctlPath(name: string): string {
  return `/proc/sys/${name.split('.').join('/')}`;
}

/**
 * Runs commands of iproute2's `ip` in the calling thread's namespace; see {@link NetworkNamespace.ip}. `label` shows in
 * errors; `flags` stand before all commands, as `-6`.
 */
export function runIp(label: string, commands: readonly string[], flags: readonly string[] = []): string {
  try {
    return execFileSync('ip', [...flags, '-batch', '-'], {
      input: commands.map((command) => `${command}\n`).join(''),
      encoding: 'utf8',
      timeout: 10_000,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
  } catch (cause) {
    const failure = cause as NodeJS.ErrnoException & { stderr?: string };
    if (failure.code === 'ENOENT') {
      throw new SubflowError('ERR_SUBFLOW_MISSING_TOOL', 'the program "ip" is not installed', {
        cause,
        hint: 'Install iproute2: apt install iproute2.',
      });
    }
    const said = (failure.stderr ?? failure.message).trim();
    throw new SubflowError('ERR_SUBFLOW_COMMAND_FAILED', `ip in ${label}: ${said} (${commands.join('; ')})`, {
      cause,
    });
  }
}
