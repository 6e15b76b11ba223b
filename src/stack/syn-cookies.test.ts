import { describe, expect, it } from 'vitest';
import { SeededRandom, SECOND, seq32 } from '../base/index.js';
import { IpAddress } from '../wire/index.js';
import { SynCookies } from './syn-cookies.js';

const subject = {
  local: IpAddress.parse('192.0.2.1')!,
  remote: IpAddress.parse('198.51.100.7')!,
  ports: 0x01bb_c350,
  peerSequence: seq32(0xffff_fff0),
};

describe('SynCookies', () => {
  const cookies = new SynCookies(new SeededRandom(5));

  it('gives back the largest MSS of its table that the peer can take', () => {
    const seen = [1, 0, 536, 1219, 1220, 1460, 65_495].map((mss) =>
      cookies.check(SECOND, subject, cookies.make(0, subject, mss)),
    );
    expect(seen).toEqual([216, 536, 536, 536, 1220, 1460, 1460]);
  });

  it('is good for the four-tuple, the sequence number and the host it was made for', () => {
    const cookie = cookies.make(0, subject, 1460);
    expect(cookies.check(0, { ...subject, ports: subject.ports + 1 }, cookie)).toBeUndefined();
    expect(cookies.check(0, { ...subject, remote: subject.local }, cookie)).toBeUndefined();
    expect(cookies.check(0, { ...subject, peerSequence: seq32(1) }, cookie)).toBeUndefined();
    expect(cookies.check(0, subject, seq32(cookie + 1))).toBeUndefined();
    expect(new SynCookies(new SeededRandom(6)).check(0, subject, cookie)).toBeUndefined();
  });

  it('goes stale after two to three minutes', () => {
    const cookie = cookies.make(100 * SECOND, subject, 1460);
    expect(cookies.check(190 * SECOND, subject, cookie)).toBe(1460);
    expect(cookies.check(330 * SECOND, subject, cookie)).toBeUndefined();
  });
});
