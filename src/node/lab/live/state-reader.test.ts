import { describe, expect, it } from 'vitest';
import { MAX_EVENTS, type MachineState } from '../../../lab/index.js';
import { EventLog } from './event-log.js';
import { type MachinePicture, pictureOf } from './machine-state.js';
import { StateReader } from './state-reader.js';

/** An output with room for so many lines. */
class Output {
  room: number;
  readonly states: MachineState[] = [];
  private drain: () => void = () => undefined;

  constructor(room: number) {
    this.room = room;
  }

  write(text: string): boolean {
    this.states.push(JSON.parse(text) as MachineState);
    return --this.room > 0;
  }

  on(_event: 'drain', listener: () => void): void {
    this.drain = listener;
  }

  empty(room: number): void {
    this.room = room;
    this.drain();
  }
}

function picture(atMs: number): MachinePicture {
  const paths = { pathManager: null, limits: null, endpoints: null, links: [] };
  return pictureOf({ atMs, look: undefined, paths, services: [], lacks: [], allowsControl: false });
}

const event = { type: 'subflow-opened', token: '0000abcd', said: '' };

describe('a page that reads', () => {
  it('slowly is told the latest state when it has room again, and no other', () => {
    const output = new Output(1);
    const reader = new StateReader(output, new EventLog());
    for (let atMs = 1; atMs <= 1000; atMs++) reader.take(picture(atMs));
    expect(output.states.map(({ atMs }) => atMs)).toEqual([1]);
    output.empty(2);
    expect(output.states.map(({ atMs }) => atMs)).toEqual([1, 1000]);
    output.empty(1);
    expect(output.states).toHaveLength(2);
  });

  it('is told every event once, those of skipped states too', () => {
    const output = new Output(1);
    const events = new EventLog();
    const reader = new StateReader(output, events);
    events.add(1, event);
    reader.take(picture(1));
    for (let i = 0; i < 5; i++) {
      events.add(2, event);
      reader.take(picture(2));
    }
    output.empty(9);
    reader.take(picture(3));
    expect(output.states.map((state) => state.events.map(({ number }) => number))).toEqual([
      [1],
      [2, 3, 4, 5, 6],
      [],
    ]);
    expect(output.states.map(({ lostEvents }) => lostEvents)).toEqual([0, 0, 0]);
  });

  it('is told how many events are lost: too many between two states, or in the kernel', () => {
    const output = new Output(99);
    const events = new EventLog();
    const reader = new StateReader(output, events);
    events.add(1, event);
    events.lose();
    reader.take(picture(1));
    expect(output.states[0]).toMatchObject({ lostEvents: 1, events: [{ number: 1 }] });
    for (let i = 0; i < MAX_EVENTS + 10; i++) events.add(2, event);
    reader.take(picture(2));
    expect(output.states[1]!.lostEvents).toBe(10);
    expect(output.states[1]!.events).toHaveLength(MAX_EVENTS);
    // Who comes later is told what there is, and of nothing before.
    new StateReader(output, events).take(picture(3));
    expect(output.states[2]).toMatchObject({ lostEvents: 0 });
    expect(output.states[2]!.events).toHaveLength(MAX_EVENTS);
  });
});
