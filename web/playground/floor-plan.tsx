/**
 * The floor plan: the phone is dragged on it, or moved by the arrows, and the path of its Wi-Fi is what the radio leaves of
 * it there. What the radio is worth, the lab says; here it is only drawn.
 */
import '../style/floor-plan.css';
import { useComputed } from '@preact/signals';
import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import { formatRate, formatShare } from '../../src/base/index.js';
import {
  floorPlan,
  type Place,
  placeAt,
  placeOnPlan,
  planRatesBps,
  planSquares,
  roamingPath,
  type WifiAtPlace,
  wifiAtPlace,
} from '../../src/lab/index.js';
import { colorAt } from '../plot/color.js';
import type { PlaygroundSession } from './session.js';

interface Props {
  readonly session: PlaygroundSession;
}

type PlanPointerEvent = PointerEvent & { readonly currentTarget: SVGSVGElement };

/** Edge of the squares that are shaded, in metres. */
const SQUARE_M = 0.5;
/** How far an arrow moves the phone, and with Shift, in metres. */
const STEP_M = 0.5;
const LONG_STEP_M = 2;
const arrows: Readonly<Record<string, Place>> = {
  ArrowLeft: { xM: -1, yM: 0 },
  ArrowRight: { xM: 1, yM: 0 },
  ArrowUp: { xM: 0, yM: -1 },
  ArrowDown: { xM: 0, yM: 1 },
};

export function FloorPlan({ session }: Props): JSX.Element {
  const { scenario } = session.comparison.value;
  const path = roamingPath(scenario);
  // Both change seldom, time with every picture.
  const there = useComputed(() =>
    placeAt(session.comparison.value.scenario, path, session.nowNs.value),
  ).value;
  const isAssociated = useComputed(() => session.a.frame.value?.paths[path]?.isAssociated ?? true).value;
  const wanted = session.wantedPlace.value ?? there;
  const wifi = wifiAtPlace(there);
  const name = scenario.paths[path]!.name;
  const color = colorAt(path);
  return (
    <section class="floor" aria-label="Floor plan">
      <svg
        class="floor-plan"
        viewBox={`0 0 ${floorPlan.widthM} ${floorPlan.heightM}`}
        role="slider"
        tabindex={0}
        aria-label={`Phone on the floor plan, for ${name}: drag it, or move it by the arrows`}
        aria-valuemin={0}
        aria-valuemax={Math.ceil(Math.hypot(floorPlan.widthM, floorPlan.heightM))}
        aria-valuenow={Math.round(wifi.distanceM)}
        aria-valuetext={`${wifi.distanceM.toFixed(1)} m from the access point, ${Math.round(wifi.downDbm)} dBm`}
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          session.movePhone(placeUnder(event));
        }}
        onPointerMove={(event) => {
          if (event.currentTarget.hasPointerCapture(event.pointerId)) session.movePhone(placeUnder(event));
        }}
        onKeyDown={(event) => {
          const to = placeByKey(event, wanted);
          if (to === undefined) return;
          event.preventDefault();
          session.movePhone(to);
        }}
      >
        {useMemo(
          () => (
            <Building color={color} />
          ),
          [color],
        )}
        {isAssociated ? (
          <line
            class="floor-link"
            x1={floorPlan.accessPoint.xM}
            y1={floorPlan.accessPoint.yM}
            x2={there.xM}
            y2={there.yM}
            stroke={color}
          />
        ) : null}
        <circle class="floor-there" cx={there.xM} cy={there.yM} r={0.28} />
        <Phone place={wanted} isOn={isAssociated} color={color} />
      </svg>
      <RadioFacts name={name} color={color} wifi={wifi} isAssociated={isAssociated} session={session} />
    </section>
  );
}

function placeUnder({ currentTarget, clientX, clientY }: PlanPointerEvent): Place {
  const { left, top, width, height } = currentTarget.getBoundingClientRect();
  const { widthM, heightM } = floorPlan;
  return placeOnPlan({ xM: ((clientX - left) / width) * widthM, yM: ((clientY - top) / height) * heightM });
}

function placeByKey({ key, shiftKey }: KeyboardEvent, from: Place): Place | undefined {
  if (key === 'Home') return floorPlan.start;
  const arrow = arrows[key];
  if (arrow === undefined) return undefined;
  const by = shiftKey ? LONG_STEP_M : STEP_M;
  return placeOnPlan({ xM: from.xM + by * arrow.xM, yM: from.yM + by * arrow.yM });
}

