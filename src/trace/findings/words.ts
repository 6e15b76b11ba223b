/** Numbers and subflows in sentences, and what several rules ask of a report. */
import { MILLISECOND, SECOND } from '../../base/index.js';
import type {
  ConnectionReport,
  DataDirectionReport,
  SubflowDirectionReport,
  SubflowReport,
} from '../report.js';

/** The two hosts, in the order of reports. */
export const hosts = ['client', 'server'] as const;
export type Host = (typeof hosts)[number];

/** The other host. */
export function peerOf(host: Host): Host {
  return host === 'client' ? 'server' : 'client';
}

export function dataOf(connection: ConnectionReport, by: Host): DataDirectionReport {
  return by === 'client' ? connection.clientData : connection.serverData;
}

export function directionOf(subflow: SubflowReport, by: Host): SubflowDirectionReport {
  return by === 'client' ? subflow.clientToServer : subflow.serverToClient;
}

/** Who sent more data. */
export function mainSender({ clientData, serverData }: ConnectionReport): Host {
  return clientData.uniqueBytes > serverData.uniqueBytes ? 'client' : 'server';
}

/** `3 %`, with a digit more below one. */
export function percent(share: number): string {
  const value = share * 100;
  return value > 0 && value < 1 ? `${value.toFixed(1)} %` : `${Math.round(value)} %`;
}

export function bytesText(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`;
  if (bytes >= 1e6) return `${(bytes / 1e6).toFixed(1)} MB`;
  return bytes >= 1e3 ? `${(bytes / 1e3).toFixed(1)} kB` : `${bytes} B`;
}

export function durationText(ns: number): string {
  if (ns >= SECOND) return `${(ns / SECOND).toFixed(2)} s`;
  const ms = ns / MILLISECOND;
  return ms >= 10 ? `${Math.round(ms)} ms` : `${ms.toFixed(1)} ms`;
}

/** An instant of the capture: `0.630 s`. */
export function secondsText(ns: number): string {
  return `${(ns / SECOND).toFixed(3)} s`;
}

/** Copies that are no accident of the network. */
const MANY_COPIES = 10;

/** Whether most of what seems sent again are copies: packets that were captured at two places. */
export function isCopied({ copiedPackets, retransmittedPackets }: SubflowDirectionReport): boolean {
  return copiedPackets >= MANY_COPIES && copiedPackets * 2 >= retransmittedPackets;
}

/** `once`, `twice`, `3 times`. */
export function times(count: number): string {
  return count === 1 ? 'once' : count === 2 ? 'twice' : `${count} times`;
}

/** `subflow 1`, `subflows 1 and 2`, `subflows 0, 1 and 2`. */
export function subflowsText(ids: readonly number[]): string {
  if (ids.length === 1) return `subflow ${ids[0]}`;
  return `subflows ${ids.slice(0, -1).join(', ')} and ${ids.at(-1)}`;
}

/** `3 packets`, `1 packet`. */
export function amount(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/**
 * Round-trip time of the whole path without queues: of the handshake, which a host that wakes up slowly may make longer, or the
 * least that both directions show; else the longer of what they show (the place of capture halves it); null when nothing tells.
 */
export function pathRttNs({
  synRttNs,
  ackRttNs,
  clientToServer,
  serverToClient,
}: SubflowReport): number | null {
  const up = clientToServer.rtt?.min ?? null;
  const down = serverToClient.rtt?.min ?? null;
  const whole: number[] = [];
  if (synRttNs !== null && ackRttNs !== null) whole.push(synRttNs + ackRttNs);
  // Each direction shows one side of the place of capture.
  if (up !== null && down !== null) whole.push(up + down);
  if (whole.length > 0) return Math.min(...whole);
  const seen = Math.max(clientToServer.rtt?.median ?? 0, serverToClient.rtt?.median ?? 0);
  return seen > 0 ? seen : null;
}

/** How many times nearer one end must be for the capture to have been made there. */
const NEARER = 5;

/** At which end of a subflow the capture was made, by the times of its handshake. */
export function placeOf({ synRttNs, ackRttNs, openedBy }: SubflowReport): Host | undefined {
  if (synRttNs === null || ackRttNs === null || openedBy === null) return undefined;
  if (synRttNs > ackRttNs * NEARER) return openedBy;
  return ackRttNs > synRttNs * NEARER ? peerOf(openedBy) : undefined;
}

/** The frames of a subflow's handshake. */
export function handshakeFrames({ handshake, firstPacket }: SubflowReport): number[] {
  const frames = handshake.filter(({ role }) => role !== 'data').map(({ packet }) => packet);
  return frames.length > 0 ? frames : [firstPacket];
}
