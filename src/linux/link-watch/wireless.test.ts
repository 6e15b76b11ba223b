import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeWith } from '../../../test/support/with-rights.js';
import { mayCreateNamespaces } from '../capabilities.js';
import { NetworkNamespace } from '../namespace.js';
import { decodeReplies, encodeRequest, type NetlinkReply } from '../netlink/index.js';
import { kindBySysfs } from './link-kind.js';
import type { LinkNews } from './link-news.js';
import { aboutInterface, decodeStation, isWirelessClient } from './nl80211.js';
import { Wireless } from './wireless.js';

const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replace(/\s/g, ''), 'hex'));

function dataOf(reply: NetlinkReply | undefined): ReadonlyMap<number, Uint8Array> {
  if (reply?.kind !== 'data') throw new Error('it is no data');
  return reply.attributes;
}

/** NL80211_CMD_NEW_STATION as the kernel answers a dump: generation, interface, station's address, what is known of it. */
const station = bytesOf(
  '68000000 1d00 0200 01000000 00000000 13010000' +
    '08002e00 01000000' +
    '08000300 03000000' +
    '0a000600 020000000100 0000' +
    // NL80211_ATTR_STA_INFO
    '38001580' +
    // inactive time, signal -61 dBm, average -63 dBm
    '08000100 2c010000' +
    '05000700 c3000000' +
    '05000d00 c1000000' +
    // NL80211_STA_INFO_TX_BITRATE: 866.7 Mbit/s, 65,535 in the old field would not hold more
    '1c000880' +
    '06000100 db210000' +
    '08000500 db210000' +
    '05000600 09000000',
);

describe('answers of nl80211', () => {
  it('give signal, average and bitrate of the access point', () => {
    const replies = decodeReplies(station);
    expect(replies).toMatchObject([{ kind: 'data', command: 19 }]);
    expect(decodeStation(dataOf(replies[0]))).toEqual({
      ...{ signalDbm: -61, averageDbm: -63, bitrateBps: 866_700_000 },
    });
  });

  it('give what they have, and undefined for what they have not', () => {
    expect(decodeStation(new Map())).toBeUndefined();
    expect(decodeStation(new Map([[21, new Uint8Array(0)]]))).toEqual({
      ...{ signalDbm: undefined, averageDbm: undefined, bitrateBps: undefined },
    });
    // The 16-bit field alone: 54 Mbit/s.
    const old = bytesOf('0c000880 06000100 1c020000');
    expect(decodeStation(new Map([[21, old]]))?.bitrateBps).toBe(54_000_000);
  });

  it.each([
    [2, true],
    [8, true],
    [3, false],
    [6, false],
  ])('say of an interface of type %i whether it has an access point: %s', (type, isClient) => {
    expect(isWirelessClient(new Map([[5, Uint8Array.of(type, 0, 0, 0)]]))).toBe(isClient);
    expect(isWirelessClient(new Map())).toBe(false);
  });

  it('are asked for by the number of the interface', () => {
    const request = encodeRequest({
      ...{ family: 0x1d, command: 17, version: 0, sequence: 1, dump: true },
      attributes: aboutInterface(3),
    });
    expect(Buffer.from(request).toString('hex')).toBe(
      '1c0000001d000103' + '0100000000000000' + '11000000' + '0800030003000000',
    );
  });
});

describeWith('a machine or namespace without Wi-Fi', [mayCreateNamespaces()], () => {
  it('has no signal, and no interface of that kind', () => {
    const namespace = NetworkNamespace.create('wired');
    const wireless = new Wireless(namespace);
    try {
      namespace.ip('link add wlan0 index 7 type veth peer name peer');
      for (const index of [1, 7, 8]) {
        expect(wireless.isWireless(index)).toBe(false);
        expect(wireless.signalOf(index)).toBeUndefined();
      }
    } finally {
      wireless.close();
      namespace.close();
    }
  });
});

describe('/sys/class/net', () => {
  const news: LinkNews = {
    ...({ kind: 'link' } as const),
    ...{ isGone: false, index: 4, name: 'x0', hardwareType: 1, madeBy: '' },
    ...{ hardwareAddress: Uint8Array.of(2, 0, 0, 0, 0, 1), isUp: true, isLoopback: false, hasCarrier: true },
  };

  /** What the folder of an interface, filled by `fill`, tells. */
  function kindWith(fill: (folder: string) => void): string | undefined {
    const root = mkdtempSync(join(tmpdir(), 'class-net-'));
    try {
      const folder = join(root, 'x0');
      mkdirSync(folder);
      writeFileSync(join(folder, 'ifindex'), '4\n');
      writeFileSync(join(folder, 'address'), '02:00:00:00:00:01\n');
      fill(folder);
      return kindBySysfs(news, root);
    } finally {
      rmSync(root, { recursive: true });
    }
  }

  it('tells Wi-Fi, modems and phones on a USB cable apart from the rest', () => {
    expect(kindWith((folder) => mkdirSync(join(folder, 'phy80211')))).toBe('wifi');
    expect(kindWith((folder) => mkdirSync(join(folder, 'wireless')))).toBe('wifi');
    const type = (name: string) => (folder: string) =>
      writeFileSync(join(folder, 'uevent'), `DEVTYPE=${name}\nIFINDEX=4\n`);
    expect(kindWith(type('wlan'))).toBe('wifi');
    expect(kindWith(type('wwan'))).toBe('cellular');
    expect(kindWith(type('bridge'))).toBeUndefined();
    const driver = (name: string) => (folder: string) => {
      mkdirSync(join(folder, 'device'));
      symlinkSync(`../../drivers/${name}`, join(folder, 'device', 'driver'));
    };
    expect(kindWith(driver('rndis_host'))).toBe('cellular');
    expect(kindWith(driver('cdc_ncm'))).toBeUndefined();
  });

  it('is not believed about an interface of the same name in another namespace', () => {
    const isWifi = (folder: string): void => mkdirSync(join(folder, 'phy80211'));
    expect(
      kindWith((folder) => (isWifi(folder), writeFileSync(join(folder, 'ifindex'), '5'))),
    ).toBeUndefined();
    expect(
      kindWith((folder) => (isWifi(folder), writeFileSync(join(folder, 'address'), '02:00:00:00:00:02'))),
    ).toBeUndefined();
  });
});
