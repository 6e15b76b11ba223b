/** Findings, and packet numbers that lead to their packets. */
import type { JSX } from 'preact';
import type { Finding } from '../../src/trace/index.js';
import type { CaptureSession } from './session.js';

const severities = { info: 'Note', warning: 'Warning', problem: 'Problem' } as const;

interface FindingsProps {
  readonly session: CaptureSession;
  readonly findings: readonly Finding[];
}

export function Findings({ session, findings }: FindingsProps): JSX.Element | null {
  if (findings.length === 0) return null;
  return (
    <ul class="findings">
      {findings.map(({ code, severity, text, packets }, index) => (
        <li key={index} class={severity} data-code={code}>
          <b>{severities[severity]}</b> {text} <PacketLinks session={session} packets={packets} />
        </li>
      ))}
    </ul>
  );
}

interface LinksProps {
  readonly session: CaptureSession;
  readonly packets: readonly number[];
}

/** Numbers of packets; each chooses its packet, and the figures go to it. */
export function PacketLinks({ session, packets }: LinksProps): JSX.Element {
  return (
    <span class="packet-links">
      {packets.map((packet) => (
        <button
          key={packet}
          type="button"
          class="link"
          aria-label={`Packet ${packet}`}
          aria-pressed={session.packet.value === packet}
          onClick={() => session.choose(packet)}
        >
          {packet}
        </button>
      ))}
    </span>
  );
}
