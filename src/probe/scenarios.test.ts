/** Every scenario against our own stack as a server, in virtual time. */
import { describe, expect, it } from 'vitest';
import { ProbeWorld, secondAddress } from '../../test/support/probe-world.js';
import { compare, knownStacks } from './known-reactions.js';
import type { Reaction } from './outcome.js';
import { scenarios } from './scenarios/index.js';
import { judge } from './verdict.js';

const linux = knownStacks.find(({ name }) => name === 'linux')!.reactions[1]!;

/** What our server does, by version: what Linux does but for what is said here. */
const reactions: Readonly<Record<0 | 1, Readonly<Record<string, Reaction>>>> = {
  0: {
    ...linux,
    'no-dss-checksum': 'subflow-closed',
    'join-before-data': 'join-refused',
    'add-address': 'ignored',
  },
  1: { ...linux, 'invalid-key': 'fell-back', 'no-dss-checksum': 'subflow-closed' },
};

describe.each([
  [0, 4],
  [0, 6],
  [1, 4],
  [1, 6],
] as const)('a server of ours that speaks version %i over IPv%i', (version, family) => {
  it.each(scenarios.map(({ name }) => name))('reacts to %s as it should', (name) => {
    const world = new ProbeWorld({ versions: [version], checksum: true }, family);
    const result = world.run(name, version);
    expect(result.reaction).toBe(reactions[version][name]);
    expect(result.packets.length).toBeLessThan(40);
  });

  it('has nothing left of any scenario', () => {
    const world = new ProbeWorld({ versions: [version], checksum: true }, family);
    for (const { name } of scenarios) world.run(name, version);
    world.simulator.run({ until: world.simulator.now + 600e9 });
    expect(world.host.stack.connectionCount).toBe(0);
  });
});

describe('the compliant scenario', () => {
  it('joins from a second address where there is one', () => {
    const result = new ProbeWorld().run('compliant', 1, { joinLocal: secondAddress });
    expect(result.reaction).toBe('accepted');
    expect(result.join?.kind).toBe('accepted');
  });

  it('gives the server the whole request, in pieces over both subflows', () => {
    const world = new ProbeWorld();
    world.run('compliant', 1);
    expect(world.server.received).toMatch(/^GET \/ HTTP\/1\.1\r\nHost: .*\r\n\r\n$/s);
  });

  it('finds plain TCP where the server speaks nothing else', () => {
    const result = new ProbeWorld({ enabled: false }).run('compliant', 1);
    expect(result.reaction).toBe('plain-tcp');
    expect(judge([result])).toMatchObject({ support: 'none', versions: [] });
  });

  it('finds no version 0 where the server speaks version 1 alone', () => {
    const world = new ProbeWorld({ versions: [1] });
    const results = [world.run('compliant', 1), world.run('compliant', 0)];
    expect(results.map(({ reaction }) => reaction)).toEqual(['accepted', 'plain-tcp']);
    expect(judge(results)).toMatchObject({ support: 'full', versions: [1] });
  });

  it('cannot tell where nothing listens', () => {
    const world = new ProbeWorld();
    const { address } = world.setup(1).target;
    const result = world.run('compliant', 1, { target: { address, port: 81 } });
    expect(result.reaction).toBe('port-closed');
    expect(judge([result]).support).toBe('unknown');
  });

  it('says that checksums are not in use where neither side asks for them', () => {
    const world = new ProbeWorld({ versions: [0], checksum: false });
    expect(world.run('no-dss-checksum', 0).reaction).toBe('not-applicable');
  });
});

describe('the table of known reactions', () => {
  it('speaks of scenarios that exist, in versions that they exist for', () => {
    for (const { reactions: byVersion } of knownStacks) {
      for (const version of [0, 1] as const) {
        for (const name of Object.keys(byVersion[version] ?? {}))
          expect(scenarios.find((scenario) => scenario.name === name)?.versions).toContain(version);
      }
    }
  });

  it('compares every reaction with Linux and with Apple, and says nothing of a port that is closed', () => {
    const world = new ProbeWorld();
    const bySame = (name: string, version: 0 | 1, settings = {}): Record<string, boolean> =>
      Object.fromEntries(
        compare(new ProbeWorld(settings).run(name, version)).map(({ isSame, stack }) => [stack, isSame]),
      );
    for (const { name } of scenarios) expect(Object.keys(bySame(name, 1))).toEqual(['linux', 'apple']);
    expect(bySame('compliant', 1)).toEqual({ linux: true, apple: false });
    expect(bySame('compliant', 1, { enabled: false })).toEqual({ linux: false, apple: true });
    expect(bySame('wrong-version', 1, { enabled: false })).toEqual({ linux: false, apple: true });
    expect(bySame('compliant', 0, { versions: [1] })).toEqual({
      ...{ linux: true, 'multipath-tcp-org': false, apple: true },
    });
    const { address } = world.setup(1).target;
    expect(compare(world.run('compliant', 1, { target: { address, port: 81 } }))).toEqual([]);
  });
});
