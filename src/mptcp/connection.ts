/**
 * One Multipath TCP connection, or one plain TCP connection with the same face; client or server. This module is the
 * face: it checks what the owner asks for, lets the modules around it do it, and polls them.
 * Read first: RFC 8684 §2.
 */
import { SubflowError, assert, seq32 } from '../base/index.js';
import type { Seq32 } from '../base/index.js';
import { TcpConnection, Verdict } from '../tcp/index.js';
import type { OutgoingSegment, TcpEvent, TcpParameters } from '../tcp/index.js';
import type { Endpoint, IpAddress, MptcpVersion, TcpSegment } from '../wire/index.js';
import { isSameEndpoint } from '../wire/index.js';
import { sendRemovals, withdraw } from './address-removal.js';
import { announce } from './addresses.js';
import { begin, prepare } from './begin.js';
import type { AcceptOptions, ConnectOptions } from './begin.js';
import { abort, checkFinished } from './close.js';
import { coupled } from './congestion.js';
import { ConnectionCore } from './core.js';
import type { ConnectionEvent, FallbackCause } from './events.js';
import { sendExperiment } from './experiment.js';
import type { ExperimentContent } from './experiment.js';
import { acknowledgeStream } from './fallback.js';
import type { FastOpenStatus } from './fast-open.js';
import { fastCloseAt } from './fast-close.js';
import { fastOpenOf, receiveSynData, settleSynData } from './fast-open.js';
import { isTooEarly, readSyn, versionFor } from './handshake-capable.js';
import { acceptSubflow, isBeforeProof, joinSubflow, judgeJoin, resetJoins } from './handshake-join.js';
import type { JoinRefusal, JoinRequest } from './handshake-join.js';
import { readOptions } from './options-in.js';
import { writeOptions } from './options-out.js';
import { noteUse } from './metering.js';
import type { LocalAddress, RemoteAddress } from './path-manager/path-manager.js';
import { refusePair, remoteAddressesOf, runPathManager, setLocalAddresses, takePair } from './paths.js';
import { setPriority } from './priority.js';
import { receiveBytes } from './receive-subflow.js';
import { pushData } from './send-push.js';
import type { DataRecord } from './send-record.js';
import type { MptcpSettings } from './settings.js';
import type { ConnectionStatistics } from './statistics.js';
import type { FlowTuple, Subflow } from './subflow.js';
import { closeSubflow } from './subflow-end.js';
import { handleTcpEvent, handleTcpEvents, openInitial } from './tcp-events.js';
import { checkGrace, handleTimers, nextTimerAt } from './timers.js';

/**
 * One connection. Input goes in through `handle...`, `write`, `read` and the like. After each the owner polls events, then
 * segments, then events again (sending the last segment of a subflow releases it), until there is no more, and last
 * `pollTimeout`, which says when to call `handleTimeout` at the latest. Polling at any other time is harmless.
 */
export class Connection {
  private readonly core: ConnectionCore;

  private constructor(core: ConnectionCore) {
    this.core = core;
  }

  /** Opens a connection: the first poll gives the SYN. The settings must have passed {@link checkMptcpSettings}. */
  static connect(now: number, options: ConnectOptions): Connection {
    const { settings, random, parameters, tuple, version = settings.versions[0]! } = options;
    const core = new ConnectionCore(settings, version, random, true, tuple);
    core.fastOpen = fastOpenOf(options.fastOpen);
    begin(
      core,
      TcpConnection.connect<DataRecord>(now, coupled(core, parameters), options.fastOpen),
      parameters,
      settings.enabled,
      options.key,
    );
    return new Connection(core);
  }

  /** Answers a `syn` that carries no MP_JOIN: the first poll gives the SYN+ACK. For the settings see `connect`. */
  static accept(now: number, options: AcceptOptions, syn: TcpSegment, tuple: FlowTuple): Connection {
    const { settings, random, parameters } = options;
    const version = versionFor(settings, syn);
    const core = new ConnectionCore(settings, version ?? settings.versions[0]!, random, false, tuple);
    const tcp = TcpConnection.accept<DataRecord>(now, coupled(core, parameters), syn, options.fastOpen);
    const subflow = begin(core, tcp, parameters, version !== undefined, options.key);
    if (version !== undefined) readSyn(core, syn);
    subflow.peerInitialSeq = seq32(syn.seq);
    const connection = new Connection(core);
    if (options.fastOpen?.isAccepted === true) {
      core.answersEarly = options.answersEarly ?? false;
      receiveSynData(core, subflow, options.fastOpen);
      openInitial(core, now, subflow);
      connection.settle(now);
    }
    return connection;
  }

