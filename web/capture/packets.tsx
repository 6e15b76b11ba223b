/** The packets of the connection as a list of which only what is seen exists, and the fields of one of them. */
import { useSignalEffect } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { formatCount } from '../../src/base/index.js';
import { type PacketRow, visibleText } from '../../src/lab/index.js';
import { mptcpOptionNames } from '../../src/trace/index.js';
import { PacketFields } from '../packet/packet-fields.js';
import type { CaptureDrawing, ShownPacket } from '../protocol/capture.js';
import { Swatch } from './connection-detail.js';
import type { CaptureSession } from './session.js';

/** Height of a row in pixels, as the stylesheet has it. */
const ROW = 22;
/** Rows that a page up or down goes. */
const PAGE = 10;
/** Rows before the first that is seen that are asked for with it. */
const BESIDE = 40;

const columns = ['no.', 'time', 'path', 'from', 'flags', 'data seq.', 'length', 'options'] as const;

interface Props {
  readonly session: CaptureSession;
  readonly drawing: CaptureDrawing;
}

export function Inspector({ session, drawing }: Props): JSX.Element {
  const shown = session.preview.value ?? session.shown.value;
  return (
    <aside class="inspector" aria-label="Packets">
      <PacketList session={session} drawing={drawing} />
      <Searching session={session} />
      {shown === undefined ? (
        <p class="panel soft">
          A click on a point of a figure, or on a row above, shows every field of its packet; pointing at one
          shows it for as long.
        </p>
      ) : (
        <Packet shown={shown} isPreview={session.preview.value !== undefined} />
      )}
    </aside>
  );
}

function Searching({ session }: { readonly session: CaptureSession }): JSX.Element | null {
  const search = session.tasks.value.packet;
  if (search === undefined || search.packets === 0) return null;
  return (
    <p class="progress" role="status">
      <progress aria-label="searching" max={Math.max(1, search.allBytes)} value={search.readBytes} />
      <span class="soft">looking for packet {session.packet.value} in the packed file</span>
    </p>
  );
}

function Packet({
  shown,
  isPreview,
}: {
  readonly shown: ShownPacket;
  readonly isPreview: boolean;
}): JSX.Element {
  const { packet, atNs, bytes, originalLength, interfaceName, direction, comments, dissection } = shown;
  const facts = [
    ...(atNs === null ? [] : [`at ${(atNs / 1e9).toFixed(6)} s`]),
    bytes.length === originalLength
      ? `${formatCount(bytes.length)} bytes`
      : `${formatCount(bytes.length)} of ${formatCount(originalLength)} bytes`,
    ...(interfaceName === '' ? [] : [`on ${visibleText(interfaceName)}`]),
    ...(direction === 'unknown' ? [] : [direction]),
  ];
  return (
    <section class="panel packet-panel" aria-label={`Packet ${packet}`} data-testid="packet">
      <div class="panel-head">
        <h3>Packet {packet}</h3>
        <span class="soft">
          <bdi>{facts.join(', ')}</bdi>
          {isPreview ? ' (pointed at)' : ''}
        </span>
      </div>
      {comments.map((comment, index) => (
        <p key={index} class="comment">
          <bdi>{visibleText(comment)}</bdi>
        </p>
      ))}
      <PacketFields key={packet} bytes={bytes} dissection={dissection} />
    </section>
  );
}

