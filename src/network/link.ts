/**
 * A link: two directions, each a queue before a wire with a rate, a delay and faults of its own. Carries whole IP
 * packets; knows nothing of what is in them, but for cutting super-segments and finishing a checksum before it breaks
 * a packet.
 *
 * A direction costs one scheduled event, however many packets are on it: when a packet is offered, the instant at which
 * it will have left (`busyUntil`, so the queue needs no events) and the one at which it arrives are known, and packets
 * wait in a ring ordered by arrival. Only packets that are held back, to be overtaken, wait elsewhere.
 */

import { NEVER, randomBelow, randomUnit, SECOND, type RandomSource } from '../base/index.js';
import { IpPacket } from '../wire/index.js';
import { type Device, type DeviceCapabilities, noReceiver, Packet, type PacketReceiver } from './device.js';
import type { EventItem } from './event-queue.js';
import { coalescePackets } from './gro.js';
import { cutParts, isSuperSegment, readLayout, SegmentLayout } from './gso.js';
import { HeldPackets } from './held-packets.js';
import { checkLinkOptions, defaultLinkOptions, LinkCounters, type LinkOptions } from './link-options.js';
import { LossProcess } from './loss-model.js';
import { withChecksum } from './packet-edit.js';
import { PacketRing } from './packet-ring.js';
import { PacketSlab } from './packet-slab.js';
import type { Simulator } from './simulator.js';

/** Bytes in one block of the memory that cut super-segments and copies go to. */
const slabBytes = 256 * 1024;

/** How a direction treats packets at present. */
export type LinkState =
  /** Packets pass. */
  | 'up'
  /** No carrier: both ends know it, and what was on the way is lost. */
  | 'down'
  /** Packets vanish and nobody is told. */
  | 'blackhole';

/** One direction of a {@link Link}. */
export class LinkDirection implements EventItem {
  dueAt = NEVER;
  dueOrder = 0;
  queueIndex = -1;
  readonly counters = new LinkCounters();
  private readonly simulator: Simulator;
  private readonly random: RandomSource;
  private readonly loss: LossProcess;
  /** Packets in the order in which they were offered. */
  private readonly ring = new PacketRing();
  /** Packets that are held back, by arrival. */
  private readonly late = new PacketRing();
  private readonly slab = new PacketSlab(slabBytes);
  private readonly scratch = new IpPacket();
  /** Packets that have arrived and are about to be handed over together. */
  private readonly held = new HeldPackets();
  /** The super-segment that was looked at last, and how it falls into parts. */
  private laidOut: Packet | undefined;
  private readonly layout = new SegmentLayout();
  private receiver: PacketReceiver = noReceiver;
  private properties: LinkOptions = defaultLinkOptions;
  private condition: LinkState = 'up';
  /** When the packet offered last has left, in ns. */
  private busyUntil = 0;
  /** Nanoseconds that one byte takes. */
  private nsPerByte = 0;
  /** Whether any draw of randomness is needed for a packet. */
  private hasFaults = false;

  constructor(simulator: Simulator, options: LinkOptions) {
    this.simulator = simulator;
    this.random = simulator.random.fork();
    this.loss = new LossProcess(this.random);
    this.configure(simulator.now, options);
  }

  /** The properties in force. */
  get options(): LinkOptions {
    return this.properties;
  }

  get state(): LinkState {
    return this.condition;
  }

  /** Bytes that wait at `now`, those of the packet being sent included. */
  queueBytes(now: number): number {
    return this.busyUntil <= now || this.nsPerByte === 0 ? 0 : (this.busyUntil - now) / this.nsPerByte;
  }

  /** Number of packets waiting or on the wire. */
  get packetsInside(): number {
    return this.ring.length + this.late.length;
  }

  /** Names who gets what arrives. */
  attach(receiver: PacketReceiver): void {
    this.receiver = receiver;
  }

