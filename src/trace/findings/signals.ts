/** What the hosts said to each other: priorities, resets, fast close, failed checksums. Read first: RFC 8684 §3.3.8, §3.5 to §3.7. */
import type { ConnectionReport, Finding, SignalReport, SubflowReport } from '../report.js';
import { finding, type FindingRule } from './rule.js';
import { amount, dataOf, hosts } from './words.js';

/** A subflow that ends this many frames before its connection ended by itself. */
const WELL_BEFORE_FRAMES = 20;

export const signalRule: FindingRule = {
  connection: (connection) => [
    ...connection.signals.flatMap(spoken),
    ...connection.subflows.flatMap((subflow) => resetOf(connection, subflow)),
    ...wrongChecksums(connection),
  ],
};

function spoken({ option, by, meaning, subflow, packet }: SignalReport): Finding[] {
  if (option === 'MP_PRIO') {
    return [
      finding(
        'priority-changed',
        'info',
        `The ${by} wants subflow ${subflow} to be ${meaning} from here on`,
        [packet],
      ),
    ];
  }
  if (option !== 'MP_FASTCLOSE') return [];
  return [
    finding(
      'fast-closed',
      'info',
      `The ${by} aborted the connection with MP_FASTCLOSE: its application closed it with data unread, or was killed`,
      [packet],
    ),
  ];
}

function resetOf(connection: ConnectionReport, subflow: SubflowReport): Finding[] {
  if (subflow.ending !== 'reset' || (subflow.joined && subflow.isJoinComplete !== true)) return [];
  if (subflow.clientBytes + subflow.serverBytes === 0) return [];
  const signal = connection.signals.find(
    ({ option, subflow: id }) => option === 'MP_TCPRST' && id === subflow.id,
  );
  const isEarly = connection.lastPacket - subflow.lastPacket >= WELL_BEFORE_FRAMES;
  if (signal === undefined && !isEarly) return [];
  const by = subflow.clientToServer.resets > 0 ? 'client' : 'server';
  return [
    finding(
      'subflow-reset',
      'warning',
      `The ${by} reset subflow ${subflow.id}: ` +
        (signal === undefined
          ? 'it gave no reason, as a host that has lost its state or a box on the path does'
          : `${signal.meaning}. ${advice(signal.meaning)}`),
      [signal?.packet ?? null, subflow.lastPacket],
    ),
  ];
}

function advice(reason: string): string {
  if (/^reason 6 /.test(reason)) return 'Something on this path changes payload or options: probe it';
  if (/^reason 5 /.test(reason)) return 'The path was too slow or too lossy for that host';
  if (/^reason 4 /.test(reason)) return 'The subflow did not deliver what was given to it';
  if (/^reason 3 /.test(reason)) return 'A policy of that host forbids it';
  return 'It may be tried again if the reset says that the trouble is transient';
}

function wrongChecksums(connection: ConnectionReport): Finding[] {
  const fails = connection.signals.filter(({ option }) => option === 'MP_FAIL').map(({ packet }) => packet);
  const bad = hosts.flatMap((by) => {
    const { badChecksums } = dataOf(connection, by);
    return badChecksums === 0 ? [] : [`${amount(badChecksums, 'mapping')} of the ${by}`];
  });
  if (bad.length === 0) return [];
  const isFelt = fails.length > 0;
  return [
    finding(
      'checksum-wrong',
      isFelt ? 'problem' : 'warning',
      `The DSS checksum does not fit the payload of ${bad.join(' and ')}: a box on the path changes data in flight, ` +
        'such as an application-level gateway' +
        (isFelt ? '' : '. No host complained (MP_FAIL), so it may be bit errors that TCP drops'),
      [...hosts.flatMap((by) => dataOf(connection, by).badChecksumPackets), ...fails],
    ),
  ];
}
