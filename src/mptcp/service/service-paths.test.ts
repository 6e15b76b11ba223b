import { describe, expect, it } from 'vitest';
import { World, localAddress } from '../../../test/support/mptcp-world.js';
import type { PathOptions } from '../../../test/support/mptcp-world.js';
import { MILLISECOND, SECOND } from '../../base/index.js';
import type { LinkFacts, ServiceType } from '../../policy/index.js';
import type { ServiceTypeOptions } from './service-options.js';
import { settingsForServiceType } from './service-settings.js';

const wifiFacts: LinkFacts = { kind: 'wifi', isMetered: false, hasCarrier: true, signalDbm: -55 };
const cellFacts: LinkFacts = { kind: 'cellular', isMetered: true, hasCarrier: true };
const wifi: PathOptions = { rateBps: 20e6, delayNs: 10 * MILLISECOND, queueBytes: 50_000 };
const cell: PathOptions = { rateBps: 10e6, delayNs: 30 * MILLISECOND, queueBytes: 100_000 };

/** A client with Wi-Fi and cellular, whose links may change. */
class Phone {
  readonly world: World;

  constructor(type: ServiceType, options: ServiceTypeOptions = {}) {
    const server = settingsForServiceType(type);
    const client = settingsForServiceType(type, options);
    this.world = new World({ paths: [wifi, cell], client, server }).connect();
    this.tell();
    this.world.tellAddresses(this.world.server, [localAddress('server', 0)]);
    this.world.send('client', 1000).send('server', 1000).run(SECOND);
  }

  /** Tells the client what its links are like; undefined for one without carrier. */
  tell(wifiNow: LinkFacts | undefined = wifiFacts, cellNow: LinkFacts | undefined = cellFacts): void {
    this.world.tellAddresses(this.world.client, [
      ...(wifiNow === undefined ? [] : [localAddress('client', 0, { link: { id: 1, facts: wifiNow } })]),
      ...(cellNow === undefined ? [] : [localAddress('client', 1, { link: { id: 2, facts: cellNow } })]),
    ]);
  }

  /** The open paths, in words. */
  get paths(): string[] {
    return this.world.client.open.subflows
      .filter(({ state }) => state === 'active')
      .map((subflow) => {
        const name = this.world.pathOf('client', subflow) === 0 ? 'wifi' : 'cell';
        return subflow.backup ? `${name} backup` : name;
      })
      .sort();
  }

  /** Payload bytes that crossed cellular, both ways. */
  get cellBytes(): number {
    return this.world.trace
      .filter(({ path, isDropped }) => path === 1 && !isDropped)
      .reduce((sum, { payloadLength }) => sum + payloadLength, 0);
  }

  /** Lets both sides send, and says whether all arrived as it was sent. */
  exchange(bytes = 200_000): boolean {
    this.world.send('client', bytes).send('server', bytes);
    const { client, server } = this.world;
    return this.world.runUntil(() => this.world.isDelivered()) && client.wrongAt + server.wrongAt === -2;
  }
}

describe('while both links are fine', () => {
  it.each([
    ['none', ['wifi']],
    ['handover', ['wifi']],
    ['interactive', ['cell backup', 'wifi']],
    ['aggregate', ['cell', 'wifi']],
    ['targetBased', ['cell backup', 'wifi']],
  ] as const)('%s has the paths %j', (type, paths) => {
    const phone = new Phone(type);
    expect(phone.exchange()).toBe(true);
    expect(phone.paths).toEqual(paths);
    expect(phone.world.client.open.isFallback).toBe(type === 'none');
    expect(phone.cellBytes > 0).toBe(type === 'aggregate');
  });

  it('nothing wakes an idle connection', () => {
    for (const type of ['handover', 'interactive', 'aggregate', 'targetBased'] as const) {
      const phone = new Phone(type);
      phone.world.run(60 * SECOND);
      expect(phone.world.client.open.pollTimeout()).toBe(Number.POSITIVE_INFINITY);
    }
  });
});

