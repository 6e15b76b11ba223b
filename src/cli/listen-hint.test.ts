import { describe, expect, it } from 'vitest';
import { explain } from './errors.js';
import { explainListen } from './listen-hint.js';

function failure(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`listen ${code} 127.0.0.1`), { code, syscall: 'listen' });
}

describe('a server that may not listen', () => {
  it.each([
    [
      'EACCES',
      80,
      /^listen EACCES 127\.0\.0\.1; ports below 1024 .*CAP_NET_BIND_SERVICE.*--listen 127\.0\.0\.1:8080$/,
    ],
    ['EADDRINUSE', 8080, /; `ss -ltnp` shows who has it; choose another with --listen$/],
    ['EADDRNOTAVAIL', 8080, /; `ip address show` lists/],
  ])('for %s on port %i is told what to do, with status 3', (code, port, says) => {
    const { line, status } = explain(explainListen(failure(code), port));
    expect([line, status]).toEqual([expect.stringMatching(says), 3]);
  });

  it.each([
    ['EACCES', 8080],
    ['EMFILE', 80],
  ])('for %s on port %i hears what the system says', (code, port) => {
    const error = failure(code);
    expect(explainListen(error, port)).toBe(error);
  });
});
