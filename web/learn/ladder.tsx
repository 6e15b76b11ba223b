/** Packets between two hosts, time going down. Each can be chosen, by pointer and by keys. */
import type { JSX } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { LessonPacket, LessonRun } from '../../src/lab/index.js';
import { seriesStyle } from '../../src/plot/index.js';
import { colorAt } from '../plot/color.js';
import { arrives, ladder, type LadderArrow, layLadder } from './ladder-layout.js';

/** What stands above the diagram, in pixels. */
const LEGEND_HEIGHT = 30;

interface Props {
  readonly run: LessonRun;
  readonly chosen: LessonPacket | undefined;
  readonly choose: (packet: number) => void;
}

export function Ladder({ run, chosen, choose }: Props): JSX.Element {
  const frame = useRef<SVGSVGElement>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const { packets, marks, paths } = run;
  const { arrows, notes, height } = useMemo(() => layLadder(packets, marks), [packets, marks]);
  const box = paths.find((path) => path.box !== '')?.box;
  const go = (number: number): void => {
    const wanted = Math.min(Math.max(1, number), packets.length);
    choose(wanted);
    frame.current?.querySelector<SVGElement>(`[data-packet="${wanted}"]`)?.focus();
  };
  const chosenY = arrows[(chosen?.number ?? 1) - 1]?.fromY ?? 0;
  useEffect(() => {
    // Where the diagram has little room, the chosen packet stays in its sight.
    const { current } = scroller;
    if (current !== null) current.scrollTop = chosenY + LEGEND_HEIGHT - current.clientHeight / 2;
  }, [chosenY]);
  return (
    <div ref={scroller} class="ladder">
      <Legend run={run} />
      <svg
        ref={frame}
        viewBox={`0 0 ${ladder.width} ${height}`}
        width={ladder.width}
        height={height}
        role="listbox"
        aria-label="Packets, in the order of sending"
        onKeyDown={(event) => {
          const next = nextPacket(event.key, chosen?.number ?? 1, packets.length);
          if (next === undefined) return;
          event.preventDefault();
          go(next);
        }}
      >
        <g aria-hidden="true">
          <Host name="client" x={ladder.client} height={height} />
          <Host name="server" x={ladder.server} height={height} />
          {box === undefined ? null : (
            <>
              <line class="ladder-box" x1={ladder.box} x2={ladder.box} y1={ladder.top - 8} y2={height - 6} />
              <text class="ladder-note" x={ladder.box + 6} y={ladder.top - 12}>
                {box}
              </text>
            </>
          )}
          {notes.map(({ y, text, isPause }) => (
            <g key={`${y}`} class={isPause ? 'ladder-pause' : 'ladder-mark'}>
              {isPause ? null : <line x1={ladder.client} x2={ladder.server} y1={y} y2={y} />}
              <text x={(ladder.client + ladder.server) / 2} y={y + 4} text-anchor="middle">
                {text}
              </text>
            </g>
          ))}
        </g>
        {arrows.map((arrow) => (
          <Arrow
            key={arrow.packet.number}
            arrow={arrow}
            pathName={paths[arrow.packet.path]?.name ?? ''}
            isChosen={arrow.packet.number === chosen?.number}
            choose={go}
          />
        ))}
      </svg>
    </div>
  );
}

/** Where a key leads; undefined for one that leads nowhere. */
function nextPacket(key: string, number: number, count: number): number | undefined {
  switch (key) {
    case 'ArrowDown':
    case 'ArrowRight':
      return number + 1;
    case 'ArrowUp':
    case 'ArrowLeft':
      return number - 1;
    case 'Home':
      return 1;
    case 'End':
      return count;
    default:
      return undefined;
  }
}

function Legend({ run }: { readonly run: LessonRun }): JSX.Element {
  return (
    <ul class="ladder-legend">
      {run.paths.map(({ name }, path) => {
        const { dash, mark } = seriesStyle(path);
        const color = colorAt(path);
        return (
          <li key={name}>
            <svg width="40" height="12" aria-hidden="true">
              <line x1="4" x2="40" y1="6" y2="6" stroke={color} stroke-width="2" stroke-dasharray={dash} />
              <path d={mark} fill={color} transform="translate(6 6)" />
            </svg>
            {name}
          </li>
        );
      })}
    </ul>
  );
}

