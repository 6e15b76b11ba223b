/** The client's side of SOCKS 6 without sockets, in bytes by hand from the figures of draft-olteanu-intarea-socks-6-11. */
import { describe, expect, it } from 'vitest';
import { fromHex, textHex } from '../../../test/support/proxy-world.js';
import { IpAddress } from '../../wire/index.js';
import { Socks6Handshake, type Socks6Asked } from './socks6-handshake.js';

const destination = { host: IpAddress.parse('198.51.100.1')!, port: 80 };
const credentials = { user: fromHex('61'), password: fromHex('62') };
const handshake = (asked: Partial<Socks6Asked> = {}): Socks6Handshake =>
  new Socks6Handshake(destination, { credentials: undefined, version: 6, ...asked });
const hex = (bytes: Uint8Array = new Uint8Array(0)): string => Buffer.from(bytes).toString('hex');
const plain = (digits: string): string => digits.replace(/\s/g, '');
const success = '06 00 0000';
const connected = '06 00 0000 0000 00 01 00000000';

describe('a request of SOCKS 6 (§5, §8.1)', () => {
  it.each([
    ['asks for Multipath TCP', {}, '0001 0008 84 02 02 00'],
    ['asks for none', { isMultipath: false }, '0001 0008 84 02 01 00'],
    [
      ...(['asks for Fast Open with any number of bytes', { synBytes: Infinity }] as const),
      '0001 0008 84 02 02 00 0001 0008 84 01 0000',
    ],
    [
      ...(['asks for Fast Open with no more bytes than it is told', { synBytes: 4 }] as const),
      '0001 0008 84 02 02 00 0001 0008 84 01 0004',
    ],
  ])('%s', (_, asked, options) => {
    const early = fromHex(textHex('early'));
    const length = (plain(options).length / 2).toString(16).padStart(4, '0');
    const wanted = `06 01 ${length} 0050 00 01 c6336401 ${options} ${textHex('early')}`;
    expect(hex(handshake(asked).begin(early).bytes)).toBe(plain(wanted));
  });

  it('learns what was done', () => {
    const asking = handshake();
    asking.begin(new Uint8Array(0));
    const options = '0001 0008 84 02 02 00 0001 0008 84 01 0005 0006 0008 01020304';
    const step = asking.read(fromHex(`${success} 06 00 0018 1388 00 01 c0000201 ${options} 2b`));
    expect(step).toMatchObject({ state: 'done', facts: { isServerMultipath: true, synBytes: 5 } });
    expect(hex(step.state === 'done' ? step.rest : undefined)).toBe('2b');
  });

  it('knows nothing where nothing is told', () => {
    const asking = handshake();
    asking.begin(new Uint8Array(0));
    expect(asking.read(fromHex(`${success} ${connected}`))).toMatchObject({
      facts: { isServerMultipath: undefined, synBytes: undefined },
    });
  });
});

describe('a user of SOCKS 6', () => {
  const selected = '06 01 0008 0003 0008 02 000000';
  const offer = '0002 0008 0005 02 00 0004 000c 02 01 01 61 01 62 0000';

  it('says the password in the request, and again where the proxy wants to be told after it (§6, §8.2)', () => {
    const asking = handshake({ credentials });
    const { bytes, earlyBytes } = asking.begin(fromHex(textHex('early')));
    expect(hex(bytes)).toContain(plain(offer));
    expect(earlyBytes).toBe(5);
    const asked = asking.read(fromHex(selected));
    expect(asked.state).toBe('more');
    expect(hex(asked.state === 'more' ? asked.send : undefined)).toBe('0101610162');
    expect(asking.read(fromHex('01 00')).state).toBe('more');
    expect(asking.read(fromHex(`${success} ${connected}`)).state).toBe('done');
  });

  it.each([
    ['that is known to nobody', '06 01 0000'],
    ['whose password is wrong both times', `${selected} 01 01 06 01 0000`],
    ['who is asked a second time (§6)', `${selected} 01 00 ${selected}`],
    ['for whom no method will do (§8.2)', '06 01 0008 0003 0008 ff 000000'],
  ])('fails %s', (_, answer) => {
    const asking = handshake({ credentials });
    asking.begin(new Uint8Array(0));
    let step = asking.read(new Uint8Array(0));
    for (const byte of fromHex(answer)) step = asking.read(Uint8Array.of(byte));
    expect(step).toMatchObject({
      ...{ state: 'failed', error: { code: 'ERR_SUBFLOW_PROXY_AUTHENTICATION' } },
    });
  });

  it('who has no password has none to say', () => {
    const asking = handshake();
    asking.begin(new Uint8Array(0));
    expect(asking.read(fromHex(selected))).toMatchObject({ state: 'failed' });
  });
});

describe('an answer of another version (§5.1)', () => {
  it.each(['d4', '05', '00'])('ends it: %s', (answer) => {
    const asking = handshake();
    asking.begin(new Uint8Array(0));
    expect(asking.read(fromHex(answer))).toMatchObject({
      ...{ state: 'failed', error: { code: 'ERR_SUBFLOW_PROXY_NO_ANSWER' } },
    });
  });
});
