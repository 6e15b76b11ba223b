/**
 * `token-map`, after Lienardy and Donnet, "Towards a Multipath TCP aware load balancer" (ANRW 2016): connections go where the
 * Maglev table says. The third ACK of each repeats the server's key, from which the token follows; a SYN with MP_JOIN goes
 * to the server that its token belongs to, and later packets of the join follow by an entry for its five-tuple. Servers need no
 * change. Several balancers share one map: each tells what it learns by events, and takes what others learned.
 *
 * A join for an unknown token is refused here, so that a flood of them costs the servers nothing. Works with both versions: the
 * option of a third ACK has 20 bytes in either, and 22 or 24 in version 1 when data comes with it (RFC 8684 §3.1, RFC 6824 §3.1).
 */
import { Deque, type RandomSource } from '../base/index.js';
import { deriveToken, type MptcpVersion, MptcpSubtype, readU32, TcpFlag } from '../wire/index.js';
import { FlowMemory } from './flow-memory.js';
import { MaglevTable } from './maglev.js';
import type { PacketView } from './packet-view.js';
import type { ServerSet } from './servers.js';
import type { SteeringSettings } from './settings.js';
import { type Steering, SteeringCounters, type SteeringFactory, type TokenLearnedEvent } from './steering.js';
import { type TokenEntry, TokenTable } from './token-table.js';
import { type Verdict, VerdictReason } from './verdict.js';

/** Where the receiver's key, which is the server's, stands in the option. */
const serverKeyOffset = 12;

export class TokenMap implements Steering {
  readonly counters = new SteeringCounters();
  private readonly settings: SteeringSettings;
  private readonly tokens: TokenTable;
  private readonly joins: FlowMemory;
  private readonly events = new Deque<TokenLearnedEvent>();
  private servers: ServerSet;
  private table: MaglevTable;

  constructor(settings: SteeringSettings, servers: ServerSet, random: RandomSource) {
    this.settings = settings;
    this.tokens = new TokenTable(settings, this.counters);
    this.joins = new FlowMemory(settings, this.counters, random);
    this.servers = servers;
    this.table = new MaglevTable(servers.up, settings.maglevPlaces);
  }

  get entryCount(): number {
    return this.tokens.size + this.joins.size;
  }

  get tableBytes(): number {
    return this.tokens.size * TokenTable.bytesPerEntry + this.joins.size * FlowMemory.bytesPerEntry;
  }

  steer(now: number, packet: PacketView, verdict: Verdict): void {
    const known = this.joins.find(now, packet);
    if (known !== 0) {
      const server = this.servers.find(known);
      if (server !== undefined) {
        verdict.deliver(server);
        return;
      }
      this.joins.forget(packet);
    }
    if (packet.joinToken >= 0) {
      this.steerJoin(now, packet, verdict);
      return;
    }
    const server = this.table.find(packet.hashFlow());
    if (server === undefined) {
      verdict.refuse(VerdictReason.NO_SERVER);
      return;
    }
    if (packet.segment.mptcpCount > 0 && !packet.isQuoted) this.learn(now, packet, server.id);
    verdict.deliver(server);
  }

  private steerJoin(now: number, packet: PacketView, verdict: Verdict): void {
    this.counters.joins++;
    const owner = this.tokens.find(now, packet.joinToken);
    const server = this.servers.find(owner);
    if (server === undefined) {
      if (owner !== 0) this.tokens.forget(packet.joinToken, owner);
      verdict.refuse(VerdictReason.UNKNOWN_TOKEN);
      return;
    }
    if (this.table.find(packet.hashFlow()) !== server) this.counters.misSteersAvoided++;
    this.joins.add(now, packet, server.id);
    verdict.deliver(server);
  }

  /** Takes the server's key from a third ACK. */
  private learn(now: number, packet: PacketView, server: number): void {
    const { segment } = packet;
    if ((packet.flags & (TcpFlag.SYN | TcpFlag.ACK | TcpFlag.RST)) !== TcpFlag.ACK) return;
    for (let i = 0; i < segment.mptcpCount; i++) {
      const at = segment.mptcpOffsets[i]!;
      const version = keyVersion(segment.bytes[at + 2]!, segment.mptcpLengths[i]!);
      if (version === undefined) continue;
      const key = {
        hi: readU32(segment.bytes, at + serverKeyOffset),
        lo: readU32(segment.bytes, at + serverKeyOffset + 4),
      };
      const token = deriveToken(key, version);
      if (this.tokens.learn(now, token, version, server) === 'new') this.tell(token, version, server);
      return;
    }
  }

  private tell(token: number, version: MptcpVersion, server: number): void {
    if (this.events.length >= this.settings.maxEvents) this.events.shift();
    this.events.push({ type: 'token-learned', token, version, server });
  }

  /** What this balancer knows, for one that begins. */
  exportTokens(): TokenEntry[] {
    return this.tokens.entries();
  }

  /** Takes what another balancer knows; entries that make no sense, or have no room, are left out. */
  importTokens(now: number, entries: readonly TokenEntry[]): void {
    for (const { token, version, server } of entries) {
      const isSound = Number.isInteger(token) && token >= 0 && token < 2 ** 32;
      if (isSound && this.servers.find(server) !== undefined) this.tokens.learn(now, token, version, server);
    }
  }

  setServers(_now: number, servers: ServerSet): void {
    this.servers = servers;
    this.table = new MaglevTable(servers.up, this.settings.maglevPlaces);
  }

  pollTimeout(): number {
    return Math.min(this.joins.nextExpiry(), this.tokens.nextExpiry());
  }

  handleTimeout(now: number): void {
    this.joins.expire(now);
    this.tokens.expire(now);
  }

  pollEvent(): TokenLearnedEvent | undefined {
    return this.events.shift();
  }
}

/** The version of an MP_CAPABLE with both keys, from its third byte and its length; undefined for any other option. */
function keyVersion(byte: number, length: number): MptcpVersion | undefined {
  if (byte >>> 4 !== MptcpSubtype.MP_CAPABLE) return undefined;
  const version = byte & 0x0f;
  if (version === 0) return length === 20 ? 0 : undefined;
  return version === 1 && (length === 20 || length === 22 || length === 24) ? 1 : undefined;
}

/** Makes `token-map`. */
export const tokenMap: SteeringFactory = (_now, { settings, servers, random }) =>
  new TokenMap(settings, servers, random);