  /** Subflows in the order they were opened, until they are released. */
  get subflows(): readonly Subflow[] {
    return this.core.subflows;
  }

  /** Token by which the peer joins; undefined in plain TCP. */
  get localToken(): number | undefined {
    return this.core.isFallback ? undefined : this.core.localKeys?.token;
  }

  /** Token by which this side joins; undefined before the peer's key is known and in plain TCP. */
  get remoteToken(): number | undefined {
    return this.core.isFallback ? undefined : this.core.remoteKeys?.token;
  }

  /** Whether it is plain TCP, from the start or by now. */
  get isFallback(): boolean {
    return this.core.isFallback;
  }

  /** Version of Multipath TCP spoken (asked for, while the peer has not answered); undefined in plain TCP. */
  get version(): MptcpVersion | undefined {
    return this.core.isFallback ? undefined : this.core.rules.number;
  }

  /** Why it is plain TCP; undefined while it is not. */
  get fallbackCause(): FallbackCause | undefined {
    return this.core.fallbackCause;
  }

  /** Whether the peer is known to speak Multipath TCP: subflows may be opened and addresses announced. */
  get isConfirmed(): boolean {
    return this.core.isConfirmed && !this.core.isFallback;
  }

  /** What it was made with. */
  get settings(): MptcpSettings {
    return this.core.settings;
  }

  /** Name of its scheduler. */
  get schedulerName(): string {
    return this.core.scheduler.name;
  }

  /** Name of its path manager; undefined until the owner told its addresses, and in plain TCP. */
  get pathManagerName(): string | undefined {
    return this.core.isFallback ? undefined : this.core.paths?.manager.name;
  }

  /** Addresses of the peer that subflows may be opened to. */
  get remoteAddresses(): readonly RemoteAddress[] {
    return this.core.isFallback ? [] : remoteAddressesOf(this.core);
  }

  /** How Fast Open went so far, a view that stays current; undefined without it. */
  get fastOpen(): FastOpenStatus | undefined {
    return this.core.fastOpen;
  }

  /** Whether every subflow is over, TIME-WAIT included: the owner may forget the connection. */
  get isReleasable(): boolean {
    return this.core.phase === 'closed' && this.core.subflows.length === 0;
  }

  /** Whether it was ended at once by an ACK with MP_FASTCLOSE that the peer has not answered: it is repeated, for a while. */
  get isClosingFast(): boolean {
    return fastCloseAt(this.core) !== Number.POSITIVE_INFINITY;
  }

  /** Bytes written and not acknowledged at the data level. */
  get bufferedSendBytes(): number {
    return this.core.sender.queue.length;
  }

  /** Bytes that `read` would give now. */
  get readableBytes(): number {
    return this.core.receiver.readableBytes;
  }

  /** Counters: a view that stays current. */
  get statistics(): ConnectionStatistics {
    return this.core.counters;
  }

  // Subflows

  /**
   * Takes a SYN with MP_JOIN whose token is this connection's. Gives the new subflow, which answers by itself, or why
   * the owner is to answer with a RST.
   */
  acceptJoin(
    now: number,
    syn: TcpSegment,
    tuple: FlowTuple,
    parameters: TcpParameters,
  ): Subflow | JoinRefusal {
    const { core } = this;
    const judgement = judgeJoin(core, now, syn, tuple);
    if ('refused' in judgement) return judgement;
    // An older join may have made room.
    if (core.isUnsettled) this.settle(now);
    const subflow = acceptSubflow(core, now, judgement, syn, tuple, parameters);
    prepare(core, subflow, parameters);
    return subflow;
  }

