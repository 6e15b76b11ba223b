/** Files of targets as people write them, and what is said of those that cannot be used. */
import { describe, expect, it } from 'vitest';
import { MAX_TARGETS, parseTargets } from './targets.js';

const read = (...lines: string[]) => parseTargets(lines.join('\n'), 'targets.txt');

describe('a file of targets', () => {
  it('has names and addresses of either version, with and without ports', () => {
    const { targets } = read(
      ...['server.example', 'server.example:8080', '192.0.2.1', '192.0.2.1:81', '2001:db8::1'],
      ...['[2001:db8::2]', '[2001:db8::1]:443'],
    );
    expect(targets).toEqual([
      { host: 'server.example', port: 80 },
      { host: 'server.example', port: 8080 },
      { host: '192.0.2.1', port: 80 },
      { host: '192.0.2.1', port: 81 },
      { host: '2001:db8::1', port: 80 },
      { host: '2001:db8::2', port: 80 },
      { host: '2001:db8::1', port: 443 },
    ]);
  });

  it('may have empty lines, comments, carriage returns and a byte order mark', () => {
    const { targets } = read(
      '\uFEFF# ours',
      '',
      '  a.example \r',
      '\t',
      'b.example:81 # in the cellar\r',
      '#c',
    );
    expect(targets).toEqual([
      { host: 'a.example', port: 80 },
      { host: 'b.example', port: 81 },
    ]);
  });

  it('names a target once, however often it stands there and however it is written', () => {
    const list = read('a.example', 'A.Example:80', '2001:db8::1', '[2001:DB8:0::1]:80', 'a.example:81');
    expect(list.targets.map(({ host, port }) => `${host} ${port}`)).toEqual([
      ...['a.example 80', '2001:db8::1 80', 'a.example 81'],
    ]);
    expect(list.duplicates).toBe(2);
  });

  it.each([
    ['a b', /^targets\.txt:2: 'a b' is no target/],
    ['a.example:0', /^targets\.txt:2: 'a\.example:0' has no port from 1 to 65535/],
    ['a.example:65536', /^targets\.txt:2: .* has no port/],
    ['[192.0.2.1]:80x', /^targets\.txt:2: .* is no target/],
    ['http://a.example/', /^targets\.txt:2: .* is no target/],
    ['fe80::1%eth0', /^targets\.txt:2: .* is no target/],
  ])('with the line %j is refused, by the number of the line', (line, message) => {
    expect(() => read('good.example', line)).toThrow(message);
  });

  it('with many wrong lines names ten and counts the others', () => {
    const lines = Array.from({ length: 25 }, () => '!');
    expect(() => read('good.example', ...lines)).toThrow(/targets\.txt:11: .*; and 15 more lines$/);
    expect(() => read('good.example', ...lines)).not.toThrow(/targets\.txt:12:/);
  });

  it('without targets, or with more than a sweep takes, is refused', () => {
    expect(() => read('', '# nothing')).toThrow('there are no targets in targets.txt');
    const lines = Array.from({ length: MAX_TARGETS + 1 }, (_, index) => `h${index}.example`);
    expect(() => read(...lines)).toThrow(`${MAX_TARGETS + 1} targets are more than one sweep takes`);
  });
});
