/** tshark finds the same fields in the same bytes. */
import { readFileSync, rmSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { LinkType, PcapngWriter } from '../../src/capture/index.js';
import { dissect } from '../../src/trace/index.js';
import type { DissectedField } from '../../src/trace/index.js';
import { describeWith, hasTool } from '../support/with-rights.js';

/** What both name, tshark's name first. */
const names: Readonly<Record<string, string>> = {
  'ip.len': 'total length',
  'ip.id': 'identification',
  'ip.ttl': 'time to live',
  'ip.proto': 'protocol',
  'ip.checksum': 'header checksum',
  'ip.src': 'source',
  'ip.dst': 'destination',
  'ipv6.plen': 'payload length',
  'ipv6.nxt': 'next header',
  'ipv6.hlim': 'hop limit',
  'ipv6.src': 'source',
  'ipv6.dst': 'destination',
  'tcp.srcport': 'source port',
  'tcp.dstport': 'destination port',
  'tcp.seq_raw': 'sequence number',
  'tcp.ack_raw': 'acknowledgement number',
  'tcp.window_size_value': 'window',
  'tcp.checksum': 'checksum',
  'tcp.urgent_pointer': 'urgent pointer',
  'tcp.options': 'options',
  'tcp.options.mss_val': 'MSS',
  'tcp.options.wscale.shift': 'shift',
  'tcp.options.timestamp.tsval': 'TSval',
  'tcp.options.timestamp.tsecr': 'TSecr',
  'tcp.payload': 'data',
  'tcp.options.mptcp.sendkey': "sender's key",
  'tcp.options.mptcp.recvkey': "receiver's key",
  'tcp.options.mptcp.recvtok': 'token',
  'tcp.options.mptcp.sendrand': 'random number',
  'tcp.options.mptcp.sendtrunchmac': 'HMAC',
  'tcp.options.mptcp.sendhmac': 'HMAC',
  'tcp.options.mptcp.addrid': 'address ID',
  'tcp.options.mptcp.rawdataack': 'DATA_ACK',
  'tcp.options.mptcp.rawdataseqno': 'data sequence number',
  'tcp.options.mptcp.subflowseqno': 'subflow sequence number',
  'tcp.options.mptcp.datalvllen': 'data-level length',
  'tcp.options.mptcp.checksum': 'checksum',
  'tcp.options.mptcp.ipv4': 'address',
  'tcp.options.mptcp.ipv6': 'address',
  'tcp.options.mptcp.port': 'port',
  'tcp.options.mptcp.addaddrtrunchmac': 'HMAC',
  'tcp.options.mptcp.rst_reason': 'reason',
};

const vectors = new URL('../../src/wire/vectors/linux-v1.json', import.meta.url);
const packets = (JSON.parse(readFileSync(vectors, 'utf8')) as { packets: string[] }).packets.map((hex) =>
  Uint8Array.from(Buffer.from(hex, 'hex')),
);

function capture(): Uint8Array {
  const writer = new PcapngWriter();
  const interfaceIndex = writer.addInterface({ linkType: LinkType.RAW, name: 'linux' });
  for (const [seconds, bytes] of packets.entries()) {
    const rest = { nanoseconds: 0, offset: 0, direction: 'unknown', comments: [] } as const;
    const { length } = bytes;
    writer.write({ interfaceIndex, seconds, bytes, length, originalLength: length, ...rest });
  }
  return writer.take();
}

/** `our name at offset, length` of the fields of each packet that both name, as tshark has them. */
function fieldsOfTshark(): string[][] {
  const folder = mkdtempSync(join(tmpdir(), 'subflow-dissection-'));
  const file = join(folder, 'linux.pcapng');
  writeFileSync(file, capture());
  const pdml = execFileSync('tshark', ['-r', file, '-T', 'pdml'], { encoding: 'utf8', stdio: 'pipe' });
  rmSync(folder, { recursive: true });
  return pdml
    .split('<packet>')
    .slice(1)
    .map((packet) =>
      [...packet.matchAll(/<field name="([^"]+)"[^>]*? size="(\d+)" pos="(\d+)"/g)].flatMap(
        ([, name, size, pos]) => {
          const ours = names[name!];
          return ours === undefined || size === '0' ? [] : [`${ours} at ${pos}, ${size}`];
        },
      ),
    );
}

function placesOf(fields: readonly DissectedField[]): string[] {
  return fields.flatMap(({ name, offset, length, fields: inner = [] }) => [
    `${name} at ${offset}, ${length}`,
    ...placesOf(inner),
  ]);
}

describeWith('a dissection', [hasTool('tshark')], () => {
  it('has every field that tshark finds in packets of Linux, at the same place', () => {
    const expected = fieldsOfTshark();
    expect(expected).toHaveLength(packets.length);
    for (const [index, bytes] of packets.entries()) {
      const { layers } = dissect(bytes, LinkType.RAW);
      const ours = new Set(layers.flatMap(({ fields }) => placesOf(fields)));
      expect(expected[index]!.length).toBeGreaterThan(15);
      expect(expected[index]!.filter((place) => !ours.has(place))).toEqual([]);
    }
  });
});