/** What does not move. */
function Building({ color }: { readonly color: string }): JSX.Element {
  const shades = useMemo(() => shadePaths(), []);
  return (
    <g>
      {shades.map((d, shade) => (
        <path key={shade} class={`floor-shade shade-${shade}`} d={d} fill={color} />
      ))}
      {floorPlan.walls.map(({ from, to, lossDb }) => (
        <line
          key={`${from.xM} ${from.yM} ${to.xM} ${to.yM}`}
          class={lossDb > 5 ? 'floor-wall heavy' : 'floor-wall'}
          x1={from.xM}
          y1={from.yM}
          x2={to.xM}
          y2={to.yM}
        />
      ))}
      {floorPlan.rooms.map(({ name, xM, yM }) => (
        <text key={name} class="floor-room" x={xM} y={yM}>
          {name}
        </text>
      ))}
      <AccessPoint />
    </g>
  );
}

/** A path for each shade, of all its squares: few elements, whatever the plan. */
function shadePaths(): string[] {
  const squares = planSquares(SQUARE_M);
  const square = ({ xM, yM }: Place): string => `M${xM} ${yM}h${SQUARE_M}v${SQUARE_M}h-${SQUARE_M}z`;
  return planRatesBps.map((_, shade) =>
    squares
      .filter((each) => each.shade === shade)
      .map(square)
      .join(''),
  );
}

function AccessPoint(): JSX.Element {
  const { xM, yM } = floorPlan.accessPoint;
  return (
    <g class="floor-access-point">
      <circle cx={xM} cy={yM} r={0.3} />
      <path
        d={`M${xM - 0.6} ${yM - 0.45}a0.75 0.75 0 0 1 1.2 0M${xM - 0.9} ${yM - 0.75}a1.15 1.15 0 0 1 1.8 0`}
      />
      <text x={xM + 0.8} y={yM + 0.25}>
        access point
      </text>
    </g>
  );
}

interface PhoneProps {
  readonly place: Place;
  readonly isOn: boolean;
  readonly color: string;
}

function Phone({ place: { xM, yM }, isOn, color }: PhoneProps): JSX.Element {
  return (
    <g class="floor-phone">
      <rect class="floor-phone-body" x={xM - 0.45} y={yM - 0.8} width={0.9} height={1.6} rx={0.18} />
      <rect
        class={isOn ? undefined : 'floor-phone-off'}
        x={xM - 0.3}
        y={yM - 0.6}
        width={0.6}
        height={1.1}
        fill={isOn ? color : undefined}
      />
    </g>
  );
}

interface FactsProps extends Props {
  readonly name: string;
  readonly color: string;
  readonly wifi: WifiAtPlace;
  readonly isAssociated: boolean;
}

function RadioFacts({ name, color, wifi, isAssociated, session }: FactsProps): JSX.Element {
  const { up, down, upDbm, downDbm, wallsDb, distanceM } = wifi;
  const rows: readonly (readonly [string, string, string])[] = [
    ['signal', `${Math.round(downDbm)} dBm`, `${Math.round(upDbm)} dBm`],
    ['rate', formatRate(down.rateBps), formatRate(up.rateBps)],
    ['frames that fail', formatShare(down.frameErrorRate), formatShare(up.frameErrorRate)],
    ['packets lost', formatShare(down.loss), formatShare(up.loss)],
  ];
  return (
    <div class="floor-facts">
      <h3>{name} where the phone is</h3>
      <p data-testid="radio">
        {`${isAssociated ? 'Associated' : 'Not associated'}, ${distanceM.toFixed(1)} m from the access point, walls take ${wallsDb.toFixed(1)} dB.`}
      </p>
      <table>
        <thead>
          <tr>
            <th scope="col">radio</th>
            <th scope="col">to the phone</th>
            <th scope="col">from the phone</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(([term, toPhone, fromPhone]) => (
            <tr key={term}>
              <th scope="row">{term}</th>
              <td>{toPhone}</td>
              <td>{fromPhone}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <ShadeLegend color={color} />
      <p class="soft">
        {session.isFull.value
          ? 'No more can happen in one scenario: begin anew to move on.'
          : 'Drag the phone, or move it by the arrows. It is there at the next tenth of a second; two seconds without ' +
            'a beacon end the association, and two seconds in range begin another.'}
      </p>
    </div>
  );
}

function ShadeLegend({ color }: { readonly color: string }): JSX.Element {
  return (
    <p class="floor-legend soft">
      {planRatesBps.map((rate, shade) => (
        <span key={rate}>
          <svg viewBox="0 0 1 1" aria-hidden="true">
            <rect class={`floor-shade shade-${shade}`} width={1} height={1} fill={color} />
          </svg>
          {`≥ ${formatRate(rate)}`}
        </span>
      ))}
    </p>
  );
}
