/**
 * Carries a script out against a host under test. The runner is the peer and the application; it says at which line
 * of which file the host did something else, and what that was.
 */
import { TcpFlag } from '../../../src/wire/index.js';
import { buildIcmp, buildPacket } from './build.js';
import { Conversation, addressOf, type Captured, type FlowState } from './conversation.js';
import { formatPacket } from './format.js';
import { matchPacket } from './match.js';
import { patternMismatch } from './pattern.js';
import { peerKeyOf } from './peer-keys.js';
import type { Delay, PacketForm, Script, Statement } from './script.js';
import { CallError, Settings, type Target, type TargetEvent } from './target.js';

/** The host did not do what a line expects. */
export class Deviation extends Error {
  readonly statement: Statement;

  constructor(statement: Statement, message: string, trace: readonly string[]) {
    const shown = trace.slice(-12).map((line) => `    ${line}`);
    super(
      [`${statement.file}:${statement.line}: ${message}`, `  expected: ${statement.text}`, ...shown].join(
        '\n',
      ),
    );
    this.name = 'Deviation';
    this.statement = statement;
  }
}

/** No script waits longer than this for anything, in ns. */
const MAX_TIME_NS = 10_000_000_000_000;

class Runner {
  private readonly target: Target;
  private readonly conversation: Conversation;
  /** When the last statement was done. */
  private timeNs = 0;
  private bytesRead = 0;
  private readonly trace: string[] = [];
  private statement!: Statement;

  constructor(script: Script, target: Target) {
    const settings = new Settings(script.settings);
    this.target = target;
    this.conversation = new Conversation({
      family: settings.number('family', 4) === 6 ? 6 : 4,
      hostIsClient: script.statements.some(({ body }) => body.type === 'call' && body.name === 'connect'),
      peerKey: peerKeyOf(settings.text('peer-key', 'usual')),
      peerIsn: settings.number('peer-isn', 7_000_000),
    });
  }

  async run(statements: readonly Statement[]): Promise<void> {
    for (const statement of statements) {
      this.statement = statement;
      await this.perform(statement);
    }
  }

  private fail(message: string): never {
    throw new Deviation(this.statement, message, this.trace);
  }

  private note(line: string): void {
    this.trace.push(`${(this.target.nowNs / 1e6).toFixed(3)} ms  ${line}`);
  }

  private async perform(statement: Statement): Promise<void> {
    const { body, delay } = statement;
    switch (body.type) {
      case 'out':
        return body.packet.isData
          ? this.expectData(body.packet, delay)
          : this.expectPacket(body.packet, delay);
      case 'event':
        return this.expectEvent(body.name, body.detail, delay);
      case 'quiet':
        return this.expectQuiet(body.flow, delay);
      case 'drain':
        return this.drain(delay);
      default:
        await this.waitFor(delay);
    }
    switch (body.type) {
      case 'in': {
        const bytes = buildPacket(this.conversation, body.packet, this.target.nowNs);
        this.note(statement.text);
        return this.target.inject(bytes, this.hostNumber(this.conversation.flow(body.packet.flow)));
      }
      case 'icmp':
        this.note(statement.text);
        return this.target.inject(
          buildIcmp(this.conversation, body.message),
          this.hostNumber(this.conversation.flow(body.message.flow)),
        );
      case 'no-event':
        return this.expectNoEvent(body.name);
      case 'call':
        this.note(statement.text);
        return this.call(body.name, body.args);
    }
  }

  /** Which of the host's addresses a subflow has. */
  private hostNumber(flow: FlowState): number {
    for (let number = 1; number <= 4; number++) {
      if (addressOf(this.conversation.family, 'host', number).equals(flow.host.address)) return number;
    }
    return 1;
  }

  /** The time at which something that the runner does is due. */
  private async waitFor(delay: Delay | undefined): Promise<void> {
    if (delay !== undefined) this.timeNs += delay.fromNs;
    await this.target.waitUntil(this.timeNs, () => false);
    this.timeNs = Math.max(this.timeNs, this.target.nowNs);
  }

  /** When something that the host does may come at the latest. */
  private latest(delay: Delay | undefined): number {
    return Math.min(MAX_TIME_NS, this.timeNs + (delay?.toNs ?? 0) + this.target.lateNs);
  }

  private checkEarly(timeNs: number, delay: Delay | undefined, what: string): void {
    const early = this.timeNs + (delay?.fromNs ?? 0) - this.target.earlyNs;
    if (delay !== undefined && delay.fromNs > 0 && timeNs < early) {
      this.fail(`${what} came ${((early - timeNs) / 1e6).toFixed(3)} ms too early`);
    }
  }

  /** Takes the next packet of a subflow when it comes in time. */
  private async nextPacket(flow: FlowState, isSyn: boolean, delay: Delay | undefined): Promise<Captured> {
    const find = (): number =>
      this.target.packets.findIndex((packet) =>
        flow.isBound
          ? this.conversation.flowOf(packet) === flow
          : isSyn && (packet.tcp.flags & TcpFlag.SYN) !== 0 && this.conversation.flowOf(packet) === undefined,
      );
    await this.target.waitUntil(this.latest(delay), () => find() >= 0);
    const index = find();
    if (index < 0) {
      const others = this.target.packets.map((packet) => formatPacket(this.conversation, packet));
      this.fail(
        others.length === 0
          ? 'nothing was sent'
          : `nothing was sent on this subflow; elsewhere: ${others.slice(0, 5).join(' | ')}`,
      );
    }
    const [packet] = this.target.packets.splice(index, 1);
    if (!flow.isBound) this.conversation.bind(flow, packet!);
    this.conversation.learn(flow, packet!);
    this.note(formatPacket(this.conversation, packet!, flow));
    return packet!;
  }