function Host({
  name,
  x,
  height,
}: {
  readonly name: string;
  readonly x: number;
  readonly height: number;
}): JSX.Element {
  return (
    <>
      <text class="ladder-host" x={x} y={14} text-anchor="middle">
        {name}
      </text>
      <line class="ladder-line" x1={x} x2={x} y1={22} y2={height - 4} />
    </>
  );
}

interface ArrowProps {
  readonly arrow: LadderArrow;
  readonly pathName: string;
  readonly isChosen: boolean;
  readonly choose: (packet: number) => void;
}

function Arrow({ arrow, pathName, isChosen, choose }: ArrowProps): JSX.Element {
  const { packet, fromX, fromY, toX, toY } = arrow;
  const { number, from, path, label, arrivedLabel, fate } = packet;
  const { dash, mark } = seriesStyle(path);
  const color = colorAt(path);
  const isLeft = from === 'client';
  const end = `${toX} ${toY}`;
  const labelX = fromX + (isLeft ? -12 : 12);
  return (
    <g
      data-packet={number}
      role="option"
      aria-selected={isChosen}
      aria-label={`Packet ${number}, from the ${from} over ${pathName}: ${label}${fateText(fate)}`}
      // As SVG writes it: names of its attributes are case-sensitive.
      tabindex={isChosen ? 0 : -1}
      class={isChosen ? 'ladder-packet chosen' : 'ladder-packet'}
      onClick={() => choose(number)}
    >
      <path class="ladder-reach" d={`M${fromX} ${fromY}L${end}`} />
      <rect class="ladder-reach" x={isLeft ? 0 : fromX} y={fromY - 9} width={ladder.client} height={18} />
      <rect
        class="ladder-ground"
        x={isLeft ? 2 : fromX + 6}
        y={fromY - 9}
        width={ladder.client - 8}
        height={18}
        rx="3"
      />
      <path
        d={`M${fromX} ${fromY}L${end}`}
        stroke={color}
        stroke-width={isChosen ? 2.6 : 1.5}
        stroke-dasharray={dash}
      />
      <path d={mark} fill={color} transform={`translate(${fromX} ${fromY})`} />
      {arrives(packet) ? (
        <path d={headOf(arrow)} fill={color} />
      ) : (
        <path d={crossOf(arrow)} stroke={color} stroke-width="2" />
      )}
      {fate === 'changed' ? (
        <path d="M0 -6l6 6l-6 6l-6 -6z" class="ladder-change" transform={atBox(arrow)} />
      ) : null}
      <text x={labelX} y={fromY + 4} text-anchor={isLeft ? 'end' : 'start'}>
        {label}
      </text>
      {arrivedLabel === '' || arrivedLabel === label ? null : (
        <text class="soft" x={toX + (isLeft ? 12 : -12)} y={toY + 4} text-anchor={isLeft ? 'start' : 'end'}>
          {arrivedLabel}
        </text>
      )}
    </g>
  );
}

function fateText(fate: LessonPacket['fate']): string {
  switch (fate) {
    case 'arrives':
      return '';
    case 'changed':
      return ', changed on the way';
    case 'lost':
      return ', lost';
    case 'dropped':
      return ', dropped by a box';
  }
}

/** An arrowhead at the end of an arrow. */
function headOf({ fromX, fromY, toX, toY }: LadderArrow): string {
  const angle = Math.atan2(toY - fromY, toX - fromX);
  const corner = (turn: number): string =>
    `${(toX - 9 * Math.cos(angle + turn)).toFixed(1)} ${(toY - 9 * Math.sin(angle + turn)).toFixed(1)}`;
  return `M${toX} ${toY}L${corner(0.38)}L${corner(-0.38)}z`;
}

/** A cross where a packet got lost. */
function crossOf({ toX, toY }: LadderArrow): string {
  return `M${toX - 4} ${toY - 4}l8 8M${toX + 4} ${toY - 4}l-8 8`;
}

/** Where an arrow crosses the box. */
function atBox({ fromX, fromY, toX, toY }: LadderArrow): string {
  const share = (ladder.box - fromX) / (toX - fromX);
  return `translate(${ladder.box} ${(fromY + share * (toY - fromY)).toFixed(1)})`;
}
