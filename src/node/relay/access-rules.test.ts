import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../wire/index.js';
import {
  type AccessRules,
  closedRules,
  mayUse,
  parseNetwork,
  parseRules,
  readRules,
  refusalOf,
} from './index.js';

const address = (text: string): IpAddress => IpAddress.parse(text)!;
const rules = (more: Partial<AccessRules>): AccessRules => ({ ...closedRules, ...more });
/** Addresses of the machine. */
const own = ['9.9.9.9', '2620:fe::9', '10.9.9.9'];
const refused = (text: string, more: Partial<AccessRules> = {}): string | undefined =>
  refusalOf(rules(more), address(text), (each) => own.includes(each.toString()));

describe('rules on who may use a proxy', () => {
  it('let only this machine in where nobody is named', () => {
    for (const text of ['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1'])
      expect(mayUse(closedRules, address(text)), text).toBe(true);
    for (const text of ['192.168.1.1', '2001:db8::1'])
      expect(mayUse(closedRules, address(text)), text).toBe(false);
  });

  it('let in who is named, and then not this machine by itself', () => {
    const named = rules({
      clients: [parseNetwork('192.168.0.0/16'), parseNetwork('fd00::/8'), parseNetwork('10.0.0.1')],
    });
    for (const text of ['192.168.7.7', '::ffff:192.168.7.7', 'fd12::1', '10.0.0.1'])
      expect(mayUse(named, address(text)), text).toBe(true);
    for (const text of ['192.169.0.1', '10.0.0.2', '127.0.0.1'])
      expect(mayUse(named, address(text)), text).toBe(false);
  });
});

describe('rules on destinations', () => {
  it.each(['1.1.1.1', '8.8.8.8', '2606:4700::1111', '2002:0808:0808::1', '64:ff9b::8.8.8.8'])(
    'allow %s',
    (text) => {
      expect(refused(text)).toBeUndefined();
    },
  );

  it.each([
    '127.0.0.1',
    '127.255.0.1',
    '0.0.0.0',
    '::1',
    '::',
    '::ffff:127.0.0.1',
    '64:ff9b::127.0.0.1',
    '2002:7f00:0001::',
    '::127.0.0.1',
    '::ffff:0:127.0.0.1',
    '2001:0:808:808::80ff:fffe',
  ])('take %s for this machine', (text) => {
    expect(refused(text)).toBe('loopback');
    expect(refused(text, { allowPrivate: true })).toBe('loopback');
    expect(refused(text, { allowLoopback: true })).toBeUndefined();
  });

  it.each([
    ...[
      '10.1.2.3',
      '172.16.0.1',
      '172.31.255.255',
      '192.168.0.1',
      '169.254.169.254',
      '100.64.0.1',
      '198.18.0.1',
    ],
    ...['fd00::1', 'fe80::1', '::ffff:10.0.0.1', '64:ff9b::10.0.0.1', '2002:0a00:0001::', '2001:db8::1'],
  ])('take %s for private', (text) => {
    expect(refused(text)).toBe('private');
    expect(refused(text, { allowLoopback: true })).toBe('private');
    expect(refused(text, { allowPrivate: true })).toBeUndefined();
  });

  it.each(['9.9.9.9', '2620:fe::9', '::ffff:9.9.9.9', '64:ff9b::9.9.9.9', '2002:0909:0909::1'])(
    "take %s, the machine's own, for this machine",
    (text) => {
      expect(refused(text)).toBe('loopback');
      expect(refused(text, { allowPrivate: true })).toBe('loopback');
      expect(refused(text, { allowLoopback: true })).toBeUndefined();
    },
  );

  it("hold the machine's own addresses in private networks to both rules", () => {
    expect(refused('10.9.9.9', { allowPrivate: true })).toBe('loopback');
    expect(refused('10.9.9.9', { allowLoopback: true })).toBe('private');
    expect(refused('10.9.9.9', { allowPrivate: true, allowLoopback: true })).toBeUndefined();
  });

  it.each(['224.0.0.1', '255.255.255.255', '240.0.0.1', 'ff02::1', '::ffff:224.0.0.1'])(
    'never allow %s',
    (text) => {
      expect(refused(text, { allowPrivate: true, allowLoopback: true })).toBe('not-unicast');
    },
  );

  it('refuse what is denied, also within IPv6', () => {
    const deny = [parseNetwork('8.8.8.0/24'), parseNetwork('2606:4700::/32')];
    for (const text of ['8.8.8.8', '::ffff:8.8.8.8', '64:ff9b::8.8.8.8', '2606:4700::1'])
      expect(refused(text, { deny }), text).toBe('denied');
    expect(refused('8.8.4.4', { deny })).toBeUndefined();
  });

  it.each(['', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8/8', 'example.org', '::/129', '10.0.0/8'])(
    'do not take %j for a network',
    (text) => {
      expect(() => parseNetwork(text)).toThrow(
        expect.objectContaining({ code: 'ERR_SUBFLOW_BAD_NETWORK' }) as Error,
      );
    },
  );
});

describe('a file with rules', () => {
  it('says what is to be, and leaves closed what it does not say', () => {
    expect(parseRules('{}', 'file')).toEqual(closedRules);
    const read = parseRules('{ "clients": ["10.0.0.0/8"], "deny": ["::1"], "allowPrivate": true }', 'file');
    expect(read).toEqual({
      ...{ clients: [parseNetwork('10.0.0.0/8')], deny: [parseNetwork('::1')] },
      ...{ allowPrivate: true, allowLoopback: false },
    });
  });

  it.each([
    ['{', /no JSON/],
    ['[]', /one object/],
    ['{ "client": [] }', /client: not known/],
    ['{ "deny": ["10.0.0.0/8"], "deny": [] }', /deny: is there twice/],
    ['{ "clients": "10.0.0.0/8" }', /clients: no list/],
    ['{ "deny": ["10.0.0.0/8", "x", 7], "allowPrivate": 1 }', /deny\.1: .*deny\.2: .*allowPrivate: neither/],
  ])('is refused whole, with every mistake: %s', (text, said) => {
    expect(() => parseRules(text, 'file')).toThrow(said);
  });
});

describe('the file with rules', () => {
  it('is refused by its name where it is no file, may never end, is too long or is not text', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'subflow-rules-'));
    try {
      const [pipe, long, binary] = ['pipe', 'long', 'binary'].map((name) => join(folder, name));
      execFileSync('mkfifo', [pipe!]);
      writeFileSync(long!, `{}${' '.repeat(5 << 20)}`);
      writeFileSync(binary!, new Uint8Array([0x7b, 0xff, 0x7d]));
      for (const path of [pipe!, long!, binary!, folder, '/dev/zero', join(folder, 'none'), ''])
        await expect(readRules(path)).rejects.toMatchObject({
          code: 'ERR_SUBFLOW_BAD_RULES',
          message: expect.stringContaining(`${path} cannot be read: `) as string,
        });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