describe('handover', () => {
  it('opens cellular while the Wi-Fi signal is weak, without using it, and closes it when the signal is strong', () => {
    const phone = new Phone('handover');
    phone.tell({ ...wifiFacts, signalDbm: -80 });
    expect(phone.exchange()).toBe(true);
    expect(phone.paths).toEqual(['cell backup', 'wifi']);
    expect(phone.cellBytes).toBe(0);
    phone.tell({ ...wifiFacts, signalDbm: -60 });
    phone.world.run(SECOND);
    expect(phone.paths).toEqual(['wifi']);
  });

  it('moves when Wi-Fi dies unseen, gives it up, comes back when it works again, and closes cellular', () => {
    const phone = new Phone('handover');
    phone.world.send('client', 3_000_000).run(500 * MILLISECOND);
    phone.world.paths[0]!.isUp = false;
    phone.world.run(500 * MILLISECOND);
    expect(phone.paths).toEqual(['cell', 'wifi backup']);
    phone.world.run(2 * SECOND);
    expect(phone.paths).toEqual(['cell']);
    phone.world.paths[0]!.isUp = true;
    expect(phone.world.runUntil(() => phone.paths.join() === 'wifi', 60 * SECOND)).toBe(true);
    // What was in flight there when it was closed.
    phone.world.run(SECOND);
    const before = phone.cellBytes;
    expect(phone.exchange()).toBe(true);
    expect(phone.cellBytes).toBe(before);
  });

  it('notices that a download stopped, by asking the path for a sign of life', () => {
    const phone = new Phone('handover');
    phone.world.send('server', 3_000_000).run(500 * MILLISECOND);
    phone.world.paths[0]!.isUp = false;
    phone.world.run(500 * MILLISECOND);
    expect(phone.paths).toEqual(['cell', 'wifi backup']);
    expect(phone.exchange(0)).toBe(true);
  });

  it('stays on Wi-Fi when a server has nothing more to send for a while', () => {
    const phone = new Phone('handover');
    for (let i = 0; i < 5; i++) {
      phone.world.send('server', 50_000).run(3 * SECOND);
      expect(phone.paths).toEqual(['wifi']);
    }
    expect(phone.cellBytes).toBe(0);
  });

  it('lives through a time without any link', () => {
    const phone = new Phone('handover');
    phone.world.send('client', 1_000_000).run(200 * MILLISECOND);
    phone.world.paths[0]!.isUp = false;
    phone.world.client.open.setLocalAddresses(phone.world.now, []);
    phone.world.poll(phone.world.client);
    phone.world.run(5 * SECOND);
    phone.world.paths[0]!.isUp = true;
    phone.tell();
    expect(phone.exchange(0)).toBe(true);
  });
});

describe('interactive', () => {
  it('moves to cellular when Wi-Fi is slow from 600 ms on, and tries it again later', () => {
    const phone = new Phone('interactive');
    (phone.world.paths[0] as { delayNs: number }).delayNs = 400 * MILLISECOND;
    for (let i = 0; i < 100 && phone.paths[0] !== 'cell'; i++)
      phone.world.send('client', 20_000).run(200 * MILLISECOND);
    expect(phone.paths).toEqual(['cell', 'wifi backup']);
    (phone.world.paths[0] as { delayNs: number }).delayNs = 10 * MILLISECOND;
    for (let i = 0; i < 100 && phone.paths[0] !== 'cell backup'; i++)
      phone.world.send('client', 20_000).run(200 * MILLISECOND);
    expect(phone.paths).toEqual(['cell backup', 'wifi']);
    expect(phone.exchange()).toBe(true);
  });
});

