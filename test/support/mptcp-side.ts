/** For tests of src/mptcp: one of the two hosts, its addresses, and the stream that it sends. */
import type {
  Connection,
  ConnectionEvent,
  LocalAddress,
  MptcpSettings,
  Subflow,
} from '../../src/mptcp/index.js';
import { IpAddress } from '../../src/wire/index.js';
import type { Role } from './mptcp-packets.js';

/** The address of `role` on path number `index`. */
export function addressOn(role: Role, index: number): IpAddress {
  return IpAddress.parse(`10.0.${index}.${role === 'client' ? 1 : 2}`)!;
}

/** An address as the path manager is told of it. */
export function localAddress(role: Role, index: number, overrides: Partial<LocalAddress> = {}): LocalAddress {
  const address = addressOn(role, index);
  const base = { id: index + 1, subflow: true, signal: role === 'server', port: 0, backup: false };
  return { address, ...base, ...overrides };
}

/** Byte number `offset` of the test stream that `role` sends. */
export function streamByte(role: Role, offset: number): number {
  return (offset * 31 + (offset >>> 8) * 7 + (role === 'client' ? 0 : 101)) & 0xff;
}

/** One of the two hosts. */
export class Side {
  readonly role: Role;
  readonly settings: MptcpSettings;
  connection: Connection | undefined = undefined;
  readonly events: ConnectionEvent[] = [];
  /** Bytes of the stream received, checked one by one. */
  received = 0;
  /** Bytes of the stream written. */
  written = 0;
  /** Bytes that the test wants written in all; the rest follows as the connection has room. */
  toWrite = 0;
  /** Whether the stream ends after `toWrite`. */
  endsAfterWriting = false;
  /** Whether it reads whatever comes. */
  isReading = true;
  /** First byte received that was not the expected one; -1 when all were right. */
  wrongAt = -1;
  /** Whether the server takes connections. */
  isListening = true;
  /** Whether it opens the subflows it is asked for. */
  opensSubflows = true;
  nextPort = 40_000;

  constructor(role: Role, settings: MptcpSettings) {
    this.role = role;
    this.settings = settings;
  }

  /** The connection, which must be there. */
  get open(): Connection {
    if (this.connection === undefined) throw new Error(`the ${this.role} has no connection`);
    return this.connection;
  }

  /** The events of one type. */
  of<T extends ConnectionEvent['type']>(type: T): Extract<ConnectionEvent, { type: T }>[] {
    return this.events.filter((event): event is Extract<ConnectionEvent, { type: T }> => event.type === type);
  }

  /** The subflow whose local address is on path `index`. */
  subflowOn(index: number): Subflow | undefined {
    const address = addressOn(this.role, index);
    return this.open.subflows.find((subflow) => subflow.local.address.equals(address));
  }
}