  /**
   * Changes properties from `now` on. A new rate holds for all that has not left yet; a new delay, jitter or fault for
   * packets offered from now on, which do not overtake those on the wire. Throws ERR_SUBFLOW_ARGUMENT for a value out
   * of range, and then nothing has changed.
   */
  configure(now: number, changes: Partial<LinkOptions>): void {
    const next: LinkOptions = { ...this.properties, ...changes };
    checkLinkOptions(next);
    if (next.loss !== this.loss.model) this.loss.model = next.loss;
    const nsPerByte = (8 * SECOND) / next.rateBps;
    if (nsPerByte !== this.nsPerByte) this.changeRate(now, nsPerByte);
    this.properties = next;
    this.hasFaults =
      next.loss.kind !== 'none' ||
      next.jitterNs > 0 ||
      next.reorderProbability > 0 ||
      next.duplicateProbability > 0 ||
      next.corruptProbability > 0;
  }

  /** Brings the direction up or down or makes it a black hole. Going down loses what is on the way. */
  setState(now: number, state: LinkState): void {
    if (state === this.condition) return;
    const wasUp = this.condition !== 'down';
    this.condition = state;
    if (state === 'down') this.dropAll();
    if (wasUp !== (state !== 'down')) this.receiver.handleCarrier(now, state !== 'down');
  }

  /** Takes over `packet`, offered at `now` (ns). */
  offer(now: number, packet: Packet): void {
    if (packet.segmentSize === 0 || !isSuperSegment(packet) || this.carriesWhole(packet)) {
      this.enqueue(now, packet, -1, packet.length);
      return;
    }
    // A super-segment crosses the link part by part, but is only cut where its parts come apart.
    const layout = this.layoutOf(packet);
    if (layout === undefined) return;
    this.counters.superSegmentsCut++;
    for (let i = 0; i < layout.count; i++) this.enqueue(now, packet, i, layout.packetBytes(i));
  }

  handleDue(now: number): void {
    const { ring, late } = this;
    const isCoalescing = this.properties.coalesceNs > 0;
    while (ring.firstArrival <= now || late.firstArrival <= now) {
      const from = late.firstArrival < ring.firstArrival ? late : ring;
      const part = from.firstPart;
      if (!isCoalescing) {
        const packet = from.shift();
        this.deliver(now, part < 0 ? packet : this.cut(packet, part, 1));
        continue;
      }
      // Parts that are due, and not overtaken by a packet that was held back.
      const count = part < 0 ? 1 : from.countUntil(Math.min(now, from === ring ? late.firstArrival : now));
      this.held.add(from.shiftParts(count), part, count);
    }
    if (this.held.length > 0) this.deliverHeld(now);
    this.rearm();
  }

  /** Hands over what arrived while the receiving end waited for more. */
  private deliverHeld(now: number): void {
    const { held, counters } = this;
    const parts = held.length;
    if (held.runCount === 1) {
      const whole = this.takeHeld(0);
      held.clear();
      counters.coalesced += parts - 1;
      this.receiver.handlePacket(now, whole);
      return;
    }
    const arrived: Packet[] = [];
    for (let i = 0; i < held.runCount; i++) arrived.push(this.takeHeld(i));
    held.clear();
    const merged: Packet[] = [];
    coalescePackets(arrived, this.slab, merged);
    counters.coalesced += parts - merged.length;
    for (let i = 0; i < merged.length; i++) this.receiver.handlePacket(now, merged[i]!);
  }

  /** The parts of run `index` that are held, as one packet; counted as delivered. */
  private takeHeld(index: number): Packet {
    const { held, counters } = this;
    const packet = held.packetAt(index);
    const first = held.partAt(index);
    const count = held.countAt(index);
    const whole = first < 0 ? packet : this.cut(packet, first, count);
    counters.deliveredPackets += count;
    counters.deliveredBytes += whole.length + (count - 1) * this.layout.headerBytes;
    return whole;
  }

  /** The layout of a super-segment; kept, because its parts come one after the other. Undefined when it is no TCP. */
  private layoutOf(packet: Packet): SegmentLayout | undefined {
    if (this.laidOut !== packet) {
      if (!readLayout(packet, this.layout)) return undefined;
      this.laidOut = packet;
    }
    return this.layout;
  }

  /** `count` parts of a super-segment from `first` on as one packet: itself, when these are all there are. */
  private cut(packet: Packet, first: number, count: number): Packet {
    const layout = this.layoutOf(packet)!;
    if (count === layout.count) {
      this.laidOut = undefined;
      return packet;
    }
    return cutParts(packet, layout, first, count, this.slab);
  }

