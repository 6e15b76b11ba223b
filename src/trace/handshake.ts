/**
 * Reads SYNs and every MPTCP option but the DSS: which connection a stream belongs to, its keys and tokens, the proofs of
 * joins, addresses and signals. Runs for few packets of a capture.
 * Read first: RFC 8684 §3.1 to §3.2, §3.4 to §3.7; RFC 6824 for version 0.
 */
import { uint64, uint64Add } from '../base/index.js';
import { type MpCapable, MpCapableFlag, type MpJoin, parseMptcpOption } from '../wire/index.js';
import { noteAddress, noteRemoval } from './addresses.js';
import { Connection, type HostView } from './connection.js';
import { fallBack } from './fallback.js';
import { FrameList } from './frame-list.js';
import { newJoin } from './join-handshake.js';
import { type KnownKey, KnownKeys } from './known-keys.js';
import { type MptcpOptionName, mptcpOptionNames } from './report.js';
import type { Segment } from './segment.js';
import type { TraceSettings } from './settings.js';
import { noteSignal } from './signals.js';
import type { Stream } from './stream.js';
import type { Vantage } from './vantage.js';

const SYN = 2;
const RST = 4;
const ACK = 16;

/** Place of each name in the counts. */
const placeOf = new Map<MptcpOptionName, number>(mptcpOptionNames.map((name, index) => [name, index]));
export const DSS_PLACE = placeOf.get('DSS')!;

/** The packet that is being read. */
export interface PacketContext {
  readonly packet: number;
  readonly atNs: number;
  readonly isFromOpener: boolean;
}

export class Handshakes {
  /** Occurrences of each option, by its place among the names. */
  readonly counts = new Float64Array(mptcpOptionNames.length);
  malformed = 0;
  readonly malformedFrames = new FrameList();
  /** Things forgotten, by limit. */
  readonly forgotten = { connections: 0, subflows: 0, signals: 0, addresses: 0 };
  /** Numbers of connections of Multipath TCP, and of plain TCP apart from them: see {@link finalNumber}. */
  private multipath = 0;
  private plain = 0;
  readonly keys: KnownKeys;
  private readonly settings: TraceSettings;

  /** @throws SubflowError `ERR_SUBFLOW_BAD_KEY` */
  constructor(settings: TraceSettings) {
    this.settings = settings;
    this.keys = new KnownKeys(settings.keys);
  }

  /** A key that the user gave turns out to be that of `host`. */
  learn(vantage: Vantage, connection: Connection, host: HostView, known: KnownKey): void {
    connection.version ??= known.version;
    if (connection.learnKey(host, known.key, known.version)) this.register(vantage, connection, host);
  }

  /** Makes a connection whose first subflow is `stream`; undefined when there are too many. */
  begin(vantage: Vantage, stream: Stream, isMultipath = true): Connection | undefined {
    const { limits, intervalNs } = this.settings;
    if (this.multipath + this.plain >= limits.maxConnections) {
      this.forgotten.connections++;
      return undefined;
    }
    const id = isMultipath ? this.multipath++ : -++this.plain;
    const connection = new Connection(id, vantage.index, limits, intervalNs);
    connection.isClientCertain = stream.isOpenerCertain;
    vantage.connections.add(connection);
    connection.attach(stream, 'handshake', true);
    return connection;
  }

  /** A connection that was taken for plain TCP turns out to be of Multipath TCP. */
  makeMultipath(connection: Connection): void {
    if (!connection.isMultipath) connection.id = this.multipath++;
  }

  /**
   * The number of a connection in the report. Plain TCP comes behind Multipath TCP, so that these have the same numbers
   * whether plain TCP is reported or not; how many there are is known at the end only.
   */
  finalNumber(id: number): number {
    return id < 0 ? this.multipath - 1 - id : id;
  }

  /** Makes a stream a subflow of a connection that is known; false when that has too many. */
  join(
    connection: Connection,
    stream: Stream,
    by: 'token' | 'data-sequence',
    isOpenerClient: boolean,
  ): boolean {
    if (connection.subflows.length >= this.settings.limits.maxSubflows) {
      this.forgotten.subflows++;
      return false;
    }
    connection.attach(stream, by, isOpenerClient);
    return true;
  }

