/**
 * Which server each flow goes to: a bounded table by five-tuple with a time-out for each phase of a flow. It sees the client's
 * packets only, since answers do not pass a balancer.
 *
 * ```
 *         first packet            second packet           FIN or RST
 *  (none) ------------> new ------------------> live -------------------> closing
 *                        |  ^                    |  ^                        |
 *     newFlowNs, or room |  |             idleNs |  +--- any other, after    |  closingNs
 *         for a newer    v  |                    v       RST alone           v
 *                      (none)                  (none)                      (none)
 * ```
 * A flood of SYNs, or of other packets from made-up addresses, fills the places of new flows and displaces other new flows,
 * never live ones. The hash is keyed, so that nobody can choose addresses that make one chain long.
 */
import { HalfSipHash, type RandomSource } from '../base/index.js';
import { TcpFlag } from '../wire/index.js';
import type { PacketView } from './packet-view.js';
import type { SteeringSettings } from './settings.js';
import { NO_SLOT, SlotTable } from './slot-table.js';
import type { SteeringCounters } from './steering.js';

/** Phases of a flow: the lists of the table, in the order of their lives in the constructor. */
const Phase = { NEW: 0, LIVE: 1, CLOSING: 2 } as const;

/** Words of a key: the client's address and both ports. */
const keyWords = 5;

export class FlowMemory {
  /** Bytes that an entry costs. */
  static readonly bytesPerEntry = SlotTable.bytesPerSlot + keyWords * 4 + 2 + 1;
  private readonly settings: SteeringSettings;
  private readonly counters: SteeringCounters;
  private readonly hash: HalfSipHash;
  private readonly slots: SlotTable;
  private readonly keys: Int32Array;
  private readonly servers: Uint16Array;
  /** Position of the service, doubled, plus one once the client sent FIN: a RST alone may have been forged. */
  private readonly marks: Uint8Array;

  constructor(settings: SteeringSettings, counters: SteeringCounters, random: RandomSource) {
    this.settings = settings;
    this.counters = counters;
    this.hash = new HalfSipHash(random.nextUint32(), random.nextUint32());
    const { newFlowNs, idleNs, closingNs } = settings;
    this.slots = new SlotTable(settings.maxFlows, [newFlowNs, idleNs, closingNs]);
    this.keys = new Int32Array(settings.maxFlows * keyWords);
    this.servers = new Uint16Array(settings.maxFlows);
    this.marks = new Uint8Array(settings.maxFlows);
  }

  get size(): number {
    return this.slots.size;
  }

  /** The server of the packet's flow, which lives on by it; 0 when the flow is unknown. */
  find(now: number, packet: PacketView): number {
    const slot = this.slotOf(packet, this.hashOf(packet));
    if (slot === NO_SLOT) return 0;
    if (!packet.isQuoted) this.advance(now, slot, packet);
    return this.servers[slot]!;
  }

  /** Notes that the packet's flow, which is unknown, goes to `server`; false when there is no room. */
  add(now: number, packet: PacketView, server: number): boolean {
    const { slots, settings, counters } = this;
    if (slots.count(Phase.NEW) >= settings.maxNewFlows || slots.size >= slots.capacity) {
      const victim = slots.oldest(Phase.NEW);
      if (victim === NO_SLOT) {
        counters.untracked++;
        return false;
      }
      counters.entriesDisplaced++;
      slots.remove(victim);
    }
    const slot = slots.add(now, this.hashOf(packet), Phase.NEW);
    const at = slot * keyWords;
    this.keys[at] = packet.clientA;
    this.keys[at + 1] = packet.clientB;
    this.keys[at + 2] = packet.clientC;
    this.keys[at + 3] = packet.clientD;
    this.keys[at + 4] = (packet.clientPort << 16) | packet.servicePort;
    this.servers[slot] = server;
    // The service tells its address and the family.
    this.marks[slot] = packet.service << 1;
    counters.entriesMade++;
    return true;
  }

  /** Forgets the packet's flow. */
  forget(packet: PacketView): void {
    const slot = this.slotOf(packet, this.hashOf(packet));
    if (slot !== NO_SLOT) this.slots.remove(slot);
  }

  /** When the next entry expires, in ns; NEVER without entries. */
  nextExpiry(): number {
    return this.slots.nextExpiry();
  }

  /** Forgets the flows whose time is over, a bounded number at a time: {@link nextExpiry} tells whether there are more. */
  expire(now: number): void {
    this.counters.entriesExpired += this.slots.expire(now);
  }

  private advance(now: number, slot: number, packet: PacketView): void {
    const { slots, marks } = this;
    if ((packet.flags & TcpFlag.FIN) !== 0) marks[slot]! |= 1;
    let phase = slots.listOf(slot);
    if ((packet.flags & (TcpFlag.FIN | TcpFlag.RST)) !== 0) phase = Phase.CLOSING;
    else if (!packet.isSyn && (phase === Phase.NEW || (marks[slot]! & 1) === 0)) phase = Phase.LIVE;
    slots.touch(now, slot, phase);
  }

  private slotOf(packet: PacketView, hash: number): number {
    const { slots } = this;
    let slot = slots.first(hash);
    while (slot !== NO_SLOT && !this.matches(slot, packet)) slot = slots.next(slot);
    return slot;
  }

  private matches(slot: number, packet: PacketView): boolean {
    const { keys } = this;
    const at = slot * keyWords;
    return (
      keys[at + 3] === packet.clientD &&
      keys[at + 4] === ((packet.clientPort << 16) | packet.servicePort) &&
      keys[at + 2] === packet.clientC &&
      keys[at + 1] === packet.clientB &&
      keys[at] === packet.clientA &&
      this.marks[slot]! >>> 1 === packet.service
    );
  }

  private hashOf(packet: PacketView): number {
    const { hash } = this;
    hash.begin();
    if (packet.family === 6) {
      hash.add(packet.clientA);
      hash.add(packet.clientB);
      hash.add(packet.clientC);
    }
    hash.add(packet.clientD);
    hash.add((packet.clientPort << 16) | packet.servicePort);
    hash.add(packet.service);
    return hash.end();
  }
}
