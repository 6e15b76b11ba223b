/** This machine as the page sees it: the latest state, what is held, chosen, asked for; and the worker that reads. */
import { effect, type ReadonlySignal, signal } from '@preact/signals';
import {
  type MachineCommand,
  type MachineEvent,
  type MachineState,
  MAX_EVENTS,
  type RowOrder,
} from '../../src/lab/index.js';
import type { LivePicture, LiveReply, LiveRequest, LiveTrouble } from '../protocol/live.js';
import { isServedLive, readToken } from './token.js';

/** What hinders the view from the start. */
export type LiveObstacle = 'static' | 'no-token';

/** What was done, or why not. */
export interface Said {
  readonly isDone: boolean;
  readonly text: string;
}

export class LiveSession {
  readonly obstacle: LiveObstacle | undefined;
  readonly picture = signal<LivePicture | undefined>(undefined);
  readonly trouble = signal<LiveTrouble | undefined>(undefined);
  /** Newest first. */
  readonly events = signal<readonly MachineEvent[]>([]);
  readonly lostEvents = signal(0);
  /** Nothing moves while a reader holds it. */
  readonly isHeld = signal(false);
  readonly filter = signal('');
  /** Whether the table is to have all that is known, and not only as much as fits a screen or two. */
  readonly showsAll = signal(false);
  readonly order = signal<RowOrder | undefined>(undefined);
  readonly chosen = signal<string | undefined>(undefined);
  readonly said = signal<Said | undefined>(undefined);
  private readonly isShown: ReadonlySignal<boolean>;
  private unwatch: () => void = () => undefined;
  private readonly token: string | undefined;
  private readonly worker: Worker | undefined;
  private asked = 0;

  /** `isShown`: whether the view is. */
  constructor(isShown: ReadonlySignal<boolean>) {
    this.isShown = isShown;
    this.token = readToken();
    this.obstacle = !isServedLive() ? 'static' : this.token === undefined ? 'no-token' : undefined;
    if (this.obstacle !== undefined) return;
    this.worker = new Worker(new URL('../workers/live-worker.ts', import.meta.url), {
      type: 'module',
      name: 'live',
    });
    this.worker.onmessage = ({ data }: MessageEvent<LiveReply>) => this.take(data);
    this.worker.onerror = () => (this.trouble.value = 'gone');
    document.addEventListener('visibilitychange', this.follow);
    this.unwatch = effect(this.follow);
  }

  get state(): MachineState | undefined {
    return this.picture.value?.state;
  }

  close(): void {
    document.removeEventListener('visibilitychange', this.follow);
    this.unwatch();
    this.worker?.terminate();
  }

  /** Draws this connection from now on; chosen once more, the busiest. */
  choose(key: string): void {
    this.chosen.value = this.chosen.value === key ? undefined : key;
    this.ask({ type: 'choose', key: this.chosen.value });
  }

  hold(isHeld: boolean): void {
    this.isHeld.value = isHeld;
  }

  control(command: MachineCommand): void {
    this.said.value = undefined;
    this.ask({ type: 'control', number: ++this.asked, command });
  }

  /** The machine is looked at while somebody looks at the page. */
  private readonly follow = (): void => {
    const isWanted = this.isShown.value && !this.isHeld.value;
    if (document.hidden || !isWanted) this.ask({ type: 'end' });
    else this.ask({ type: 'begin', token: this.token! });
  };

  private ask(request: LiveRequest): void {
    this.worker?.postMessage(request);
  }

  private take(reply: LiveReply): void {
    if (reply.type === 'trouble') {
      this.trouble.value = reply.trouble;
    } else if (reply.type === 'answered') {
      const { isDone, said: text } = reply.answer;
      if (reply.number === this.asked) this.said.value = { isDone, text };
    } else {
      this.trouble.value = undefined;
      this.picture.value = reply;
      this.note(reply.state);
      // After the page has been drawn: where that takes long, pictures are left out.
      requestAnimationFrame(() => setTimeout(() => this.ask({ type: 'shown' })));
    }
  }

  private note({ events, lostEvents }: MachineState): void {
    const newest = this.events.value[0]?.number ?? 0;
    const fresh = events.filter(({ number }) => number > newest).reverse();
    if (fresh.length > 0) this.events.value = [...fresh, ...this.events.value].slice(0, MAX_EVENTS);
    this.lostEvents.value += lostEvents;
  }
}
