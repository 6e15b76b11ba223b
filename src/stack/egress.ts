/** Packets out: replies first, then what connections have to send, one packet each in turn. */
import { OutgoingSegment } from '../tcp/index.js';
import { Flow, type ConnectionSegment } from './flow.js';
import type { Host } from './host.js';
import type { Socket } from './socket.js';
import type { TransmitBuffer } from './transmit-buffer.js';

export class Egress {
  private readonly host: Host;
  /** Used again for every packet. */
  private readonly segment: ConnectionSegment = new OutgoingSegment();

  constructor(host: Host) {
    this.host = host;
  }

  /** See `Stack.pollTransmit`. */
  pollTransmit(now: number, out: TransmitBuffer): boolean {
    const { host } = this;
    if (!host.replies.isEmpty && host.replies.take(out)) return this.count(out);
    const { ready } = host;
    for (let socket = ready.at(0); socket !== undefined; socket = ready.at(0)) {
      const subflow = socket.isRetired ? undefined : socket.connection.pollTransmit(now, this.segment);
      ready.shift();
      if (subflow === undefined) {
        socket.isReady = false;
        if (!socket.isRetired) host.settle(now, socket);
        continue;
      }
      ready.push(socket);
      if (subflow.owner instanceof Flow && this.write(socket, subflow.owner, out)) return this.count(out);
    }
    return false;
  }

  /** Writes the polled segment; false when no interface in service owns its source address. */
  private write(socket: Socket, flow: Flow, out: TransmitBuffer): boolean {
    const { host } = this;
    const device = host.interfaces.answerFrom(flow.local, flow.arrivedOn);
    if (device === undefined || !device.up) {
      host.counters.unroutable++;
      return false;
    }
    const mayFragment = !(socket.settings.tcp ?? host.settings.tcp).pathMtuDiscovery;
    host.writer.write(out, device, flow.local, flow.remote, flow.ports, this.segment, mayFragment);
    if (device.link.facts.isMetered) device.meteredBytes += out.length;
    return true;
  }

  private count(out: TransmitBuffer): true {
    this.host.counters.packetsSent++;
    this.host.counters.bytesSent += out.length;
    return true;
  }
}
