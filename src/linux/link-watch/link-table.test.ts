import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../wire/index.js';
import { kindByNews } from './link-kind.js';
import { decodeNews, type LinkNews } from './link-news.js';
import { LinkTable, MAX_ADDRESSES, MAX_DEFAULT_ROUTES, MAX_LINKS } from './link-table.js';

const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replace(/\s/g, ''), 'hex'));

function link(index: number, more: Partial<LinkNews> = {}): LinkNews {
  return {
    ...{ kind: 'link', isGone: false, index, name: `eth${index}`, hardwareType: 1, madeBy: '' },
    ...{ hardwareAddress: undefined, isUp: true, isLoopback: false, hasCarrier: true },
    ...more,
  };
}

function address(index: number, last: number): Parameters<LinkTable['apply']>[0] {
  const own = new IpAddress(4, 0, 0, 0, 0x0a000000 + last);
  return { kind: 'address', index, isGone: false, address: own, prefixLength: 24, scope: 'global' };
}

describe('messages about links', () => {
  it('have the layout of the kernel: struct ifinfomsg, then the name and who made it', () => {
    const body = bytesOf(
      '00 00 0100 07000000 43100100 00000000' +
        '0a000300 776c616e3000 0000' +
        '10001200 09000100 76657468 00000000',
    );
    expect(decodeNews({ type: 16, sequence: 0, body })).toMatchObject({
      ...{ kind: 'link', isGone: false, index: 7, name: 'wlan0', madeBy: 'veth', hardwareType: 1 },
      ...{ isUp: true, hasCarrier: true, isLoopback: false },
    });
    expect(decodeNews({ type: 17, sequence: 0, body })).toMatchObject({ isGone: true });
  });

  it('of a bridge, that an interface left it, say nothing of the interface', () => {
    const body = bytesOf('07 00 0100 07000000 43100100 00000000 09000300 65746830 00000000');
    expect(decodeNews({ type: 17, sequence: 0, body })).toBeUndefined();
    body[0] = 0;
    expect(decodeNews({ type: 17, sequence: 0, body })).toMatchObject({ isGone: true, name: 'eth0' });
  });

  it('are read without harm whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.integer({ min: 14, max: 27 }), fc.uint8Array({ maxLength: 80 }), (type, body) => {
        // Families and lengths that lead further in.
        if (body.length > 2) body[0] = [0, 2, 10][body[0]! % 3]!;
        if (body.length > 2 && type >= 24) body[1] = body[2] = 0;
        const news = decodeNews({ type, sequence: 0, body });
        if (news?.kind === 'address') expect(news.prefixLength).toBeLessThanOrEqual(128);
        if (news?.kind === 'link') expect(news.name).not.toBe('');
      }),
    );
  });

  it('leave addresses out that are being checked, unless they may be used meanwhile (RFC 4429)', () => {
    const body = (flags: string): Uint8Array =>
      bytesOf(`0a 40 80 00 03000000 14000100 20010db8000000000000000000000001 08000800 ${flags}000000`);
    expect(decodeNews({ type: 20, sequence: 0, body: body('40') })).toMatchObject({ isGone: true });
    expect(decodeNews({ type: 20, sequence: 0, body: body('44') })).toMatchObject({ isGone: false });
    expect(decodeNews({ type: 20, sequence: 0, body: body('80') })).toMatchObject({
      ...{ isGone: false, index: 3, prefixLength: 64, scope: 'global' },
    });
  });
});

describe('the kind of a link', () => {
  it.each([
    [{ name: 'wlp3s0' }, 'wifi'],
    [{ name: 'wwan0' }, 'cellular'],
    [{ name: 'rmnet_data0', hardwareType: 519 }, 'cellular'],
    [{ name: 'bnep0' }, 'cellular'],
    [{ name: 'modem', madeBy: 'wwan', hardwareType: 0xfffe }, 'cellular'],
    [{ name: 'enp5s0' }, 'wired'],
    [{ name: 'br0', madeBy: 'bridge' }, 'wired'],
    [{ name: 'ppp0', hardwareType: 512 }, 'unknown'],
    [{ name: 'tun0', hardwareType: 0xfffe, madeBy: 'tun' }, 'unknown'],
    [{ name: 'lo', hardwareType: 772, isLoopback: true }, 'unknown'],
  ] as const)('with %j is %s', (more, kind) => {
    expect(kindByNews(link(1, more))).toBe(kind);
  });
});

describe('a table of links', () => {
  it('holds so many links, addresses and routes and no more', () => {
    const table = new LinkTable(kindByNews);
    for (let i = 1; i <= MAX_LINKS + 10; i++) table.apply(link(i));
    for (let i = 1; i <= MAX_ADDRESSES + 10; i++) table.apply(address(1, i));
    const route = { family: 4, gateway: undefined, metric: 0, table: 254 } as const;
    table.replaceRoutes(Array.from({ length: MAX_DEFAULT_ROUTES + 10 }, () => ({ index: 1, route })));
    expect(table.takeChanges()).toHaveLength(MAX_LINKS);
    expect(table.links).toHaveLength(MAX_LINKS);
    expect(table.links[0]!.addresses).toHaveLength(MAX_ADDRESSES);
    expect(table.links[0]!.defaultRoutes).toHaveLength(MAX_DEFAULT_ROUTES);
  });

  it('knows nothing of an address whose link it does not know', () => {
    const table = new LinkTable(kindByNews);
    table.apply(address(5, 1));
    expect(table.takeChanges()).toEqual([]);
  });

  it('tells what is different after everything was asked anew, and nothing else', () => {
    const table = new LinkTable(kindByNews);
    for (const index of [1, 2, 3]) table.apply(link(index));
    table.apply(address(1, 1));
    table.takeChanges();
    table.clear();
    table.apply(link(1));
    table.apply(address(1, 1));
    table.apply(link(3, { hasCarrier: false }));
    expect(table.takeChanges()).toMatchObject([
      { before: { index: 2 }, after: undefined },
      { before: { hasCarrier: true }, after: { index: 3, hasCarrier: false } },
    ]);
    expect(table.takeChanges()).toEqual([]);
  });

  it('asks for the kind of a link again when it has another name', () => {
    const asked: string[] = [];
    const table = new LinkTable((news) => {
      asked.push(news.name);
      return 'wired';
    });
    for (const name of ['eth0', 'eth0', 'wan']) table.apply(link(1, { name }));
    expect(asked).toEqual(['eth0', 'wan']);
  });
});