  private async expectPacket(form: PacketForm, delay: Delay | undefined): Promise<void> {
    const flow = this.conversation.flow(form.flow);
    const packet = await this.nextPacket(flow, form.flags.includes('SYN'), delay);
    const mismatch = matchPacket(this.conversation, flow, form, packet);
    if (mismatch !== undefined) {
      this.fail(`${mismatch}\n  received: ${formatPacket(this.conversation, packet, flow)}`);
    }
    this.checkEarly(packet.timeNs, delay, 'the packet');
    this.timeNs = Math.max(this.timeNs, packet.timeNs);
  }

  /** Takes segments until they have covered the range, each starting where the one before ended. */
  private async expectData(form: PacketForm, delay: Delay | undefined): Promise<void> {
    const flow = this.conversation.flow(form.flow);
    const end = form.seq! + form.length!;
    for (let next = form.seq!; next < end;) {
      const packet = await this.nextPacket(flow, false, delay);
      const seq = this.conversation.hostPosition(flow, packet.tcp.seq);
      const text = formatPacket(this.conversation, packet, flow);
      if (packet.tcp.payload.length === 0) this.fail(`no data at ${next}\n  received: ${text}`);
      if (seq !== next) this.fail(`the data does not go on at ${next}\n  received: ${text}`);
      const mismatch = matchPacket(this.conversation, flow, form, packet);
      if (mismatch !== undefined) this.fail(`${mismatch}\n  received: ${text}`);
      next = seq + packet.tcp.payload.length;
      if (next > end) this.fail(`the data goes on beyond ${end}\n  received: ${text}`);
      this.checkEarly(packet.timeNs, delay, 'the data');
      this.timeNs = Math.max(this.timeNs, packet.timeNs);
    }
  }

  private async expectEvent(
    name: string,
    detail: string | undefined,
    delay: Delay | undefined,
  ): Promise<void> {
    const { events } = this.target;
    const find = (): number => events.findIndex((event) => event.name === name);
    await this.target.waitUntil(this.latest(delay), () => find() >= 0);
    const index = find();
    if (index < 0) {
      this.fail(`the application was told ${events.map(formatEvent).join(', ') || 'nothing'}`);
    }
    const event = events.splice(index, 1)[0]!;
    this.note(`event ${formatEvent(event)}`);
    // Linux does not say why it fell back or why a subflow ended.
    const isSilent = this.target.kind === 'linux' && event.detail === undefined;
    if (detail !== undefined && detail !== event.detail && !isSilent) {
      this.fail(`the event says ${event.detail ?? 'nothing'}`);
    }
    this.checkEarly(event.timeNs, delay, 'the event');
    this.timeNs = Math.max(this.timeNs, event.timeNs);
  }

  private expectNoEvent(name: string): void {
    const event = this.target.events.find((one) => one.name === name);
    if (event !== undefined) this.fail(`the application was told ${formatEvent(event)}`);
  }

  private async expectQuiet(number: number | undefined, delay: Delay | undefined): Promise<void> {
    const { packets } = this.target;
    const flow = number === undefined ? undefined : this.conversation.flow(number);
    const loud = (): Captured | undefined =>
      packets.find((packet) => flow === undefined || this.conversation.flowOf(packet) === flow);
    this.timeNs += delay?.fromNs ?? 0;
    await this.target.waitUntil(this.timeNs, () => loud() !== undefined);
    const packet = loud();
    if (packet !== undefined) {
      const at = (packet.timeNs / 1e6).toFixed(3);
      this.fail(`something was sent at ${at} ms: ${formatPacket(this.conversation, packet)}`);
    }
  }

  private async drain(delay: Delay | undefined): Promise<void> {
    await this.waitFor(delay);
    for (const packet of this.target.packets.splice(0)) {
      const flow = this.conversation.flowOf(packet);
      if (flow !== undefined) this.conversation.learn(flow, packet);
      this.note(`${formatPacket(this.conversation, packet)}  (let be)`);
    }
  }

  private async call(name: string, args: readonly string[]): Promise<void> {
    if (name === 'cannot') return this.expectRefusal(args[0]!, args.slice(1));
    try {
      if (name === 'read') await this.expectRead(Number(args[0]));
      else this.target.call(name, args);
    } catch (error) {
      if (error instanceof CallError) this.fail(error.message);
      throw error;
    }
  }

  private expectRefusal(name: string, args: readonly string[]): void {
    try {
      this.target.call(name, args);
    } catch (error) {
      if (error instanceof CallError) return;
      throw error;
    }
    this.fail('the call was carried out');
  }

  private async expectRead(length: number): Promise<void> {
    let bytes = this.target.read();
    const end = this.target.nowNs + (this.target.kind === 'ours' ? 0 : this.target.lateNs);
    while (bytes.length < length && this.target.nowNs < end) {
      await this.target.waitUntil(Math.min(end, this.target.nowNs + 2_000_000), () => false);
      bytes = Buffer.concat([bytes, this.target.read()]);
    }
    if (bytes.length !== length) this.fail(`${bytes.length} bytes could be read`);
    const at = patternMismatch(false, this.bytesRead + 1, bytes);
    if (at >= 0) this.fail(`byte ${this.bytesRead + 1 + at} of what was read is wrong`);
    this.bytesRead += length;
    this.timeNs = Math.max(this.timeNs, this.target.nowNs);
  }
}

function formatEvent(event: TargetEvent): string {
  return event.detail === undefined ? event.name : `${event.name} ${event.detail}`;
}

/** Carries the script out; throws a Deviation where the host does something else. Closes the target. */
export async function runScript(script: Script, target: Target): Promise<void> {
  try {
    await new Runner(script, target).run(script.statements);
  } finally {
    target.close();
  }
}