function PacketList({ session, drawing }: Props): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const rows = session.rows.value;
  const count = rows?.count ?? 0;
  const height = box.current?.clientHeight ?? 0;
  const first = Math.floor(top / ROW);
  const last = Math.min(count, Math.ceil((top + height) / ROW) + 1);
  const isThere =
    rows !== undefined && (count === 0 || (rows.from <= first && rows.from + rows.rows.length >= last));
  useEffect(() => {
    if (rows !== undefined && !isThere) session.fetch(first - BESIDE);
  }, [session, isThere, Math.floor(first / BESIDE), count]);
  // The chosen one comes into view.
  useSignalEffect(() => {
    const position = session.position.value;
    const list = box.current;
    if (list === null || position < 0) return;
    const at = position * ROW;
    if (at < list.scrollTop || at + ROW > list.scrollTop + list.clientHeight - ROW)
      list.scrollTop = Math.max(0, position - Math.floor(list.clientHeight / ROW / 2)) * ROW;
  });
  const position = session.position.value;
  const move = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: PAGE, PageUp: -PAGE, Home: -Infinity, End: Infinity }[
      event.key
    ];
    if (event.key === 'Escape') session.choose(undefined);
    if (step === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    session.chooseAt(Math.min(Math.max(position + step, 0), count - 1));
  };
  return (
    <section class="panel" aria-label="List of packets">
      <div class="panel-head">
        <h3>Packets</h3>
        <span class="soft" data-testid="packet-count">
          {formatCount(count)} of the connection{note(drawing)}
        </span>
      </div>
      <div class="list-grid">
        <div
          ref={box}
          class="list-rows"
          role="grid"
          tabIndex={0}
          aria-label="Packets of the connection; arrows go through them"
          aria-rowcount={count + 1}
          aria-activedescendant={position >= 0 ? `list-row-${position}` : undefined}
          data-testid="packet-rows"
          onScroll={(event) => setTop(event.currentTarget.scrollTop)}
          onKeyDown={move}
        >
          <div role="row" class="list-row head" aria-rowindex={1}>
            {columns.map((name) => (
              <span key={name} role="columnheader">
                {name}
              </span>
            ))}
          </div>
          <div class="list-room" role="rowgroup" style={{ height: `${count * ROW}px` }}>
            {rows?.rows.map((row, index) => (
              <Row key={row.packet} session={session} row={row} position={rows.from + index} />
            ))}
          </div>
        </div>
      </div>
    </section>
  );
}

/** What of the connection is not in the list. */
function note({ omitted: { before, behind }, span }: CaptureDrawing): string {
  const left =
    before + behind > 0 ? `, without ${formatCount(before)} before and ${formatCount(behind)} behind` : '';
  return `${span.fromNs === null && span.toNs === null ? '' : ', of this span'}${left}`;
}

interface RowProps {
  readonly session: CaptureSession;
  readonly row: PacketRow;
  readonly position: number;
}

function Row({ session, row, position }: RowProps): JSX.Element {
  const isChosen = session.packet.value === row.packet;
  const cells = [
    row.packet,
    (row.atNs / 1e9).toFixed(6),
    <>
      <Swatch subflow={row.subflow} /> {row.subflow}
    </>,
    row.sender,
    flagNames(row.flags),
    row.dataOffset < 0 ? '' : formatCount(row.dataOffset),
    row.payloadLength,
    optionNames(row.optionBits),
  ];
  return (
    <div
      id={`list-row-${position}`}
      role="row"
      aria-rowindex={position + 2}
      aria-selected={isChosen}
      class={isChosen ? 'list-row chosen' : 'list-row'}
      style={{ top: `${position * ROW}px` }}
      onClick={() => {
        session.position.value = position;
        session.choose(row.packet);
      }}
    >
      {cells.map((cell, index) => (
        <span key={index} role="gridcell">
          {cell}
        </span>
      ))}
    </div>
  );
}

const flagBits = [
  [2, 'SYN'],
  [1, 'FIN'],
  [4, 'RST'],
  [8, 'PSH'],
  [16, 'ACK'],
  [32, 'URG'],
] as const;

function flagNames(flags: number): string {
  return flagBits.flatMap(([bit, name]) => ((flags & bit) === 0 ? [] : [name])).join(' ');
}

/** The options by the names of RFC 8684 §7.2, from a bit for each subtype. */
function optionNames(bits: number): string {
  const names: string[] = [];
  for (let subtype = 0; subtype < 16; subtype++) {
    if ((bits & (1 << subtype)) === 0) continue;
    names.push(subtype === 15 ? 'MP_EXPERIMENTAL' : subtype < 9 ? mptcpOptionNames[subtype]! : 'UNKNOWN');
  }
  return names.join(' ');
}
