/**
 * `stateful`: the first packet of a flow goes where the Maglev table says, and all others where the first went, for as long as
 * a bounded table remembers it. Changes of servers break nothing that the table holds; a balancer that takes over has none of
 * it. Tokens are not read: joins go to any server.
 */
import type { RandomSource } from '../base/index.js';
import { FlowMemory } from './flow-memory.js';
import { MaglevTable } from './maglev.js';
import type { PacketView } from './packet-view.js';
import type { Server, ServerSet } from './servers.js';
import type { SteeringSettings } from './settings.js';
import { type Steering, SteeringCounters, type SteeringFactory } from './steering.js';
import { type Verdict, VerdictReason } from './verdict.js';

class Stateful implements Steering {
  readonly counters = new SteeringCounters();
  private readonly settings: SteeringSettings;
  private readonly flows: FlowMemory;
  private servers: ServerSet;
  private table: MaglevTable;

  constructor(settings: SteeringSettings, servers: ServerSet, random: RandomSource) {
    this.settings = settings;
    this.flows = new FlowMemory(settings, this.counters, random);
    this.servers = servers;
    this.table = new MaglevTable(servers.up, settings.maglevPlaces);
  }

  get entryCount(): number {
    return this.flows.size;
  }

  get tableBytes(): number {
    return this.flows.size * FlowMemory.bytesPerEntry;
  }

  steer(now: number, packet: PacketView, verdict: Verdict): void {
    if (packet.joinToken >= 0) {
      this.counters.joins++;
      this.counters.joinsByChance++;
    }
    const known = this.flows.find(now, packet);
    let server = known === 0 ? undefined : this.servers.find(known);
    if (server === undefined) server = this.begin(now, packet, known !== 0);
    if (server === undefined) verdict.refuse(VerdictReason.NO_SERVER);
    else verdict.deliver(server);
  }

  /** Where a flow goes that is unknown, or whose server is gone. */
  private begin(now: number, packet: PacketView, isOrphan: boolean): Server | undefined {
    const server = this.table.find(packet.hashFlow());
    if (isOrphan) this.flows.forget(packet);
    if (server !== undefined && !packet.isQuoted) this.flows.add(now, packet, server.id);
    return server;
  }

  setServers(_now: number, servers: ServerSet): void {
    this.servers = servers;
    this.table = new MaglevTable(servers.up, this.settings.maglevPlaces);
  }

  pollTimeout(): number {
    return this.flows.nextExpiry();
  }

  handleTimeout(now: number): void {
    this.flows.expire(now);
  }

  pollEvent(): undefined {
    return undefined;
  }
}

/** Makes `stateful`. */
export const stateful: SteeringFactory = (_now, { settings, servers, random }) =>
  new Stateful(settings, servers, random);