  private carriesWhole(packet: Packet): boolean {
    return packet.length <= this.properties.maxSuperSegmentBytes;
  }

  /** Queues a packet, or (from 0 on) one part of a super-segment, of `length` bytes. */
  private enqueue(now: number, packet: Packet, part: number, length: number): void {
    const { counters, properties } = this;
    counters.offeredPackets++;
    counters.offeredBytes += length;
    if (this.condition !== 'up') {
      if (this.condition === 'down') counters.droppedDown++;
      else counters.droppedBlackhole++;
      return;
    }
    if (length > properties.mtu && (part >= 0 || !isSuperSegment(packet))) {
      counters.droppedTooBig++;
      return;
    }
    const startAt = this.busyUntil > now ? this.busyUntil : now;
    if (startAt > now && !this.hasRoom(now, length)) {
      counters.droppedQueue++;
      return;
    }
    const stepNs = length * this.nsPerByte;
    const leftAt = startAt + stepNs;
    this.busyUntil = leftAt;
    const waiting = this.queueBytes(now);
    if (waiting > counters.maxQueueBytes) counters.maxQueueBytes = waiting;
    if (this.hasFaults) this.propagateWithFaults(packet, part, leftAt);
    else if (part < 0) this.place(packet, part, leftAt, leftAt + properties.delayNs);
    else this.placePart(packet, part, leftAt, stepNs);
  }

  /** Whether `length` more bytes may wait behind what the link is busy with. */
  private hasRoom(now: number, length: number): boolean {
    const { queue } = this.properties;
    if ('ns' in queue) return this.busyUntil - now <= queue.ns;
    return this.queueBytes(now) + length <= queue.bytes;
  }

  /** Puts a packet that has left at `leftAt` on the wire, in order. */
  private place(packet: Packet, part: number, leftAt: number, arriveAt: number): void {
    const { ring } = this;
    const at = arriveAt < ring.lastArrival ? ring.lastArrival : arriveAt;
    ring.push(packet, part, leftAt, at);
    if (ring.length === 1) this.rearm();
  }

  /** The same for a part of a super-segment that took `stepNs` to leave. */
  private placePart(packet: Packet, part: number, leftAt: number, stepNs: number): void {
    const { ring } = this;
    const { delayNs } = this.properties;
    const isOvertaking = leftAt + delayNs < ring.lastArrival;
    if (isOvertaking) ring.push(packet, part, leftAt, ring.lastArrival);
    else ring.pushPart(packet, part, leftAt, stepNs, delayNs);
    if (ring.length === 1) this.rearm();
  }

  private propagateWithFaults(packet: Packet, part: number, leftAt: number): void {
    const { counters, properties, random } = this;
    if (this.loss.isLost()) {
      counters.droppedLoss++;
      return;
    }
    const isDamaged = this.isDrawn(properties.corruptProbability);
    const isDoubled = this.isDrawn(properties.duplicateProbability);
    const isOwn = part >= 0 && (isDamaged || isDoubled);
    let carried = isOwn ? this.cut(packet, part, 1) : packet;
    const carriedPart = isOwn ? -1 : part;
    if (isDamaged) carried = this.corrupt(carried);
    if (isDoubled) this.propagateCopy(carried, leftAt);
    let at = leftAt + properties.delayNs;
    if (properties.jitterNs > 0) at += randomUnit(random) * properties.jitterNs;
    if (this.isDrawn(properties.reorderProbability)) {
      counters.reordered++;
      this.late.insertByArrival(carried, carriedPart, leftAt, at + randomUnit(random) * properties.reorderNs);
      this.rearm();
      return;
    }
    this.place(carried, carriedPart, leftAt, at);
  }

  /** A second copy goes its own way: it may be held back where the first one is not. */
  private propagateCopy(packet: Packet, leftAt: number): void {
    const { properties, random } = this;
    this.counters.duplicated++;
    const copy = this.slab.allocate(packet.length);
    copy.set(packet.bytes);
    let at = leftAt + properties.delayNs;
    if (properties.reorderNs > 0) at += randomUnit(random) * properties.reorderNs;
    this.late.insertByArrival(new Packet(copy, packet.segmentSize, packet.needsChecksum), -1, leftAt, at);
    this.rearm();
  }

