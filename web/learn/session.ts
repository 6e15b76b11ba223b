/** A step as the page sees it: which one, what came of running it, and the packet that is looked at. */
import { computed, effect, signal } from '@preact/signals';
import type { LessonPacket, LessonRun } from '../../src/lab/index.js';
import { address, replaceQuery } from '../address.js';
import type { LearnReply, LearnRequest } from '../protocol/learn.js';
import { type LearnPlace, readPlace, writePlace } from './steps.js';

export class LearnSession {
  readonly place = signal<LearnPlace>(readPlace(''));
  readonly run = signal<LessonRun | undefined>(undefined);
  /** What went wrong; empty as a rule. */
  readonly failure = signal('');
  /** Whether a packet that a box changed is shown as it arrived. */
  readonly showsArrived = signal(false);
  /** The packet that is looked at: the last where there are not so many. */
  readonly chosen = computed<LessonPacket | undefined>(() => {
    const packets = this.run.value?.packets ?? [];
    return packets[Math.min(this.place.value.packet, packets.length) - 1];
  });
  private readonly worker = new Worker(new URL('../workers/learn-worker.ts', import.meta.url), {
    type: 'module',
    name: 'learn',
  });
  private asked: LearnRequest = { lesson: '', form: '' };
  private readonly watchAddress: () => void;

  constructor() {
    this.worker.onmessage = ({ data }: MessageEvent<LearnReply>) => this.take(data);
    this.worker.onerror = (event) =>
      (this.failure.value = event.message || 'The worker could not be loaded.');
    this.watchAddress = effect(() => {
      const { view, query } = address.value;
      if (view === 'learn') this.go(readPlace(query));
    });
  }

  close(): void {
    this.watchAddress();
    this.worker.terminate();
  }

  /** Looks at a packet by its number. */
  choose(packet: number): void {
    const count = this.run.peek()?.packets.length ?? 1;
    this.go({ ...this.place.peek(), packet: Math.min(Math.max(1, packet), count) });
    this.write();
  }

  /** Shows another form of the step. */
  change(form: string): void {
    this.go({ ...this.place.peek(), form, packet: 1 });
    this.write();
  }

  private go(place: LearnPlace): void {
    if (place.packet !== this.place.peek().packet) this.showsArrived.value = false;
    this.place.value = place;
    const { step: lesson, form } = place;
    if (lesson === this.asked.lesson && form === this.asked.form) return;
    this.asked = { lesson, form };
    this.worker.postMessage(this.asked);
  }

  private write(): void {
    replaceQuery('learn', writePlace(this.place.peek()));
  }

  private take({ request, run }: LearnReply): void {
    if (request.lesson !== this.asked.lesson || request.form !== this.asked.form) return;
    this.showsArrived.value = false;
    this.run.value = run;
  }
}
