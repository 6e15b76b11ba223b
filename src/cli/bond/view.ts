/** A bond for people: what each uplink carries, as lines; plain text out. */
import type { BondReport } from '../../node/index.js';
import { tableLines } from '../table.js';
import { formatCount, formatRate, formatShare, formatSize } from '../units.js';

const columns = [
  { title: 'uplink', isNumber: false },
  { title: 'kind', isNumber: false },
  { title: 'state', isNumber: false },
  { title: 'up', isNumber: true },
  { title: 'share', isNumber: true },
  { title: 'down', isNumber: true },
  { title: 'sent', isNumber: true },
  { title: 'received', isNumber: true },
];

/** Lines of a report. */
export function bondLines(report: BondReport): string[] {
  const { uplinks, connections, clientBytes, serverBytes, refused } = report;
  const rows = uplinks.map((uplink) => [
    uplink.name,
    uplink.isMetered ? `${uplink.kind}, metered` : uplink.kind,
    uplink.state,
    formatRate(uplink.sendBps),
    formatShare(uplink.share),
    formatRate(uplink.receiveBps),
    formatSize(uplink.sentBytes),
    formatSize(uplink.receivedBytes),
  ]);
  const sum = (figure: 'sendBps' | 'receiveBps'): string =>
    formatRate(uplinks.reduce((total, uplink) => total + uplink[figure], 0));
  const lacking = uplinks.flatMap(({ name, lacks }) => (lacks === undefined ? [] : [`${name}: ${lacks}`]));
  const said = refused
    .filter(({ packets }) => packets > 0)
    .map(({ kind, packets }) => `${formatCount(packets)} of ${kind}`);
  return [
    ...tableLines(columns, rows),
    '',
    `${formatCount(connections)} connections; ${formatSize(clientBytes)} from the LAN, ${formatSize(serverBytes)} to it; ` +
      `${sum('sendBps')} up, ${sum('receiveBps')} down`,
    ...(said.length === 0 ? [] : [`Refused packets, for only TCP is carried: ${said.join(', ')}`]),
    ...(report.isPaused
      ? ['The uplinks that are left are at their caps: connections are refused until one may be used again']
      : []),
    ...lacking,
  ];
}
