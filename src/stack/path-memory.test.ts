import { describe, expect, it } from 'vitest';
import { MINUTE, SECOND } from '../base/index.js';
import { IpAddress } from '../wire/index.js';
import { defaultPathMemorySettings, PathMemory } from './path-memory.js';

const ip = (text: string): IpAddress => IpAddress.parse(text)!;
const wifi = ip('192.168.1.2');
const lte = ip('10.0.0.2');
const peer = ip('203.0.113.1');
const peers = Array.from({ length: 10 }, (_, i) => ip(`203.0.113.${10 + i}`));
const memory = (overrides = {}): PathMemory => new PathMemory({ ...defaultPathMemorySettings, ...overrides });

describe('PathMemory', () => {
  it('rests the path that lost SYNs, and no other', () => {
    const paths = memory();
    paths.noteLost(0, 'capable', wifi, peer);
    expect(paths.advise(MINUTE - 1, 'capable', wifi, peer)).toBe('leave-out');
    expect(paths.advise(0, 'capable', lte, peer)).toBe('usual');
    expect(paths.advise(0, 'capable', wifi, peers[0]!)).toBe('usual');
    expect(paths.advise(0, 'join', wifi, peer)).toBe('usual');
  });

  it('then tries one SYN, doubles the rest with each loss, and never rests longer than its bound', () => {
    const paths = memory();
    const rests: number[] = [];
    let now = 0;
    for (let i = 0; i < 8; i++) {
      paths.noteLost(now, 'capable', wifi, peer);
      let restNs = 0;
      while (paths.advise(now + restNs, 'capable', wifi, peer) === 'leave-out') restNs += 30 * SECOND;
      expect(paths.advise(now + restNs, 'capable', wifi, peer)).toBe('trial');
      rests.push(restNs / MINUTE);
      now += restNs;
    }
    expect(rests).toEqual([1, 2, 4, 8, 10, 10, 10, 10]);
  });

  it('counts connections that lost at the same time once', () => {
    const paths = memory();
    for (let i = 0; i < 20; i++) paths.noteLost(i, 'capable', wifi, peer);
    expect(paths.advise(MINUTE, 'capable', wifi, peer)).toBe('trial');
  });

  it('forgives at once on success, and forgets what nobody tried for long', () => {
    const paths = memory();
    paths.noteLost(0, 'capable', wifi, peer);
    paths.notePassed('capable', wifi, peer);
    expect(paths.advise(1, 'capable', wifi, peer)).toBe('usual');
    paths.noteLost(0, 'join', wifi, peer);
    expect(paths.advise(62 * MINUTE, 'join', wifi, peer)).toBe('usual');
    expect(paths.size).toBe(0);
  });

  it('suspects a network in which several peers were lost, until one passes', () => {
    const paths = memory();
    for (const lost of peers.slice(0, 3)) paths.noteLost(0, 'capable', wifi, lost);
    expect(paths.advise(0, 'capable', wifi, peer)).toBe('trial');
    expect(paths.advise(0, 'capable', lte, peer)).toBe('usual');
    paths.notePassed('capable', wifi, peer);
    expect(paths.advise(0, 'capable', wifi, peers[5]!)).toBe('usual');
    expect(paths.advise(0, 'capable', wifi, peers[0]!)).toBe('leave-out');
  });

  it('forgets an address that is gone', () => {
    const paths = memory();
    for (const lost of peers.slice(0, 3)) paths.noteLost(0, 'capable', wifi, lost);
    paths.noteLost(0, 'join', wifi, peer);
    paths.noteLost(0, 'capable', lte, peer);
    paths.forgetAddress(wifi);
    expect(paths.size).toBe(1);
    expect(paths.advise(0, 'capable', wifi, peers[0]!)).toBe('usual');
    expect(paths.advise(0, 'capable', wifi, peer)).toBe('usual');
  });

  it('remembers no more paths than its limit, the newest; none when that is 0', () => {
    const paths = memory({ maxPaths: 4, suspectAfterPeers: 100 });
    for (const lost of peers) paths.noteLost(0, 'capable', wifi, lost);
    expect(paths.size).toBe(4);
    expect(paths.advise(0, 'capable', wifi, peers[9]!)).toBe('leave-out');
    expect(paths.advise(0, 'capable', wifi, peers[0]!)).toBe('usual');
    const off = memory({ maxPaths: 0 });
    off.noteLost(0, 'capable', wifi, peer);
    expect(off.size).toBe(0);
  });
});
