/** One subflow's place in the flow table. */
import type { Connection, Subflow } from '../mptcp/index.js';
import type { IpAddress } from '../wire/index.js';
import { packPorts, type FlowNode } from './flow-table.js';
import type { Socket } from './socket.js';

/** What a connection fills with its next segment. */
export type ConnectionSegment = Parameters<Connection['pollTransmit']>[1];

export class Flow implements FlowNode {
  readonly local: IpAddress;
  readonly remote: IpAddress;
  readonly ports: number;
  flowHash = 0;
  flowNext: FlowNode | undefined = undefined;
  /** Whose connection the subflow is of; changes hands with a connection that won or lost an establishment race. */
  socket: Socket;
  readonly subflow: Subflow;
  /** Interface that the peer's SYN came in by: answers leave by it. -1 for a subflow that this host began. */
  readonly arrivedOn: number;

  constructor(socket: Socket, subflow: Subflow, arrivedOn: number) {
    this.local = subflow.local.address;
    this.remote = subflow.remote.address;
    this.ports = packPorts(subflow.local.port, subflow.remote.port);
    this.socket = socket;
    this.subflow = subflow;
    this.arrivedOn = arrivedOn;
  }
}
