/** Targets with a fault each, to show that the harness finds it. A fault waits for a byte that the seed does not have. */
import type { FuzzTarget } from './target.js';

const FATAL = 0x42;

function planted(name: string, harm: () => void): FuzzTarget {
  return {
    name,
    seeds: [new Uint8Array(8)],
    maxBytes: 64,
    packetsPerInput: 1,
    run: (input) => {
      if (input[0] === FATAL) harm();
      return undefined;
    },
  };
}

let sink: unknown[] = [];

export const targets: readonly FuzzTarget[] = [
  planted('planted.nothing', () => undefined),
  planted('planted.throw', () => {
    throw new Error('planted');
  }),
  planted('planted.hang', () => {
    for (;;) sink = [];
  }),
  planted('planted.heap', () => {
    for (;;) sink.push(new Array(1000).fill(sink.length));
  }),
  planted('planted.buffers', () => {
    for (;;) sink.push(new Uint8Array(1024 * 1024).fill(1));
  }),
];
