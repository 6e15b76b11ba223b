/** The settings of a script as settings of our stack. */
import { NEVER } from '../../../src/base/index.js';
import {
  defaultMptcpSettings,
  fullMesh,
  signal,
  type MptcpSettings,
  type PathManagerFactory,
} from '../../../src/mptcp/index.js';
import { cubic, defaultTcpSettings, newReno, type TcpSettings } from '../../../src/tcp/index.js';
import { defaultStackSettings, type StackSettings } from '../../../src/stack/index.js';
import { parseDuration } from './lexer.js';
import type { Settings } from './target.js';

/** A path manager that leaves everything to the script. */
const idle: PathManagerFactory = () => ({ name: 'idle', decide: () => [] });

function durationOf(settings: Settings, name: string, otherwise: number): number {
  const text = settings.text(name, '');
  return text === '' ? otherwise : text === 'never' ? NEVER : parseDuration(text)!;
}

function pathManager(name: string): PathManagerFactory {
  return name === 'full-mesh' ? fullMesh : name === 'signal' ? signal : idle;
}

function tcpSettings(settings: Settings): TcpSettings {
  const base = defaultTcpSettings;
  return {
    ...base,
    sack: settings.isOn('sack', true),
    timestamps: settings.isOn('timestamps', false),
    windowScaling: settings.isOn('window-scaling', true),
    nagle: settings.isOn('nagle', true),
    delayedAckNs: durationOf(settings, 'delayed-ack', base.delayedAckNs),
    keepAliveIdleNs: durationOf(settings, 'keep-alive', base.keepAliveIdleNs),
    keepAliveIntervalNs: durationOf(settings, 'keep-alive-interval', base.keepAliveIntervalNs),
    keepAliveCount: settings.number('keep-alive-count', base.keepAliveCount),
    synRetries: settings.number('syn-retries', base.synRetries),
    dataRetries: settings.number('data-retries', base.dataRetries),
    initialWindowSegments: settings.number('initial-window', base.initialWindowSegments),
    timeWaitNs: durationOf(settings, 'time-wait', base.timeWaitNs),
    pathMtuDiscovery: settings.isOn('path-mtu-discovery', true),
  };
}

function mptcpSettings(settings: Settings): MptcpSettings {
  const base = defaultMptcpSettings;
  return {
    ...base,
    enabled: settings.isOn('mptcp', true),
    versions: settings
      .text('versions', '1')
      .split('/')
      .map((version) => (version === '0' ? 0 : 1)),
    checksum: settings.isOn('checksum', false),
    dataSequenceBits: settings.number('data-sequence-bits', 64) === 32 ? 32 : 64,
    joinInitialAddress: settings.isOn('join-initial-address', true),
    synsBeforeFallback: settings.number('syns-before-fallback', base.synsBeforeFallback),
    sendBufferBytes: settings.number('send-buffer', base.sendBufferBytes),
    receiveBufferBytes: settings.number('receive-buffer', base.receiveBufferBytes),
    maxSubflows: settings.number('subflows', base.maxSubflows),
    addAddrTimeoutNs: durationOf(settings, 'add-addr-timeout', base.addAddrTimeoutNs),
    addAddrRetries: settings.number('add-addr-retries', base.addAddrRetries),
    graceNs: durationOf(settings, 'grace', base.graceNs),
    pathManager: pathManager(settings.text('path-manager', 'none')),
  };
}

export function stackSettings(settings: Settings): StackSettings {
  return {
    ...defaultStackSettings,
    tcp: tcpSettings(settings),
    mptcp: mptcpSettings(settings),
    congestion: settings.text('congestion', 'cubic') === 'new-reno' ? newReno : cubic,
  };
}
