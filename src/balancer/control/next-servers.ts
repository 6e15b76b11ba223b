/**
 * What follows from what the operator wants and how the servers are: the list of the next generation, and in words how it differs
 * from the one before. Functions only.
 *
 * A server that is down is `gone`, whatever is wanted of it. When none that is to take connections is healthy, checks are not believed:
 * the servers stay as they are, since a list without servers would break every connection, of healthy servers too.
 */
import type { ServerState } from '../servers.js';
import { type Generation, type GenerationServer, maxReasonLength } from './generation.js';
import type { VotedHealth } from './health-vote.js';
import type { ServerSpec } from '../servers.js';

/** The list that follows, and whether checks were not believed. */
export interface NextServers {
  readonly servers: readonly GenerationServer[];
  readonly isFailingOpen: boolean;
}

/** What `wanted` and the servers' health make of the `current` generation. */
export function nextServers(
  wanted: readonly ServerSpec[],
  current: Generation | undefined,
  healthOf: (id: number) => VotedHealth,
): NextServers {
  const before = new Map(current?.servers.map((server) => [server.id, server]));
  const servers = wanted.map((spec) =>
    withState(spec, stateOf(spec, before.get(spec.id), healthOf(spec.id))),
  );
  const isWanted = wanted.some(({ state = 'up' }) => state === 'up');
  if (!isWanted || servers.some(({ state }) => state === 'up')) return { servers, isFailingOpen: false };
  const kept = wanted.map((spec) => withState(spec, keptState(spec, before.get(spec.id))));
  const isAnyUp = kept.some(({ state }) => state === 'up');
  return {
    servers: isAnyUp ? kept : wanted.map((spec) => withState(spec, spec.state ?? 'up')),
    isFailingOpen: true,
  };
}

/** What the operator wanted when `generation` was made. */
export function wantedIn(generation: Generation): ServerSpec[] {
  return generation.servers.map(({ id, address, weight, state, wanted }) => ({
    ...{ id, address, state: wanted ?? state ?? 'up' },
    ...(weight !== undefined && { weight }),
  }));
}

function stateOf(spec: ServerSpec, before: GenerationServer | undefined, health: VotedHealth): ServerState {
  const wanted = spec.state ?? 'up';
  if (health.state === 'up') return wanted;
  if (health.state === 'down') return 'gone';
  return keptState(spec, before, health.state === 'unknown' ? 'gone' : wanted);
}

/** The state where nothing new is known: up to what is wanted, unless the server was found down. `fresh` is that of a new server. */
function keptState(
  spec: ServerSpec,
  before: GenerationServer | undefined,
  fresh: ServerState = 'gone',
): ServerState {
  const wanted = spec.state ?? 'up';
  if (before === undefined || !before.address.equals(spec.address)) return fresh;
  const wasDown = before.state === 'gone' && (before.wanted ?? 'gone') !== 'gone';
  return wasDown ? 'gone' : wanted;
}

function withState(spec: ServerSpec, state: ServerState): GenerationServer {
  const { id, address, weight = 1, state: wanted = 'up' } = spec;
  return { id, address, weight, state, ...(state !== wanted && { wanted }) };
}

/** Whether both lists say the same of every server. */
export function isSameList(a: readonly GenerationServer[], b: readonly GenerationServer[]): boolean {
  if (a.length !== b.length) return false;
  const other = new Map(b.map((server) => [server.id, server]));
  return a.every((server) => {
    const same = other.get(server.id);
    return same !== undefined && keyOf(server) === keyOf(same);
  });
}

function keyOf({ address, weight = 1, state = 'up', wanted = state }: GenerationServer): string {
  return `${address.toString()} ${weight} ${state} ${wanted}`;
}

/** How `after` differs from `before`, in words; at most {@link maxReasonLength} characters. */
export function reasonFor(
  before: readonly GenerationServer[],
  after: readonly GenerationServer[],
  whyOf: (id: number) => string,
): string {
  const old = new Map(before.map((server) => [server.id, server]));
  const parts = after.flatMap((server) => differences(old.get(server.id), server, whyOf));
  const kept = new Set(after.map(({ id }) => id));
  for (const { id } of before) if (!kept.has(id)) parts.push(`server ${id} removed`);
  const text = parts.join('; ');
  return text.length <= maxReasonLength ? text : `${text.slice(0, maxReasonLength - 3)}...`;
}

function differences(
  before: GenerationServer | undefined,
  after: GenerationServer,
  whyOf: (id: number) => string,
): string[] {
  const { id, state = 'up', wanted = state, weight = 1 } = after;
  const name = `server ${id}`;
  if (before === undefined) return [`${name} added${state === 'up' ? '' : `, ${stateText(after, whyOf)}`}`];
  const { state: oldState = 'up', wanted: oldWanted = oldState, weight: oldWeight = 1 } = before;
  const parts: string[] = [];
  if (!before.address.equals(after.address)) parts.push(`${name} is ${after.address.toString()} now`);
  if (oldState !== state || oldWanted !== wanted) parts.push(`${name} is ${stateText(after, whyOf)}`);
  if (oldWeight !== weight) parts.push(`${name} weighs ${weight}`);
  return parts;
}

function stateText(
  { id, state = 'up', wanted = state }: GenerationServer,
  whyOf: (id: number) => string,
): string {
  if (state !== 'gone' || wanted === 'gone') return state;
  const why = whyOf(id);
  return why === '' ? 'down' : `down: ${why}`;
}
