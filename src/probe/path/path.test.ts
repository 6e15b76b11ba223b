/** The path report over a path of five links in virtual time, with and without boxes. */
import { describe, expect, it } from 'vitest';
import { ProbeWorld } from '../../../test/support/probe-world.js';
import { judgeDetection, tracePathOf } from '../../experiments/index.js';
import { middleboxBehaviour, middleboxBehaviours } from '../../network/index.js';
import type { WritableIcmpExtension } from '../../wire/index.js';
import type { FindingType } from './findings.js';
import { PathRun } from './path-run.js';

const links = 5;
const trialOf = (name: string | undefined, at: number, family: 4 | 6 = 4, version: 0 | 1 = 1) => ({
  ...{ at, links, family, version, seed: 3 },
  behaviour: name === undefined ? undefined : middleboxBehaviour(name),
});

/** What each box is found as when it stands in the middle. */
const expected: Readonly<Record<string, readonly FindingType[]>> = {
  nat: ['nat'],
  'strip-capable-syn': ['mptcp-removed'],
  'strip-capable-syn-ack': ['mptcp-removed'],
  'strip-mptcp': ['mptcp-removed'],
  'strip-mptcp-eol': ['mptcp-removed'],
  'strip-mptcp-shorten': ['mptcp-removed'],
  'strip-mptcp-after-syn': ['mptcp-removed'],
  'strip-dss': ['mptcp-removed'],
  'strip-add-addr': ['mptcp-removed'],
  'strip-join-syn': ['mptcp-removed'],
  'drop-mptcp-syn': ['syn-dropped'],
  'sequence-rewriting': ['sequence-rewritten'],
  split: ['segments-cut'],
  'coalesce-keep-first': ['mss-changed', 'segments-merged'],
  'payload-rewriting': ['payload-changed'],
  'syn-proxy': ['tcp-proxy'],
  'data-proxy': ['tcp-proxy'],
  'pre-acking': ['acknowledged-early'],
  'stateful-firewall': ['stateful-firewall'],
  'hole-holding': ['holds-out-of-order'],
  'ttl-filter': ['ttl-filter'],
  'reset-injection': ['reset-injected'],
  'window-clamping': ['window-changed'],
};

describe('the report on a path of five links', () => {
  it.each([
    [4, 0],
    [4, 1],
    [6, 0],
    [6, 1],
  ] as const)('finds nothing on a clean one over IPv%i with version %i', (family, version) => {
    const report = tracePathOf(trialOf(undefined, 1, family, version));
    expect(report.findings).toEqual([]);
    expect(report.reach).toBe(links);
    expect(report.hops.map(({ address }) => address === undefined)).toEqual([false, false, false, false]);
  });

  it.each(
    Object.entries(expected).flatMap(([name, types]) => [
      [name, types, 4] as const,
      [name, types, 6] as const,
    ]),
  )('finds %s as %j, between the second and the third hop, over IPv%i', (name, types, family) => {
    const trial = trialOf(name, 3, family);
    const { findings } = tracePathOf(trial);
    expect(judgeDetection(trial, findings)).toBe('located');
    const placed = findings.filter(({ before }) => before !== undefined);
    expect([...new Set(placed.map(({ type }) => type))]).toEqual(types);
  });

  it('names the option that is removed and the packets that it is removed from', () => {
    const [finding] = tracePathOf(trialOf('strip-join-syn', 2)).findings;
    expect(finding).toMatchObject({ type: 'mptcp-removed', seenIn: ['join'] });
    expect(finding!.sentence).toContain('MP_JOIN became removed');
    expect(finding!.before!.address!.toString()).toBe('198.51.100.2');
  });

  it('tells boxes that only touch ADD_ADDR or the DSS from a clean path, behind the last router too', () => {
    for (const [name, type] of [
      ['strip-add-addr', 'address-not-echoed'],
      ['strip-dss', 'data-fails'],
    ] as const) {
      const { findings } = tracePathOf(trialOf(name, links));
      expect(findings.map((finding) => [finding.type, finding.after.ttl, finding.before])).toEqual([
        [type, links - 1, undefined],
      ]);
    }
  });

  it.each([4, 6] as const)(
    'names what routers say of themselves, and is not misled by quotations of eight bytes of TCP and zeros, over IPv%i',
    (family) => {
      const extensions: WritableIcmpExtension[] = [
        { kind: 'mpls', labels: [{ label: 16_004, trafficClass: 0, isBottom: true, ttl: 1 }] },
        { kind: 'interface', role: 'incoming', index: 7, name: 'eth0', mtuBytes: 1500 },
      ];
      const router = { maxQuotedBytes: family === 4 ? 28 : 48, extensions };
      const clean = tracePathOf({ ...trialOf(undefined, 1, family), router });
      expect(clean.findings).toEqual([]);
      expect(clean.hops.map((hop) => hop.extensions)).toEqual(
        Array.from({ length: 4 }, () => [
          'MPLS: label 16004, class 0, time to live 1',
          'came in by eth0, number 7, MTU 1500',
        ]),
      );
      const trial = { ...trialOf('sequence-rewriting', 3, family), router };
      expect(judgeDetection(trial, tracePathOf(trial).findings)).toBe('located');
    },
  );

  it('knows every middlebox there is at the third link, but for the one that leaves no trace', () => {
    const missed = middleboxBehaviours.filter(({ name }) => {
      const trial = trialOf(name, 3);
      return judgeDetection(trial, tracePathOf(trial).findings) !== 'located';
    });
    expect(missed.map(({ name }) => name)).toEqual(['ttl-normalising']);
  });

  it('is asked for by a request that servers wait for the end of', () => {
    const world = new ProbeWorld();
    const run = new PathRun(world.setup(1));
    world.probe.complete(run);
    expect(run.report().findings).toEqual([]);
    const [request, host, ...lines] = world.server.received.split('\r\n');
    expect([request, host, lines.pop()]).toEqual(['GET / HTTP/1.1', 'Host: server.example', '']);
    expect(lines.length).toBeGreaterThan(3);
    for (const line of lines) expect(line).toMatch(/^X-Filler: a+$/);
  });
});
