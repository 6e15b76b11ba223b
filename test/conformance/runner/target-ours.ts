/** Our stack as the host under test, in virtual time: everything happens when the script says, to the nanosecond. */
import { SECOND, SeededRandom } from '../../../src/base/index.js';
import type { Subflow } from '../../../src/mptcp/index.js';
import {
  Stack,
  TransmitBuffer,
  type PathNotice,
  type Socket,
  type StackEvent,
} from '../../../src/stack/index.js';
import type { Endpoint } from '../../../src/wire/index.js';
import { capture } from './capture.js';
import { SERVICE_PORT, addressOf, type Captured } from './conversation.js';
import { patternBytes } from './pattern.js';
import { stackSettings } from './settings-ours.js';
import { CallError, type Settings, type Target, type TargetEvent } from './target.js';

/** Where virtual time begins: not at 0, so that nothing rests on that. */
const ORIGIN_NS = 1000 * SECOND;
/** Packets and timer turns at one moment, as a bound on what would never end. */
const MAX_TURNS = 100_000;

export class OurTarget implements Target {
  readonly kind = 'ours';
  readonly earlyNs = 1_000;
  readonly lateNs = 1_100_000;
  readonly packets: Captured[] = [];
  readonly events: TargetEvent[] = [];
  private readonly stack: Stack;
  private readonly family: 4 | 6;
  private readonly fastOpen: string;
  private readonly interfaces: number[] = [];
  private readonly out: TransmitBuffer;
  private now = ORIGIN_NS;
  private socket: Socket | undefined;
  private written = 0;
  private turns = 0;
  /** Subflows in the order in which they were made, the closed ones too. */
  private readonly subflows: Subflow[] = [];

  constructor(settings: Settings) {
    this.family = settings.number('family', 4) === 6 ? 6 : 4;
    this.fastOpen = settings.text('fast-open', 'off');
    this.stack = new Stack({ random: new SeededRandom(11), settings: stackSettings(settings) });
    const mtu = settings.number('mtu', 1500);
    this.out = new TransmitBuffer(new Uint8Array(mtu + 200));
    const signal = settings.text('path-manager', 'none') === 'signal';
    for (let number = 1; number <= settings.number('addresses', 1); number++) {
      const address = addressOf(this.family, 'host', number);
      const entry = {
        address,
        prefixLength: this.family === 4 ? 24 : 64,
        ...(number > 1 && signal && { signal: true, subflow: false }),
      };
      this.interfaces.push(
        this.stack.addInterface(this.now, { name: `path${number}`, mtu, addresses: [entry] }),
      );
    }
  }

  get nowNs(): number {
    return this.now - ORIGIN_NS;
  }

  waitUntil(timeNs: number, stop: () => boolean): Promise<void> {
    const end = timeNs + ORIGIN_NS;
    while (!stop()) {
      const next = Math.max(this.now, this.stack.pollTimeout());
      if (next > end) {
        this.now = Math.max(this.now, end);
        break;
      }
      this.now = next;
      this.stack.handleTimeout(next);
      this.poll();
    }
    return Promise.resolve();
  }

  inject(bytes: Uint8Array, hostNumber: number): void {
    this.stack.handlePacket(this.now, this.interfaces[hostNumber - 1] ?? this.interfaces[0]!, bytes);
    this.poll();
  }

  call(name: string, args: readonly string[]): void {
    this.perform(name, args);
    this.poll();
  }

  read(): Uint8Array {
    const pieces: Uint8Array[] = [];
    for (let piece = this.theSocket().read(this.now); piece !== undefined;) {
      pieces.push(piece);
      piece = this.theSocket().read(this.now);
    }
    this.poll();
    return Uint8Array.from(Buffer.concat(pieces));
  }

  close(): void {
    this.packets.length = 0;
  }

  private get listenFastOpen(): { fastOpen?: { requireCookie: boolean } } {
    return this.fastOpen === 'off' ? {} : { fastOpen: { requireCookie: this.fastOpen === 'on' } };
  }

  private theSocket(): Socket {
    if (this.socket === undefined) throw new CallError('there is no connection yet');
    return this.socket;
  }