  /**
   * Opens a subflow that a `subflow-wanted` event asked for, or one of the owner's own wish. Undefined when the state,
   * a limit or the peer (RFC 8684 §3.1, flag C) forbids it.
   */
  openSubflow(now: number, request: JoinRequest): Subflow | undefined {
    const { core } = this;
    if (!core.mayJoin || core.isFallback || core.phase !== 'open') return undefined;
    if (core.countSubflows() >= core.settings.maxSubflows) return undefined;
    if (core.peerForbidsInitial && isSameEndpoint(request.remote, core.tuple.remote)) return undefined;
    takePair(core, request.local.address, request.remote);
    const subflow = joinSubflow(core, now, request);
    prepare(core, subflow, request.parameters);
    return subflow;
  }

  /** Says that the owner cannot open the subflow it was asked for: the pair of addresses rests for a while. */
  refuseSubflow(now: number, local: IpAddress, remote: Endpoint): void {
    refusePair(this.core, now, local, remote);
  }

  /**
   * Closes one subflow: what it has not delivered goes over the others. Its pair of addresses is not tried again unless
   * the owner opens a subflow on it, or one of the addresses comes anew.
   */
  closeSubflow(now: number, subflow: Subflow): void {
    if (this.core.isFallback) return;
    subflow.isUnwanted = true;
    closeSubflow(this.core, now, subflow);
    this.settle(now);
  }

  /** Makes `subflow` a backup or a regular one, and tells the peer (MP_PRIO). */
  setBackup(now: number, subflow: Subflow, backup: boolean): void {
    setPriority(this.core, now, subflow, backup);
  }

  /**
   * Sends an option for private use (MP_EXPERIMENTAL) on `subflow`, unreliably. False when it cannot carry it now; throws
   * `ERR_SUBFLOW_BAD_OPTION` when it is too long.
   */
  sendExperiment(now: number, subflow: Subflow, content: ExperimentContent): boolean {
    return sendExperiment(this.core, now, subflow, content);
  }

  /**
   * Announces an address (ADD_ADDR); port 0 announces none. One that was announced under the same ID may be announced
   * again, also with another port. False when the limits or the state forbid it, or the ID is another address's.
   */
  announceAddress(now: number, endpoint: Endpoint, id: number): boolean {
    return announce(this.core, now, endpoint, id);
  }

  /**
   * Withdraws an address (REMOVE_ADDR) and closes the subflows that use it. Throws `ERR_SUBFLOW_BAD_ADDRESS_ID` for an
   * `id` that is not 0 to 255.
   */
  withdrawAddress(now: number, id: number): void {
    withdraw(this.core, id);
    if (this.core.isFallback) return;
    for (const subflow of this.core.subflows) {
      if (subflow.localId === id) closeSubflow(this.core, now, subflow);
    }
    this.settle(now);
  }

  /**
   * Says which addresses this host has now. The path manager is first asked after this; until then the connection
   * opens and announces nothing by itself.
   */
  setLocalAddresses(now: number, addresses: readonly LocalAddress[]): void {
    setLocalAddresses(this.core, addresses);
    this.settle(now);
  }

  // Input

  /** Takes a segment of `subflow`, its checksum verified. */
  handleSegment(now: number, subflow: Subflow, segment: TcpSegment): void {
    const { core } = this;
    if (!core.isFallback && !subflow.isConfirmed && mustWait(core, subflow, segment)) return;
    const verdict = subflow.tcp.handleSegment(now, segment);
    if (core.fastOpen !== undefined && core.isClient && subflow.isInitial)
      settleSynData(core, subflow, segment);
    if ((verdict & (Verdict.ACKED | Verdict.ROOM | Verdict.WINDOW)) !== 0) core.maySchedule = true;
    if ((verdict & Verdict.ACKED) !== 0) subflow.timeouts = 0;
    if (subflow.isSuspect && (verdict & Verdict.ACCEPTED) !== 0) subflow.isSuspect = false;
    if (!core.isFallback && (verdict & Verdict.ACCEPTED) !== 0)
      readOptions(core, now, subflow, segment, verdict);
    if (core.isFallback) acknowledgeStream(core, now, subflow);
    if ((verdict & Verdict.PAYLOAD) !== 0) receiveBytes(core, now, subflow);
    if (subflow.meter !== undefined) noteUse(core, subflow, segment.payloadLength);
    const event = subflow.tcp.pollEvent();
    if (event === undefined && isPlainSailing(core)) tellStream(core);
    else this.settle(now, subflow, event);
  }

