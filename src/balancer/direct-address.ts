/**
 * `direct-address`, after Duchene and Bonaventure, "Making Multipath TCP friendlier to load balancers and anycast" (ICNP 2017):
 * the server sets flag C of MP_CAPABLE (no joins to this address and port) and announces, in an ADD_ADDR that it repeats until
 * it is echoed, an address of its own or the service's address with a port of its own. Joins to an address of its own pass by
 * the balancer; a port of its own names the server here. The first subflow goes where the Maglev table says; a change of servers
 * may break that subflow, and the connection lives on over the others.
 *
 * Flag C is version 1's. A client of version 0, or one that ignores the flag, joins the service's own port too: such joins go by
 * chance, and are counted. Read first: RFC 8684 §3.1 (flag C) and §3.4.1.
 */
import { NEVER } from '../base/index.js';
import { MaglevTable } from './maglev.js';
import type { PacketView } from './packet-view.js';
import type { ServerSet } from './servers.js';
import type { SteeringSettings } from './settings.js';
import { type Steering, SteeringCounters, type SteeringFactory } from './steering.js';
import { type Verdict, VerdictReason } from './verdict.js';

class DirectAddress implements Steering {
  readonly counters = new SteeringCounters();
  readonly entryCount = 0;
  readonly tableBytes = 0;
  private readonly settings: SteeringSettings;
  private servers: ServerSet;
  private table: MaglevTable;

  constructor(settings: SteeringSettings, servers: ServerSet) {
    this.settings = settings;
    this.servers = servers;
    this.table = new MaglevTable(servers.up, settings.maglevPlaces);
  }

  steer(_now: number, packet: PacketView, verdict: Verdict): void {
    if (packet.joinToken >= 0) {
      this.counters.joins++;
      if (packet.portServer === 0) this.counters.joinsByChance++;
    }
    const server =
      packet.portServer === 0 ? this.table.find(packet.hashFlow()) : this.servers.find(packet.portServer);
    if (packet.joinToken >= 0 && packet.portServer !== 0 && server !== undefined) {
      if (this.table.find(packet.hashFlow()) !== server) this.counters.misSteersAvoided++;
    }
    if (server !== undefined) verdict.deliver(server);
    else verdict.refuse(packet.portServer === 0 ? VerdictReason.NO_SERVER : VerdictReason.UNKNOWN_SERVER);
  }

  setServers(_now: number, servers: ServerSet): void {
    this.servers = servers;
    this.table = new MaglevTable(servers.up, this.settings.maglevPlaces);
  }

  pollTimeout(): number {
    return NEVER;
  }

  handleTimeout(): void {
    // Nothing depends on time.
  }

  pollEvent(): undefined {
    return undefined;
  }
}

/** Makes `direct-address`. */
export const directAddress: SteeringFactory = (_now, { settings, servers }) =>
  new DirectAddress(settings, servers);
