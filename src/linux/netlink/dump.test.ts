import { describe, expect, it } from 'vitest';
import { EAGAIN, ENOBUFS } from '../constants.js';
import { MAX_DUMP_ATTEMPTS, readDump } from './dump.js';

const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const INTERRUPTED = 0x10;
const DATA = 20;

/** A message with one word of content, in answer to question number `sequence`. */
function message(type: number, sequence: number, word: number, flags = 2): Uint8Array {
  const bytes = new Uint8Array(20);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags, true);
  view.setUint32(8, sequence, true);
  view.setInt32(16, word, true);
  return bytes;
}

const data = (sequence: number, word: number, flags?: number) => message(DATA, sequence, word, flags);
const done = (sequence: number, flags?: number) => message(NLMSG_DONE, sequence, 0, flags);

/** Asks a kernel that answers question number n with what `answer(n)` gives, and then with silence. */
function ask(answer: (question: number) => readonly (Uint8Array | number)[], most?: number) {
  let questions = 0;
  let waiting: (Uint8Array | number)[] = [];
  const channel = {
    ask: () => {
      waiting = [...waiting, ...answer(++questions)];
      return questions;
    },
    receive: () => waiting.shift() ?? -EAGAIN,
  };
  const words = () => readDump('things', channel, ({ body }) => body[0], most);
  return { words, questions: () => questions };
}

describe('the answer to a question for everything of a kind', () => {
  it('is all that comes up to the end, without what answers an earlier question', () => {
    const kernel = ask((n) => [data(n - 1, 9), data(n, 1), Buffer.concat([data(n, 2), data(n, 3), done(n)])]);
    expect(kernel.words()).toEqual([1, 2, 3]);
    expect(kernel.questions()).toBe(1);
  });

  it('is asked for anew where the kernel says that what it lists changed meanwhile', () => {
    const kernel = ask((n) =>
      n === 1 ? [data(n, 1), data(n, 1, INTERRUPTED), done(n)] : [data(n, 1), data(n, 2), done(n)],
    );
    expect(kernel.words()).toEqual([1, 2]);
    expect(kernel.questions()).toBe(2);
    const atTheEnd = ask((n) => [data(n, n), done(n, n === 1 ? INTERRUPTED : 2)]);
    expect(atTheEnd.words()).toEqual([2]);
  });

  it('is the last one where it changes every time', () => {
    const kernel = ask((n) => [data(n, n, INTERRUPTED), done(n)]);
    expect(kernel.words()).toEqual([MAX_DUMP_ATTEMPTS]);
    expect(kernel.questions()).toBe(MAX_DUMP_ATTEMPTS);
  });

  it('is asked for anew where the kernel falls silent before the end, and half of one is none', () => {
    const kernel = ask((n) => (n === 1 ? [data(n, 1)] : [data(n, 1), data(n, 2), done(n)]));
    expect(kernel.words()).toEqual([1, 2]);
    const silent = ask((n) => [data(n, 1)]);
    expect(silent.words).toThrow(expect.objectContaining({ code: 'ERR_SUBFLOW_NETLINK' }));
    expect(silent.questions()).toBe(MAX_DUMP_ATTEMPTS);
  });

  it('is an error where the kernel refuses', () => {
    expect(ask((n) => [message(NLMSG_ERROR, n, -2)]).words).toThrow(
      expect.objectContaining({ code: 'ENOENT' }),
    );
    expect(ask(() => [-ENOBUFS]).words).toThrow(expect.objectContaining({ code: 'ENOBUFS' }));
  });

  it('is no more than was wanted', () => {
    expect(ask((n) => [data(n, 1), data(n, 2), data(n, 3), done(n)], 2).words()).toEqual([1, 2]);
  });
});