  /** Enters the tokens that are known of a connection, and gives it the joins that waited. */
  register(vantage: Vantage, connection: Connection, host: HostView): void {
    if (host.token === undefined) return;
    const isServer = host === connection.server;
    if (host.initialDataSeq !== undefined) vantage.noteDataSeq(host.initialDataSeq.hi | 0, connection);
    for (const stream of vantage.tokens.add(host.token, connection, isServer)) {
      if (stream.connection === undefined) this.join(connection, stream, 'token', isServer);
    }
  }

  /** Reads the SYN, or the options, of a segment. */
  read(vantage: Vantage, stream: Stream, segment: Segment, context: PacketContext): void {
    const { flags } = segment;
    if (segment.malformedCount > 0) this.noteMalformed(segment, segment.malformedCount);
    if ((flags & (SYN | ACK)) === SYN && stream.connection !== undefined && stream.subflow === 0) {
      stream.connection.isSynBare = (segment.optionBits & 1) === 0;
    }
    for (let i = 0; i < segment.mptcpCount; i++) {
      this.readOption(vantage, stream, segment, segment.mptcpOffsets[i]!, segment.mptcpLengths[i]!, context);
    }
  }

  private noteMalformed(segment: Segment, count: number): void {
    this.malformed += count;
    this.malformedFrames.add(segment.packet);
  }

  private readOption(
    vantage: Vantage,
    stream: Stream,
    segment: Segment,
    offset: number,
    length: number,
    context: PacketContext,
  ): void {
    const result = parseMptcpOption(segment.bytes, offset, length);
    if (!result.ok) {
      this.noteMalformed(segment, 1);
      return;
    }
    const option = result.value;
    this.counts[placeOf.get(option.subtype)!]!++;
    switch (option.subtype) {
      case 'MP_CAPABLE':
        this.capable(vantage, stream, segment, option, context);
        return;
      case 'MP_JOIN':
        this.joining(vantage, stream, option, context);
        return;
      case 'DSS':
        return;
      case 'ADD_ADDR':
        if (stream.connection !== undefined) {
          this.forgotten.addresses += noteAddress(stream.connection, stream, option, context);
        }
        return;
      case 'REMOVE_ADDR':
        if (stream.connection !== undefined) noteRemoval(stream.connection, stream, option, context);
        break;
      case 'MP_FAIL':
        // On a reset it ends the subflow only (RFC 8684 §3.7).
        if (stream.connection !== undefined && (segment.flags & RST) === 0) {
          fallBack(stream.connection, 'checksum', context.packet);
        }
        break;
      case 'MP_FASTCLOSE':
        if (stream.connection !== undefined) stream.connection.hasFastClose = true;
        break;
      case 'MP_PRIO':
        setBackup(stream, option.backup, option.addressId, context);
        break;
      case 'MP_TCPRST':
      case 'MP_EXPERIMENTAL':
      case 'UNKNOWN':
        break;
    }
    if (stream.connection !== undefined) {
      this.forgotten.signals += noteSignal(stream.connection, stream, option, context);
    }
  }

  private capable(
    vantage: Vantage,
    stream: Stream,
    segment: Segment,
    option: MpCapable,
    context: PacketContext,
  ): void {
    const kind = segment.flags & (SYN | ACK);
    // Outside a SYN, only what has both keys makes sense: the client sent it (RFC 8684 §3.1).
    if ((kind & SYN) === 0 && (option.senderKey === undefined || option.receiverKey === undefined)) return;
    if (stream.connection === undefined) {
      if (stream.join !== undefined) return;
      const connection = this.begin(vantage, stream);
      if (connection === undefined) return;
      if ((kind & SYN) === 0) {
        stream.isOpenerClient = context.isFromOpener;
        connection.isClientCertain = true;
      }
    }
    const connection = stream.connection!;
    if (stream.subflow !== 0) return;
    this.makeMultipath(connection);
    const isFromClient = context.isFromOpener === stream.isOpenerClient;
    if (kind === SYN) {
      connection.wasOffered = true;
      connection.isSynBare = false;
      connection.synVersion = option.version;
    } else if (kind === (SYN | ACK)) {
      connection.synAckVersion = option.version;
    }
    if ((kind & SYN) === 0 && !isFromClient) return;
    this.agree(vantage, connection, option, isFromClient, kind);
    if (option.dataLength !== undefined && option.dataLength > 0) {
      mapFirstData(connection, stream, segment, option, context.isFromOpener);
    }
  }