  /** Takes "packet too big" for a packet of `subflow`; see `TcpConnection.handlePathMtu`. */
  handlePathMtu(now: number, subflow: Subflow, pathMtuBytes: number, quotedSeq: Seq32): void {
    subflow.tcp.handlePathMtu(now, pathMtuBytes, quotedSeq);
    this.settle(now);
  }

  /** Takes "destination unreachable" for a packet of `subflow`; see `TcpConnection.handleUnreachable`. */
  handleUnreachable(now: number, subflow: Subflow, hard: boolean, quotedSeq: Seq32): void {
    subflow.tcp.handleUnreachable(now, hard, quotedSeq);
    this.settle(now);
  }

  /** Does what is due at `now`; harmless when nothing is. */
  handleTimeout(now: number): void {
    handleTimers(this.core, now);
    this.core.maySchedule = true;
    this.settle(now);
  }

  // Output

  /** Fills `out` with the next segment and says on which subflow it leaves; undefined when there is none now. */
  pollTransmit(now: number, out: OutgoingSegment<DataRecord>): Subflow | undefined {
    const { core } = this;
    const { subflows } = core;
    pushData(core, now);
    if (core.hasWindowMoved) tellWindow(core);
    // Subflows take turns: each is drained of what its windows allow before the next one's.
    for (let i = 0; i < subflows.length; i++) {
      if (core.nextTurn >= subflows.length) core.nextTurn = 0;
      const subflow = subflows[core.nextTurn]!;
      if (subflow.tcp.pollSegment(now, out)) {
        writeOptions(core, now, subflow, out);
        if (subflow.meter !== undefined && out.isRetransmission) noteUse(core, subflow, out.payloadLength);
        if (core.isUnsettled) this.settle(now);
        return subflow;
      }
      core.nextTurn++;
    }
    release(core);
    return undefined;
  }

  /** When `handleTimeout` is due, in ns; `NEVER` when no timer runs. */
  pollTimeout(): number {
    return nextTimerAt(this.core);
  }

  /** The next event, oldest first. */
  pollEvent(): ConnectionEvent | undefined {
    return this.core.nextEvent();
  }

  // Stream

  /**
   * Queues `bytes`, which belong to the connection from then on: they must not be written to again. All are taken;
   * false asks the caller to wait for `writable`. Throws `ERR_SUBFLOW_STATE` after `shutdown`, and when closed.
   */
  write(now: number, bytes: Uint8Array): boolean {
    const { core } = this;
    if (core.sender.isEnded || core.phase === 'closed') {
      throw new SubflowError('ERR_SUBFLOW_STATE', 'this direction of the connection is closed');
    }
    if (bytes.length > 0 && core.sender.una === core.sender.nxt) core.dataProgressAt = now;
    core.sender.queue.append(bytes);
    core.maySchedule = true;
    const hasRoom = core.sender.queue.length < core.settings.sendBufferBytes;
    if (!hasRoom) core.wantsWritable = true;
    return hasRoom;
  }

  /** The next bytes in order, a view without copy, at most `maxBytes`; undefined when there are none now. Opens the window. */
  read(_now: number, maxBytes = Number.POSITIVE_INFINITY): Uint8Array | undefined {
    const { core } = this;
    const bytes = core.receiver.read(maxBytes);
    if (core.receiver.readableBytes === 0) core.toldReadable = false;
    core.hasWindowMoved = true;
    return bytes;
  }

  /** Ends this direction after what was written: DATA_FIN, or FIN in plain TCP. */
  shutdown(_now: number): void {
    const { core } = this;
    core.sender.isEnded = true;
    core.wantsWritable = false;
    core.maySchedule = true;
  }

