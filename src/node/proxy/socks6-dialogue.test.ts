/** The proxy's side of SOCKS 6 without sockets, in bytes by hand from the figures of draft-olteanu-intarea-socks-6-11. */
import { describe, expect, it } from 'vitest';
import { fromHex, textHex } from '../../../test/support/proxy-world.js';
import { SeededRandom } from '../../base/index.js';
import type { DialogueStep } from './dialogue.js';
import { Socks6Dialogue, type Socks6World } from './socks6-dialogue.js';
import { Socks6Session, Socks6Sessions } from './socks6-sessions.js';
import type { OpenedConnection } from './upstream.js';

/** A dialogue, and what it sent by now in hexadecimal. */
function dialogueOf(world: Partial<Socks6World> = {}) {
  const sessions = new Socks6Sessions(new SeededRandom(1));
  const dialogue = new Socks6Dialogue({ sessions, needsUser: false, nowMs: () => 0, ...world });
  const read = (digits: string): DialogueStep & { sent: string } => {
    const step = dialogue.read(fromHex(digits));
    return { ...step, sent: hex(step.send) };
  };
  return { dialogue, read };
}
const hex = (bytes: Uint8Array = new Uint8Array(0)): string => Buffer.from(bytes).toString('hex');
const plain = (digits: string): string => digits.replace(/\s/g, '');
/** A request for 198.51.100.1, port 80. */
const request = (options: string, command = '01'): string =>
  `06 ${command} ${(plain(options).length / 2).toString(16).padStart(4, '0')} 0050 00 01 c6336401 ${options}`;
/** What a connection came to. */
const opened = (facts: Partial<OpenedConnection> = {}): OpenedConnection => ({
  ...{ end: undefined as never, earlyBytes: 0, received: new Uint8Array(0), way: 'direct', bound: undefined },
  ...{ isServerMultipath: false, synBytes: 0, ...facts },
});
/** An operation reply with an unspecified address. */
const reply = (code: string, options = ''): string =>
  plain(
    `06 ${code} ${(plain(options).length / 2).toString(16).padStart(4, '0')} 0000 00 01 00000000 ${options}`,
  );

const MULTIPATH_THERE = '0001 0008 84 02 02 00';
const MULTIPATH_NOT_THERE = '0001 0008 84 02 01 00';
const fastOpen = (size: string): string => `0001 0008 84 01 ${size}`;

describe('Multipath TCP to the server (§8.1)', () => {
  it.each([
    ['is not used unasked', '', 'asked', false],
    ['is used when it is asked for', '0001 0008 84 02 02 00', 'asked', true],
    ['is used when it is asked for on both legs', '0001 0008 c4 02 02 00', 'asked', true],
    ['is not used where only the other leg was asked about', '0001 0008 44 02 02 00', 'asked', false],
    ['is not used for a value that there is not', '0001 0008 84 02 03 00', 'asked', false],
    ['is used unasked where the proxy is set to it', '', 'always', true],
    ['is not used against the word of the client', '0001 0008 84 02 01 00', 'always', false],
  ])('%s', (_, options, when, isMultipath) => {
    const { read } = dialogueOf({ isMultipathAlways: when === 'always' });
    expect(read(request(options))).toMatchObject({ act: 'open', isMultipath });
  });

  it.each([
    ['where it was asked for and is there', '0001 0008 84 02 02 00', true, MULTIPATH_THERE],
    ['where it was asked for and is not there', '0001 0008 84 02 02 00', false, MULTIPATH_NOT_THERE],
    ['where it was not wanted', '0001 0008 84 02 01 00', false, MULTIPATH_NOT_THERE],
    ['unasked where it is there', '', true, MULTIPATH_THERE],
    ['not at all where it is not there and nobody asked', '', false, ''],
    ['of both connections', '0001 0008 c4 02 02 00', true, `0001 0008 44 02 01 00 ${MULTIPATH_THERE}`],
    ['once, however often it was asked', '0001 0008 84 02 02 00'.repeat(9), true, MULTIPATH_THERE],
    ['not where a proxy further on does not tell', '0001 0008 84 02 02 00', undefined, ''],
  ])('is told %s', (_, options, isServerMultipath, answer) => {
    const { dialogue, read } = dialogueOf();
    read(request(options));
    expect(hex(dialogue.opened(opened({ isServerMultipath }), false))).toBe(reply('00', answer));
  });
});