  /** Takes in version, flags and keys of an MP_CAPABLE. */
  private agree(
    vantage: Vantage,
    connection: Connection,
    option: MpCapable,
    isFromClient: boolean,
    kind: number,
  ): void {
    if (option.version > 1) return;
    const version = option.version === 0 ? 0 : 1;
    if (connection.version !== undefined && connection.version !== version) {
      connection.forgetKeys(connection.client);
      connection.forgetKeys(connection.server);
    }
    connection.version = version;
    const own = isFromClient ? connection.client : connection.server;
    const other = isFromClient ? connection.server : connection.client;
    own.capableFlags = option.flags;
    if (kind !== SYN) {
      // Either host may demand checksums (RFC 8684 §3.1).
      const flags = Math.max(0, connection.client.capableFlags) | Math.max(0, connection.server.capableFlags);
      connection.checksum = (flags & MpCapableFlag.CHECKSUM) !== 0;
    }
    if (option.senderKey !== undefined && connection.learnKey(own, uint64(option.senderKey), version)) {
      this.register(vantage, connection, own);
    }
    if (option.receiverKey !== undefined && connection.learnKey(other, uint64(option.receiverKey), version)) {
      this.register(vantage, connection, other);
    }
  }

  private joining(vantage: Vantage, stream: Stream, option: MpJoin, context: PacketContext): void {
    // A connection's first subflow does not join.
    if (stream.connection !== undefined && stream.join === undefined && stream.subflow === 0) return;
    const join = (stream.join ??= newJoin());
    if (option.phase === 'ack') {
      if (context.isFromOpener) join.openerProof = option.hmac;
      return;
    }
    if (option.phase === 'synack') {
      if (context.isFromOpener) return;
      join.otherProof = option.hmac;
      join.otherNonce = option.nonce;
      join.otherId = option.addressId;
      stream.backup ||= option.backup;
      return;
    }
    if (!context.isFromOpener) return;
    join.openerNonce = option.nonce;
    join.openerId = option.addressId;
    stream.backup = option.backup;
    if (join.token === option.token) return;
    join.token = option.token;
    if (stream.connection !== undefined) return;
    const owner = vantage.tokens.find(option.token, stream);
    if (owner === undefined) vantage.tokens.wait(option.token, stream);
    else this.join(owner.connection, stream, 'token', owner.isServer);
  }
}

/** MP_CAPABLE with a data length maps the payload that it comes with, the first of the connection (RFC 8684 §3.1). */
function mapFirstData(
  connection: Connection,
  stream: Stream,
  segment: Segment,
  { dataLength = 0, checksum }: MpCapable,
  isFromOpener: boolean,
): void {
  const direction = isFromOpener ? stream.fromOpener! : stream.fromOther!;
  const { mappings, verifier } = direction;
  if (mappings.count > 0) return;
  const initial = isFromOpener ? stream.openerInitial : stream.otherInitial;
  const start = (segment.seq - initial) | 0;
  mappings.set(start, dataLength, 1);
  const data = connection.clientData;
  data.mappings++;
  const { initialDataSeq } = connection.client;
  if (checksum === undefined || initialDataSeq === undefined) return;
  const first = uint64Add(initialDataSeq, 1);
  const subflowSeq = start - mappings.shift;
  verifier.begin(start, dataLength, first.hi, first.lo, subflowSeq, dataLength, checksum);
}

/** MP_PRIO sets the priority of the subflow that carries it, or in version 0 of an address (RFC 6824 §3.3.8). */
function setBackup(
  stream: Stream,
  backup: boolean,
  addressId: number | undefined,
  context: PacketContext,
): void {
  const { connection } = stream;
  if (addressId === undefined || connection === undefined) {
    stream.backup = backup;
    return;
  }
  for (const other of connection.subflows) {
    const isSenderOpener = (context.isFromOpener === stream.isOpenerClient) === other.isOpenerClient;
    const id = other.subflow === 0 ? 0 : isSenderOpener ? other.join?.openerId : other.join?.otherId;
    if (id === addressId) other.backup = backup;
  }
}