  private isDrawn(probability: number): boolean {
    return probability > 0 && randomUnit(this.random) < probability;
  }

  /** Flips one bit. A packet whose checksum was left to the device gets it first, or the damage could not be seen. */
  private corrupt(packet: Packet): Packet {
    this.counters.corrupted++;
    const whole = withChecksum(packet, this.scratch);
    const bit = randomBelow(this.random, whole.bytes.length * 8);
    whole.bytes[bit >> 3]! ^= 1 << (bit & 7);
    return whole;
  }

  private deliver(now: number, packet: Packet): void {
    const { counters } = this;
    counters.deliveredPackets++;
    counters.deliveredBytes += packet.length;
    this.receiver.handlePacket(now, packet);
  }

  private rearm(): void {
    const { ring, late } = this;
    const first = ring.firstArrival <= late.firstArrival ? ring.firstArrival : late.firstArrival;
    this.simulator.schedule(this, first + this.properties.coalesceNs);
  }

  /** Stretches or shrinks what has not left yet; times of departure and arrival move together. */
  private changeRate(now: number, nsPerByte: number): void {
    if (this.busyUntil > now) {
      const factor = nsPerByte / this.nsPerByte;
      this.ring.stretch(now, factor);
      this.busyUntil = now + (this.busyUntil - now) * factor;
      this.rearm();
    }
    this.nsPerByte = nsPerByte;
  }

  private dropAll(): void {
    this.counters.droppedDown += this.packetsInside;
    this.ring.clear();
    this.late.clear();
    this.busyUntil = 0;
    this.rearm();
  }
}

/** One end of a link, as a device: what is sent goes out one way, what arrives comes from the other. */
class LinkEnd implements Device {
  readonly capabilities: DeviceCapabilities;
  private readonly out: LinkDirection;
  private readonly incoming: LinkDirection;

  constructor(out: LinkDirection, incoming: LinkDirection, capabilities: DeviceCapabilities) {
    this.out = out;
    this.incoming = incoming;
    this.capabilities = capabilities;
  }

  get isUp(): boolean {
    return this.out.state !== 'down';
  }

  send(now: number, packet: Packet): void {
    this.out.offer(now, packet);
  }

  attach(receiver: PacketReceiver): void {
    this.incoming.attach(receiver);
  }
}

/** How to make a link. */
export interface LinkSetup {
  /** Properties of both directions; what is left out is that of {@link defaultLinkOptions}. */
  readonly both?: Partial<LinkOptions>;
  /** What differs from left to right. */
  readonly forward?: Partial<LinkOptions>;
  /** What differs from right to left. */
  readonly backward?: Partial<LinkOptions>;
  /** Whether the ends take packets without a checksum. Default false. */
  readonly checksumOffload?: boolean;
  /** Largest payload in bytes of the super-segments that the ends take, to cut or to carry them. Default 0. */
  readonly maxOffloadBytes?: number;
}

/** Two directions between two ends; each end is a device. */
export class Link {
  /** From left to right. */
  readonly forward: LinkDirection;
  /** From right to left. */
  readonly backward: LinkDirection;
  readonly left: Device;
  readonly right: Device;

  constructor(simulator: Simulator, setup: LinkSetup = {}) {
    this.forward = new LinkDirection(simulator, { ...defaultLinkOptions, ...setup.both, ...setup.forward });
    this.backward = new LinkDirection(simulator, { ...defaultLinkOptions, ...setup.both, ...setup.backward });
    const offload = {
      checksumOffload: setup.checksumOffload ?? false,
      maxOffloadBytes: setup.maxOffloadBytes ?? 0,
    };
    this.left = new LinkEnd(this.forward, this.backward, { mtu: this.forward.options.mtu, ...offload });
    this.right = new LinkEnd(this.backward, this.forward, { mtu: this.backward.options.mtu, ...offload });
  }

  /** Changes properties of both directions from `now` on. */
  configure(now: number, changes: Partial<LinkOptions>): void {
    this.forward.configure(now, changes);
    this.backward.configure(now, changes);
  }

  /** Brings both directions up or down or makes them black holes. */
  setState(now: number, state: LinkState): void {
    this.forward.setState(now, state);
    this.backward.setState(now, state);
  }
}