describe('target-based', () => {
  it('lets cellular help only when a rate of reception would be missed', () => {
    const phone = new Phone('targetBased', { target: { rateBps: 4e6 } });
    phone.world.send('server', 1_000_000).run(2 * SECOND);
    expect(phone.cellBytes).toBe(0);
    (phone.world.paths[0] as { rateBps: number }).rateBps = 1e6;
    phone.world.send('server', 4_000_000).run(3 * SECOND);
    expect(phone.paths).toEqual(['cell', 'wifi']);
    expect(phone.cellBytes).toBeGreaterThan(300_000);
  });

  it('lets cellular help only when what was written would be late', () => {
    const phone = new Phone('targetBased', { target: { deadlineNs: 400 * MILLISECOND } });
    for (let i = 0; i < 10; i++) phone.world.send('client', 20_000).run(100 * MILLISECOND);
    expect(phone.cellBytes).toBe(0);
    (phone.world.paths[0] as { rateBps: number }).rateBps = 1e6;
    for (let i = 0; i < 10; i++) phone.world.send('client', 60_000).run(100 * MILLISECOND);
    expect(phone.cellBytes).toBeGreaterThan(100_000);
    expect(phone.exchange(0)).toBe(true);
  });
});

describe('a limit for metered links', () => {
  it('that forbids them keeps every path off them', () => {
    for (const type of ['handover', 'interactive', 'aggregate', 'targetBased'] as const) {
      const phone = new Phone(type, { metered: 'forbid' });
      expect(phone.exchange()).toBe(true);
      expect(phone.paths).toEqual(['wifi']);
      expect(phone.world.trace.filter(({ path }) => path === 1)).toEqual([]);
    }
  });

  it('ends what was there once it is reached: beyond it goes one segment sent again, and what the peer had sent by then', () => {
    const capBytes = 300_000;
    for (const sender of ['client', 'server'] as const) {
      const phone = new Phone('aggregate', { metered: { capBytes } });
      phone.world.send(sender, 5_000_000, true);
      expect(phone.world.runUntil(() => phone.world.isDelivered())).toBe(true);
      const crossed = phone.world.trace.filter(({ path }) => path === 1);
      const bytes = (from: 'client' | 'server'): number =>
        crossed.filter((view) => view.from === from).reduce((sum, view) => sum + view.payloadLength, 0);
      expect(phone.paths).toEqual(['wifi']);
      expect(phone.cellBytes).toBeGreaterThan(capBytes / 2);
      if (sender === 'client') expect(bytes('client')).toBeLessThanOrEqual(capBytes + 1460);
      // What the server's congestion window lets it have in flight.
      else expect(bytes('server')).toBeLessThanOrEqual(capBytes + 250_000);
      expect(phone.world.client.wrongAt + phone.world.server.wrongAt).toBe(-2);
    }
  });

  it('holds for the last path too: the connection waits for another one', () => {
    const phone = new Phone('handover', { metered: { capBytes: 50_000 } });
    phone.world.paths[0]!.isUp = false;
    phone.world.tellAddresses(phone.world.client, [
      localAddress('client', 1, { link: { id: 2, facts: cellFacts } }),
    ]);
    phone.world.send('client', 500_000).run(3 * SECOND);
    expect(phone.paths).toEqual([]);
    phone.world.paths[0]!.isUp = true;
    phone.tell();
    expect(phone.exchange(0)).toBe(true);
    expect(phone.paths).toEqual(['wifi']);
    expect(phone.cellBytes).toBeLessThanOrEqual(50_000 + 1460);
  });
});

describe('settings for a service type', () => {
  it('are refused where they make no sense', () => {
    const wrong = expect.objectContaining({ code: 'ERR_SUBFLOW_BAD_SETTING' }) as Error;
    expect(() => settingsForServiceType('handover', { metered: { capBytes: -1 } })).toThrow(wrong);
    expect(() => settingsForServiceType('handover', { thresholds: { recoverNs: 0 } })).toThrow(wrong);
    expect(() => settingsForServiceType('targetBased', { target: { rateBps: 0 } })).toThrow(wrong);
  });
});