describe('Fast Open to the server (§5, §8.1)', () => {
  it.each([
    ['is used with any number of bytes', fastOpen('0000'), Infinity],
    ['is used with no more bytes than the client says', fastOpen('0004'), 4],
    ['is not used unasked', '', 0],
  ])('%s', (_, options, synBytes) => {
    const step = dialogueOf().read(`${request(options)} ${textHex('early')}`);
    expect(step).toMatchObject({ act: 'open', early: fromHex(textHex('early')), synBytes });
  });

  it.each([
    ['with the bytes that the server took', 5, fastOpen('0005')],
    ['with none, where it could not be used', 0, fastOpen('0000')],
    ['with no more than can be written', 70_000, fastOpen('ffff')],
  ])('is answered %s', (_, synBytes, answer) => {
    const { dialogue, read } = dialogueOf();
    read(`${request(fastOpen('0578'))} ${textHex('early')}`);
    expect(hex(dialogue.opened(opened({ synBytes }), false))).toBe(reply('00', answer));
  });

  it('and Multipath TCP are answered when no connection came about, and where none was wanted', () => {
    const asked = `${fastOpen('0000')} 0001 0008 84 02 02 00`;
    const answer = `${MULTIPATH_NOT_THERE} ${fastOpen('0000')}`;
    const { dialogue, read } = dialogueOf();
    read(request(asked));
    expect(hex(dialogue.failed('refused'))).toBe(reply('05', answer));
    expect(read(request(asked, '02')).sent).toBe(`06000000${reply('07', answer)}`);
    expect(read(request(asked, '00')).sent).toBe(`06000000${reply('00', answer)}`);
  });
});

describe('a session (§8.4)', () => {
  it('is named in the authentication reply (§8.4), and in the operation reply that says success (§8.4.1)', () => {
    const { dialogue, read } = dialogueOf();
    const { sent } = read(request('0005 0004'));
    expect(sent).toMatch(/^0600001400060014[0-9a-f]{32}$/);
    const named = sent.slice(8);
    expect(hex(dialogue.opened(opened(), false))).toBe(reply('00', named));
    expect(hex(dialogue.failed('refused'))).toBe(reply('05'));
  });

  it('is not named to those who have it', () => {
    const sessions = new Socks6Sessions(new SeededRandom(1));
    const id = hex(sessions.create(0).id);
    const { dialogue, read } = dialogueOf({ sessions, needsUser: true });
    // A second one cannot be had from within (§8.4.1), and what is said of the user is not looked at (§8.4.2).
    const options = `0006 0014 ${id} 0005 0004 0004 000c 02 01 01 61 01 62 0000`;
    expect(read(request(options)).sent).toBe('0600000400080004');
    expect(hex(dialogue.opened(opened(), false))).toBe(reply('00'));
    expect(sessions.count).toBe(1);
  });
});

describe('tokens (§8.5.3)', () => {
  const session = (size: number): Socks6Session => {
    const made = new Socks6Session(new Uint8Array(4), 0);
    made.openWindow(0xfffffffe, size);
    return made;
  };
  const spend = (made: Socks6Session, ...places: number[]): number => {
    for (const place of places) expect(made.spend((0xfffffffe + place) >>> 0), `token ${place}`).toBe(true);
    return (made.window!.base - 0xfffffffe) >>> 0;
  };

  it('go on when the lowest is spent, past all that are', () => {
    expect(spend(session(8), 1, 2)).toBe(0);
    expect(spend(session(8), 1, 2, 0)).toBe(3);
  });

  it('go on when one near the end is spent, though the lowest never is', () => {
    const made = session(8);
    expect(spend(made, 5)).toBe(0);
    expect(spend(made, 6)).toBe(1);
    // However many follow, there are always some to spend.
    expect(spend(made, ...Array.from({ length: 1000 }, (_, i) => 7 + i))).toBeGreaterThan(990);
  });

  it('do not go on past the last that is not spent', () => {
    expect(spend(session(4), 1, 2, 3)).toBe(0);
    expect(spend(session(4), 1, 2, 3, 0)).toBe(4);
    expect(spend(session(1), 0)).toBe(1);
  });
});

describe('methods (§8.2)', () => {
  const password = '01 01 61 01 62';

  it('that are offered beside none at all are taken', () => {
    const { read } = dialogueOf({ needsUser: true });
    const selected = '06010008 0003 0008 02 000000';
    expect(read(request('0002 0008 0000 00 02')).sent).toBe(plain(selected));
    expect(read(password)).toMatchObject({ act: 'authenticate' });
  });

  it('come with initial data for CONNECT alone', () => {
    const { read } = dialogueOf({ needsUser: true });
    read(request('0002 0008 0005 02 00', '00'));
    expect(read(password)).toMatchObject({ act: 'authenticate' });
  });
});

describe('an address of a type that is not known (§7)', () => {
  it('is answered with code 8', () => {
    const { read } = dialogueOf();
    const said = read('06 01 0000 0050 00 02 c6336401');
    expect(said).toMatchObject({ act: 'end', error: 'bad-address-type', sent: `06000000${reply('08')}` });
  });

  it('tells nobody more than that they are not known where users are asked for', () => {
    const { read } = dialogueOf({ needsUser: true });
    expect(read('06 01 0000 0050 00 02 c6336401')).toMatchObject({ act: 'end', sent: '06010000' });
  });
});
