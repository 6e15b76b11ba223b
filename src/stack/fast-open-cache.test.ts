import { describe, expect, it } from 'vitest';
import { MINUTE } from '../base/index.js';
import { IpAddress } from '../wire/index.js';
import { FastOpenCache } from './fast-open-cache.js';

const [local, server, other] = ['192.0.2.1', '192.0.2.2', '192.0.2.3'].map((text) => IpAddress.parse(text)!);
const cookie = Uint8Array.from([1, 2, 3, 4]);

describe('what a client remembers for Fast Open', () => {
  it('is the cookie and the MSS of each server, until the cookie is too old (RFC 7413 §4.1.3)', () => {
    const cache = new FastOpenCache(10, 60 * MINUTE);
    cache.learn(0, local!, server!, cookie, false, 1400);
    expect(cache.find(60 * MINUTE, local!, server!)).toMatchObject({ cookie, mss: 1400, restsUntil: 0 });
    expect(cache.find(0, local!, other!)).toBeUndefined();
    expect(cache.find(61 * MINUTE, local!, server!)?.cookie).toBeUndefined();
  });

  it('rests a server whose SYN was lost, longer each time up to an hour, and no other (RFC 7413 §4.1.3.1)', () => {
    const cache = new FastOpenCache(10, 60 * MINUTE);
    const rests = Array.from({ length: 8 }, () => {
      cache.noteLoss(0, local!, server!);
      return cache.find(0, local!, server!)!.restsUntil / MINUTE;
    });
    expect(rests).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
    cache.learn(0, local!, other!, cookie, false, 1400);
    expect(cache.find(0, local!, other!)!.restsUntil).toBe(0);
  });

  it('forgives losses once it worked', () => {
    const cache = new FastOpenCache(10, 60 * MINUTE);
    cache.noteLoss(0, local!, server!);
    cache.noteLoss(0, local!, server!);
    cache.noteSuccess(local!, server!);
    expect(cache.find(0, local!, server!)!.restsUntil).toBe(0);
    cache.noteLoss(0, local!, server!);
    expect(cache.find(0, local!, server!)!.restsUntil).toBe(MINUTE);
  });

  it('is bounded: the server used longest ago goes first', () => {
    const cache = new FastOpenCache(2, 60 * MINUTE);
    cache.learn(0, local!, server!, cookie, false, 0);
    cache.learn(0, local!, other!, cookie, false, 0);
    cache.find(0, local!, server!);
    cache.learn(0, server!, local!, cookie, false, 0);
    expect(cache.size).toBe(2);
    expect(cache.find(0, local!, other!)).toBeUndefined();
    expect(cache.find(0, local!, server!)).toBeDefined();
  });
});