  /**
   * Takes over what was written to `other`, and its end, in place of that connection: one that sent nothing but SYNs and is
   * of no more use. See the stack's establishment over several paths.
   */
  takeOver(now: number, other: Connection): void {
    const { sender } = other.core;
    assert(sender.nxt === 1 && !sender.isFinSent, 'what is taken over was not sent before');
    for (let piece = sender.queue.shift(); piece !== undefined; piece = sender.queue.shift()) {
      this.write(now, piece);
    }
    sender.nxt = sender.queue.head;
    if (sender.isEnded) this.shutdown(now);
  }

  /** Ends both directions in order: `shutdown`, and what the peer still sends is discarded. */
  close(now: number): void {
    const { core } = this;
    if (core.phase === 'handshake') {
      abort(core, now);
      this.settle(now);
      return;
    }
    this.shutdown(now);
    core.receiver.discard();
    if (core.phase === 'open')
      core.closeDeadline = Math.min(core.closeDeadline, now + core.settings.closeTimeoutNs);
  }

  /** Ends the connection at once: MP_FASTCLOSE, or RST in plain TCP. */
  abort(now: number): void {
    abort(this.core, now);
    this.settle(now);
  }

  /**
   * After an input: deals with what it led to, until nothing more follows. `first` is an event of `subflow` that was
   * polled already.
   */
  private settle(now: number, subflow?: Subflow, first?: TcpEvent): void {
    const { core } = this;
    tellStream(core);
    if (subflow !== undefined && first !== undefined) handleTcpEvent(core, now, subflow, first);
    do {
      core.isUnsettled = false;
      if (core.isFallback && core.subflows.length > 1) resetJoins(core, now);
      for (let i = 0; i < core.subflows.length; i++) handleTcpEvents(core, now, core.subflows[i]!);
      checkFinished(core, now);
      if (core.pathEvents !== undefined) runPathManager(core, now);
      checkGrace(core, now);
    } while (core.isUnsettled);
    // Only now is it known which subflows are left to carry them.
    if (core.addresses !== undefined) sendRemovals(core, now);
  }
}

/** Whether a handshake has to go on before `segment` may be looked at: it will be sent again. */
function mustWait(core: ConnectionCore, subflow: Subflow, segment: TcpSegment): boolean {
  return subflow.isInitial ? isTooEarly(core, subflow, segment) : isBeforeProof(core, subflow, segment);
}

/** Tells the owner that there is something to read, or room to write again; each once until it has done so. */
function tellStream(core: ConnectionCore): void {
  if (!core.toldReadable && core.receiver.readableBytes > 0) {
    core.toldReadable = true;
    core.tell(readable);
  }
  if (core.wantsWritable && core.sender.queue.length <= core.settings.sendBufferBytes / 2) {
    core.wantsWritable = false;
    core.tell(writable);
  }
}

const readable = { type: 'readable' } as const;
const writable = { type: 'writable' } as const;

/** Tells every subflow how large the window that they share is now. */
function tellWindow(core: ConnectionCore): void {
  const { windowBytes } = core.receiver;
  for (let i = 0; i < core.subflows.length; i++) {
    const subflow = core.subflows[i]!;
    // A SYN says what its TCP was made with; a handshake that is not through has nobody to tell.
    if (subflow.state !== 'opening') subflow.tcp.setReceiveWindow(windowBytes);
  }
  core.hasWindowMoved = false;
}

/**
 * Whether nothing but data moved with an input, so that most of what may follow one cannot. Ends of streams and
 * connections without subflows are watched at every step.
 */
function isPlainSailing(core: ConnectionCore): boolean {
  return (
    !core.isUnsettled &&
    !core.sender.isFinSent &&
    core.receiver.finAt === Number.POSITIVE_INFINITY &&
    core.graceDeadline === Number.POSITIVE_INFINITY
  );
}

/** Lets go of subflows that are over and have nothing left to send. */
function release(core: ConnectionCore): void {
  for (let i = core.subflows.length - 1; i >= 0; i--) {
    const subflow = core.subflows[i]!;
    if (subflow.tcp.state !== 'closed' || !subflow.wasClosed) continue;
    core.subflows.splice(i, 1);
    core.tell({ type: 'subflow-released', subflow });
  }
}
