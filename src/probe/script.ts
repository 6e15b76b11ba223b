/**
 * Scripts: what a probe sends and waits for, told in the order in which it happens. A script is a generator that gives
 * what it waits for and is resumed with the packet that came, or with nothing when the time was up; {@link ScriptRun}
 * drives it and is what the owner of sockets, or of a simulated network, talks to.
 *
 * ```
 * run.begin(now); then after every input, and whenever pollTimeout() has come (handleTimeout):
 *   poll transmissions until there is none
 * until run.isOver
 * ```
 */
import { NEVER, seq32, SubflowError } from '../base/index.js';
import { TcpFlag, type TcpPacket } from '../wire/index.js';
import type { Conversation, SegmentToSend } from './conversation.js';
import type { Flow } from './flow.js';
import type { Heard, HeardSegment } from './heard.js';

/** What a script waits for. */
export interface Wait {
  /** For how long, ns. */
  readonly ns: number;
  /** Whether this is it. */
  readonly isWanted: (heard: Heard) => boolean;
}

export type Script<T> = Generator<Wait, T, Heard | undefined>;

/** Drives one script over one conversation. */
export class ScriptRun<T> {
  readonly conversation: Conversation;
  private readonly script: Script<T>;
  private wait: Wait | undefined;
  private wakeAt = NEVER;
  private endAt = NEVER;
  private outcome: { readonly value: T | undefined } | undefined;

  constructor(conversation: Conversation, script: Script<T>) {
    this.conversation = conversation;
    this.script = script;
  }

  /** Starts. To be called once. */
  begin(now: number): void {
    if (this.endAt !== NEVER) throw new SubflowError('ERR_SUBFLOW_STATE', 'this run has begun');
    this.endAt = now + this.conversation.setup.settings.deadlineNs;
    this.resume(now, undefined);
  }

  /** Takes in an IP packet that came at `now` (ns). Bytes that make no sense change nothing. */
  handlePacket(now: number, bytes: Uint8Array): void {
    if (this.isOver || this.wait === undefined) return;
    const heard = this.conversation.receive(now, bytes);
    if (heard !== undefined && this.wait.isWanted(heard)) this.resume(now, heard);
  }

  /**
   * Ends the run at `now` (ns), wherever it is. Scripts that close what they opened (closing.ts) do so: transmissions are
   * to be polled once more.
   */
  stop(now: number): void {
    if (this.isOver) return;
    this.conversation.now = now;
    this.script.return(undefined as never);
    this.end(undefined);
  }

  /** Does what is due at `now` (ns). */
  handleTimeout(now: number): void {
    if (this.isOver) return;
    if (now >= this.endAt || this.conversation.isSpent) this.stop(now);
    else if (now >= this.wakeAt) this.resume(now, undefined);
  }

  /** When {@link handleTimeout} is wanted, ns; NEVER when the run is over. */
  pollTimeout(): number {
    if (this.isOver) return NEVER;
    return this.conversation.isSpent ? this.conversation.now : Math.min(this.wakeAt, this.endAt);
  }

  /** The next IP packet to be sent; whoever takes it owns it. */
  pollTransmit(): Uint8Array | undefined {
    return this.conversation.pollTransmit();
  }

  get isOver(): boolean {
    return this.outcome !== undefined;
  }

  /** What the script came to; undefined while it goes on, and when its bounds stopped it. */
  get result(): T | undefined {
    return this.outcome?.value;
  }

  private resume(now: number, heard: Heard | undefined): void {
    this.conversation.now = now;
    const step = this.script.next(heard);
    if (step.done === true) {
      this.end(step.value);
      return;
    }
    this.wait = step.value;
    this.wakeAt = now + step.value.ns;
  }

  private end(value: T | undefined): void {
    this.wait = undefined;
    this.wakeAt = NEVER;
    this.outcome = { value };
  }
}

/** Waits for `ns` and heeds nothing meanwhile. */
export function* pause(ns: number): Script<void> {
  yield { ns, isWanted: () => false };
}

/** Waits up to `ns` for a segment of `flow` that `isWanted` says yes to. */
export function* listen(
  flow: Flow,
  ns: number,
  isWanted: (heard: HeardSegment) => boolean,
): Script<HeardSegment | undefined> {
  const heard = yield {
    ns,
    isWanted: (one) => one.kind === 'segment' && one.flow === flow && isWanted(one),
  };
  return heard?.kind === 'segment' ? heard : undefined;
}

/**
 * Sends a segment until an answer comes that `isAnswer` says yes to, or it was sent often enough; then moves the flow on
 * by what the segment took of the sequence.
 */
export function* ask(
  talk: Conversation,
  flow: Flow,
  segment: SegmentToSend,
  isAnswer: (heard: HeardSegment) => boolean,
): Script<HeardSegment | undefined> {
  const { attempts, replyNs } = talk.setup.settings;
  const sequence = segment.seq ?? flow.next;
  flow.next = seq32(sequence + sequenceLength(segment));
  for (let attempt = 0; attempt < attempts; attempt++) {
    talk.send(flow, { ...segment, seq: sequence });
    const heard = yield* listen(flow, replyNs * 2 ** attempt, isAnswer);
    if (heard !== undefined) return heard;
  }
  return undefined;
}

/** What a segment takes of the sequence (RFC 9293 §3.3.1). */
export function sequenceLength({ flags = TcpFlag.ACK, payload }: SegmentToSend): number {
  const controls = (flags & TcpFlag.SYN) !== 0 || (flags & TcpFlag.FIN) !== 0 ? 1 : 0;
  return controls + (payload?.length ?? 0);
}

/** Whether the segment is a RST. */
export function isReset(segment: TcpPacket): boolean {
  return (segment.flags & TcpFlag.RST) !== 0;
}

/** Whether the segment is a SYN+ACK. */
export function isSynAck(segment: TcpPacket): boolean {
  const both = TcpFlag.SYN | TcpFlag.ACK;
  return (segment.flags & (both | TcpFlag.RST)) === both;
}
