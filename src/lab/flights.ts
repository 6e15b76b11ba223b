/**
 * Packets on their way, for whoever draws them: a device before a link's end that notes each packet it sends, when it will
 * have left the queue and when it will arrive, and what becomes of it. It asks the link's own counters and options, and
 * changes nothing.
 */
import { SECOND } from '../base/index.js';
import type { Device, DeviceCapabilities, LinkDirection, Packet, PacketReceiver } from '../network/index.js';
import { FlightFate, type FlightLog } from './flight-log.js';

/** Payload below which a packet counts as a mere acknowledgment: headers and options alone. */
const HEADERS_BYTES = 120;

/** Where a tap stands. */
export interface FlightPlace {
  readonly path: number;
  /** Whether it sends from the client to the server. */
  readonly isForward: boolean;
}

export class FlightTap implements Device {
  /** The direction that it sends in; whoever makes the link tells it, before anything is sent. */
  direction: LinkDirection | undefined = undefined;
  private readonly inner: Device;
  private readonly place: FlightPlace;
  private readonly log: FlightLog;

  constructor(inner: Device, place: FlightPlace, log: FlightLog) {
    this.inner = inner;
    this.place = place;
    this.log = log;
  }

  get capabilities(): DeviceCapabilities {
    return this.inner.capabilities;
  }

  get isUp(): boolean {
    return this.inner.isUp;
  }

  attach(receiver: PacketReceiver): void {
    this.inner.attach(receiver);
  }

  send(now: number, packet: Packet): void {
    const { path, isForward } = this.place;
    const { direction } = this;
    if (direction === undefined || !this.log.isWanted) return this.inner.send(now, packet);
    const { counters } = direction;
    const full = counters.droppedQueue;
    const lost = counters.droppedLoss;
    const swallowed = counters.droppedBlackhole + counters.droppedDown;
    const { length } = packet;
    this.inner.send(now, packet);
    const fate =
      counters.droppedQueue > full
        ? FlightFate.queueFull
        : counters.droppedLoss > lost
          ? FlightFate.lost
          : counters.droppedBlackhole + counters.droppedDown > swallowed
            ? FlightFate.swallowed
            : FlightFate.arrives;
    const { rateBps, delayNs } = direction.options;
    const leftAt = now + (direction.queueBytes(now) * 8 * SECOND) / rateBps;
    this.log.add(path, isForward, now, leftAt, leftAt + delayNs, fate, length > HEADERS_BYTES);
  }
}
