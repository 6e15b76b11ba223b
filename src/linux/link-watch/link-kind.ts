/**
 * What kind of link an interface is. Linux has no single answer; in this order:
 *
 * 1. nl80211 knows it: Wi-Fi. Asked in the interface's namespace.
 * 2. `/sys/class/net/NAME` has a directory `wireless` or `phy80211`: Wi-Fi; its `uevent` has `DEVTYPE=wlan` or `DEVTYPE=wwan`: Wi-Fi,
 *    cellular; its driver is one by which phones share their network over USB (`rndis_host`, `ipheth`): cellular, as what is behind
 *    the cable is. Believed only where number and hardware address there are the interface's: /sys is that of one namespace.
 * 3. The kernel says that a driver of modems made it (`wwan`, `rmnet`): cellular.
 * 4. Its name, as kernel and systemd give them: `wl...` is Wi-Fi; `ww...`, `rmnet...`, `ccmni...`, and `bnep...` (a phone's Bluetooth
 *    network) are cellular.
 * 5. It carries Ethernet frames: wired. So are bridges, bonds, VLANs and pairs of virtual interfaces.
 *
 * Everything else is unknown: tunnels, PPP (a telephone line or a modem, nobody can tell), TUN devices, the loopback.
 *
 * Read first: Documentation/ABI/testing/sysfs-class-net of the kernel; systemd.net-naming-scheme(7).
 */
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import type { LinkKind } from '../../policy/index.js';
import type { LinkNews } from './link-news.js';

const ARPHRD_ETHER = 1;
const phoneDrivers = ['rndis_host', 'ipheth'];
const modemMakers = ['wwan', 'rmnet'];

/** The kind of an interface by its name and what the kernel says of it, points 3 to 5 of the module. */
export function kindByNews({ name, madeBy, hardwareType, isLoopback }: LinkNews): LinkKind {
  if (modemMakers.includes(madeBy)) return 'cellular';
  if (/^wl/.test(name)) return 'wifi';
  if (/^(ww|rmnet|ccmni|bnep)/.test(name)) return 'cellular';
  return hardwareType === ARPHRD_ETHER && !isLoopback ? 'wired' : 'unknown';
}

/** The kind of an interface by /sys, point 2 of the module; undefined where that has nothing to say. */
export function kindBySysfs(news: LinkNews, root = '/sys/class/net'): LinkKind | undefined {
  const folder = `${root}/${news.name}`;
  if (!isOf(news, folder)) return undefined;
  if (existsSync(`${folder}/wireless`) || existsSync(`${folder}/phy80211`)) return 'wifi';
  const type = /^DEVTYPE=(.*)$/m.exec(read(`${folder}/uevent`))?.[1];
  if (type === 'wlan') return 'wifi';
  if (type === 'wwan') return 'cellular';
  return phoneDrivers.includes(driverOf(folder)) ? 'cellular' : undefined;
}

/** Whether the folder is about the interface, and not about one of the same name in another namespace. */
function isOf({ index, hardwareAddress }: LinkNews, folder: string): boolean {
  if (read(`${folder}/ifindex`) !== String(index)) return false;
  const address = Buffer.from(hardwareAddress ?? []).toString('hex');
  return read(`${folder}/address`).replaceAll(':', '') === address;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}

function driverOf(folder: string): string {
  try {
    return basename(readlinkSync(`${folder}/device/driver`));
  } catch {
    return '';
  }
}
