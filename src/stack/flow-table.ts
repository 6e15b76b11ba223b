/**
 * Finds what a segment belongs to by its four-tuple. The table knows nothing of TCP: it holds nodes that carry their
 * own addresses, ports and chain link, so that a look-up compares numbers only and allocates nothing. The hash is keyed
 * by a secret, so that a stranger who chooses addresses and ports cannot make one chain long.
 */
import { assert, HalfSipHash, type RandomSource } from '../base/index.js';
import type { IpAddress } from '../wire/index.js';

/** What a {@link FlowTable} holds. */
export interface FlowNode {
  readonly local: IpAddress;
  readonly remote: IpAddress;
  /** Local port in the upper half, remote port in the lower, as {@link packPorts} makes it. */
  readonly ports: number;
  /** Hash of the four-tuple; written by the table only. */
  flowHash: number;
  /** Next node of the chain; written by the table only. */
  flowNext: FlowNode | undefined;
}

/** Both ports as one small integer, which V8 keeps without a box. */
export function packPorts(localPort: number, remotePort: number): number {
  return (localPort << 16) | remotePort;
}

/** A four-tuple as signed 32-bit words; reused from look-up to look-up. */
export class FlowKey {
  family: 4 | 6 = 4;
  localA = 0;
  localB = 0;
  localC = 0;
  localD = 0;
  remoteA = 0;
  remoteB = 0;
  remoteC = 0;
  remoteD = 0;
  ports = 0;

  /** Takes the four-tuple from addresses. */
  set(local: IpAddress, remote: IpAddress, ports: number): this {
    this.family = local.family;
    this.localA = local.a | 0;
    this.localB = local.b | 0;
    this.localC = local.c | 0;
    this.localD = local.d | 0;
    this.remoteA = remote.a | 0;
    this.remoteB = remote.b | 0;
    this.remoteC = remote.c | 0;
    this.remoteD = remote.d | 0;
    this.ports = ports;
    return this;
  }

  /** Takes the four-tuple from a received packet: its destination is local, its source remote. */
  read(
    bytes: Uint8Array,
    family: 4 | 6,
    sourceOffset: number,
    destinationOffset: number,
    ports: number,
  ): this {
    this.family = family;
    this.ports = ports;
    if (family === 4) {
      this.localA = this.localB = this.localC = this.remoteA = this.remoteB = this.remoteC = 0;
      this.localD = readWord(bytes, destinationOffset);
      this.remoteD = readWord(bytes, sourceOffset);
      return this;
    }
    this.localA = readWord(bytes, destinationOffset);
    this.localB = readWord(bytes, destinationOffset + 4);
    this.localC = readWord(bytes, destinationOffset + 8);
    this.localD = readWord(bytes, destinationOffset + 12);
    this.remoteA = readWord(bytes, sourceOffset);
    this.remoteB = readWord(bytes, sourceOffset + 4);
    this.remoteC = readWord(bytes, sourceOffset + 8);
    this.remoteD = readWord(bytes, sourceOffset + 12);
    return this;
  }
}

function readWord(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

/** Places for nodes found of late; a power of two. */
const RECENT_PLACES = 16;

/** Nodes by four-tuple: chains in a power-of-two array that doubles when there are more nodes than chains. */
export class FlowTable<T extends FlowNode> {
  private readonly hash: HalfSipHash;
  private readonly key = new FlowKey();
  private chains: (T | undefined)[];
  private mask: number;
  private count = 0;
  /** Nodes found of late, by their ports alone: packets come in runs of few flows, and those need no hash. */
  private readonly recent = emptyChains<T>(RECENT_PLACES);

  constructor(random: RandomSource) {
    this.hash = new HalfSipHash(random.nextUint32(), random.nextUint32());
    this.mask = 15;
    this.chains = emptyChains(16);
  }

  /** Number of nodes held. */
  get size(): number {
    return this.count;
  }

  /** The node of `key`, if there is one. */
  find(key: FlowKey): T | undefined {
    const place = recentPlace(key.ports);
    const recent = this.recent[place];
    if (recent !== undefined && matches(recent, key)) return recent;
    const node = this.findInChains(key);
    if (node !== undefined) this.recent[place] = node;
    return node;
  }

  private findInChains(key: FlowKey): T | undefined {
    const hash = this.hashOf(key);
    let node = this.chains[hash & this.mask];
    while (node !== undefined && !(node.flowHash === hash && matches(node, key)))
      node = node.flowNext as T | undefined;
    return node;
  }

  /** The node of this four-tuple, if there is one. */
  findTuple(local: IpAddress, remote: IpAddress, ports: number): T | undefined {
    return this.find(this.key.set(local, remote, ports));
  }

  /** Adds `node`; its four-tuple must not be in the table. */
  insert(node: T): void {
    assert(
      this.findTuple(node.local, node.remote, node.ports) === undefined,
      'a flow is in the table already',
    );
    if (this.count > this.mask) this.grow();
    node.flowHash = this.hashOf(this.key);
    const chain = node.flowHash & this.mask;
    node.flowNext = this.chains[chain];
    this.chains[chain] = node;
    this.count++;
  }

  /** Takes `node` out; returns whether it was in. */
  remove(node: T): boolean {
    const chain = node.flowHash & this.mask;
    let previous: T | undefined;
    let at = this.chains[chain];
    while (at !== undefined && at !== node) {
      previous = at;
      at = at.flowNext as T | undefined;
    }
    if (at === undefined) return false;
    const place = recentPlace(node.ports);
    if (this.recent[place] === node) this.recent[place] = undefined;
    if (previous === undefined) this.chains[chain] = node.flowNext as T | undefined;
    else previous.flowNext = node.flowNext;
    node.flowNext = undefined;
    this.count--;
    return true;
  }

  private hashOf(key: FlowKey): number {
    const hash = this.hash;
    hash.begin();
    if (key.family === 6) {
      hash.add(key.localA);
      hash.add(key.localB);
      hash.add(key.localC);
      hash.add(key.remoteA);
      hash.add(key.remoteB);
      hash.add(key.remoteC);
    }
    hash.add(key.localD);
    hash.add(key.remoteD);
    hash.add(key.ports);
    return hash.end();
  }

  private grow(): void {
    const old = this.chains;
    this.mask = this.mask * 2 + 1;
    this.chains = emptyChains(this.mask + 1);
    for (const head of old) {
      let node = head;
      while (node !== undefined) {
        const next = node.flowNext as T | undefined;
        const chain = node.flowHash & this.mask;
        node.flowNext = this.chains[chain];
        this.chains[chain] = node;
        node = next;
      }
    }
  }
}

/** Where a node with these ports stands among the recent ones. */
function recentPlace(ports: number): number {
  return (ports ^ (ports >>> 16)) & (RECENT_PLACES - 1);
}

function emptyChains<T>(size: number): (T | undefined)[] {
  return new Array<T | undefined>(size).fill(undefined);
}

function matches(node: FlowNode, key: FlowKey): boolean {
  const local = node.local;
  const remote = node.remote;
  return (
    node.ports === key.ports &&
    (remote.d | 0) === key.remoteD &&
    (local.d | 0) === key.localD &&
    local.family === key.family &&
    (key.family === 4 ||
      ((remote.c | 0) === key.remoteC &&
        (remote.b | 0) === key.remoteB &&
        (remote.a | 0) === key.remoteA &&
        (local.c | 0) === key.localC &&
        (local.b | 0) === key.localB &&
        (local.a | 0) === key.localA))
  );
}