  private perform(name: string, args: readonly string[]): void {
    const { now } = this;
    switch (name) {
      case 'listen':
        this.stack.listen(now, { local: { port: SERVICE_PORT }, ...this.listenFastOpen });
        return;
      case 'connect':
        this.socket = this.stack.connect(now, {
          remote: this.endpoint('peer1', SERVICE_PORT),
          ...(this.fastOpen !== 'off' && {
            fastOpen: this.fastOpen === 'on' ? true : ('without-cookie' as const),
          }),
        });
        if (args[0] === 'data') this.perform('write', [args[1]!]);
        return;
      case 'write': {
        const length = Number(args[0]);
        this.theSocket().write(now, patternBytes(true, this.written + 1, length));
        this.written += length;
        return;
      }
      case 'shutdown':
        return this.theSocket().shutdown(now);
      case 'close':
        return this.theSocket().close(now);
      case 'abort':
        return this.theSocket().abort(now);
      case 'nagle':
        return this.theSocket().setNagle(now, args[0] === 'on');
      default:
        this.performPath(name, args);
    }
  }

  private performPath(name: string, args: readonly string[]): void {
    const { now } = this;
    const socket = this.theSocket();
    switch (name) {
      case 'join': {
        const id = args.indexOf('id');
        const subflow = socket.openSubflow(now, {
          local: this.endpoint(args[0]!, 0),
          remote: this.endpoint(args[1]!, SERVICE_PORT),
          backup: args.includes('backup'),
          ...(id >= 0 && { remoteId: Number(args[id + 1]) }),
        });
        if (subflow === undefined) throw new CallError('the subflow could not be opened');
        return;
      }
      case 'close-subflow':
        return socket.closeSubflow(now, this.subflow(args[0]!));
      case 'set-backup':
        return socket.setBackup(now, this.subflow(args[0]!), args[1] === 'on');
      case 'announce':
        if (!socket.announceAddress(now, this.endpoint(args[0]!, 0), Number(args[2])))
          throw new CallError('the address could not be announced');
        return;
      case 'withdraw':
        return socket.withdrawAddress(now, Number(args[0]));
      case 'remove-address': {
        const number = Number(args[0]!.slice(4));
        this.stack.removeAddress(now, this.interfaces[number - 1]!, addressOf(this.family, 'host', number));
        return;
      }
      default:
        throw new CallError(`our stack has no "${name}"`);
    }
  }

  private subflow(number: string): Subflow {
    const subflow = this.subflows[Number(number) - 1];
    if (subflow === undefined) throw new CallError(`there is no subflow ${number}`);
    return subflow;
  }

  private endpoint(word: string, port: number): Endpoint {
    const [name, named] = word.split(':');
    const side = name!.startsWith('host') ? 'host' : 'peer';
    const address = addressOf(this.family, side, Number(name!.slice(4)));
    return { address, port: named === undefined ? port : Number(named) };
  }

  /** Takes what the stack has to tell and to send, as its contract says. */
  private poll(): void {
    for (let isBusy = true; isBusy;) {
      isBusy = false;
      for (let event = this.stack.pollEvent(); event !== undefined; event = this.stack.pollEvent()) {
        this.note(event);
        isBusy = true;
      }
      while (this.stack.pollTransmit(this.now, this.out)) {
        if (++this.turns > MAX_TURNS) throw new CallError('the host sends without end');
        isBusy = true;
        const packet = capture(this.nowNs, this.out.packet.slice());
        if (packet !== undefined) this.packets.push(packet);
      }
    }
    for (const subflow of this.socket?.connection.subflows ?? []) {
      if (!this.subflows.includes(subflow)) this.subflows.push(subflow);
    }
  }

  private note(event: StackEvent): void {
    const tell = (name: string, detail?: string): void => {
      this.events.push({ timeNs: this.nowNs, name, detail });
    };
    if (event.type === 'acceptable') {
      this.socket = event.listener.accept() ?? this.socket;
      return tell('established');
    }
    if (event.type === 'path') {
      const { notice } = event;
      // The first subflow is the connection: scripts ask for 'established'.
      if (notice.type === 'subflow-opened' && notice.subflow.isInitial) return;
      return tell(...pathWords(notice));
    }
    return tell(event.type, event.type === 'closed' ? (event.error?.code ?? 'normal') : undefined);
  }
}

function pathWords(notice: PathNotice): [string, string?] {
  switch (notice.type) {
    case 'subflow-closed':
      return ['subflow-closed', notice.reason];
    case 'fallback':
      return ['fallback', notice.cause];
    case 'subflow-priority':
      return ['subflow-priority'];
    default:
      return [notice.type];
  }
}
