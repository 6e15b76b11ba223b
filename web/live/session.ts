/** This machine as the page sees it: the latest state, what is held, chosen, asked for; and the worker that reads. */
import { computed, effect, type ReadonlySignal, signal, untracked } from '@preact/signals';
import {
  type MachineCommand,
  type MachineEvent,
  type MachineState,
  MAX_EVENTS,
  type RowOrder,
} from '../../src/lab/index.js';
import type { LivePicture, LiveReply, LiveRequest, LiveTrouble } from '../protocol/live.js';
import { isServedLive, token } from './token.js';

/** What the view lacks to show anything. */
export type LiveObstacle = 'static' | 'no-token';

/** What was done, or why not. */
export interface Said {
  readonly isDone: boolean;
  readonly text: string;
}

export class LiveSession {
  readonly obstacle = computed((): LiveObstacle | undefined => {
    if (!this.isServed) return 'static';
    return token.value === undefined ? 'no-token' : undefined;
  });
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
  private readonly isServed = isServedLive();
  private unwatch: () => void = () => undefined;
  /** The secret of the server that was asked last. */
  private asksWith: string | undefined = undefined;
  private readonly worker: Worker | undefined;
  private asked = 0;

  /** `isShown`: whether the view is. */
  constructor(isShown: ReadonlySignal<boolean>) {
    this.isShown = isShown;
    if (!this.isServed) return;
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
    const { value: secret } = token;
    const isWanted = this.isShown.value && !this.isHeld.value && !document.hidden;
    if (secret === undefined || !isWanted) return this.ask({ type: 'end' });
    if (secret !== this.asksWith) untracked(() => this.forget());
    this.asksWith = secret;
    this.ask({ type: 'begin', token: secret });
  };

  /** Another secret is that of another run, which counts its events from the first again. */
  private forget(): void {
    this.trouble.value = undefined;
    this.picture.value = undefined;
    this.events.value = [];
    this.lostEvents.value = 0;
  }

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
