/** Endpoints and limits of the kernel's path manager; where the server allows it, with what changes them. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import {
  changeableFlags,
  type MachineEndpoint,
  type MachineState,
  newEndpointFlags,
} from '../../src/lab/index.js';
import type { LiveSession } from './session.js';

/** Most subflows, and announcements, that the kernel can be told. */
const MAX_LIMIT = 8;

interface Props {
  readonly session: LiveSession;
  readonly state: MachineState;
}

export function Paths({ session, state }: Props): JSX.Element {
  const { paths, allowsControl } = state;
  const { value: said } = session.said;
  return (
    <section class="panel" aria-label="Paths">
      <h3>Endpoints and limits</h3>
      <p class="soft">
        path manager {paths.pathManager ?? 'unknown'}
        {paths.pathManager === 'userspace' ? ', so that endpoints do nothing' : ''}
        {allowsControl ? '' : '; read-only'}
      </p>
      <Endpoints session={session} state={state} />
      <Limits key={limitKey(state)} session={session} state={state} />
      {allowsControl ? <NewEndpoint session={session} state={state} /> : null}
      <p role="status" data-testid="said" class={said?.isDone === false ? 'warning' : 'soft'}>
        {said?.text ?? ''}
      </p>
    </section>
  );
}

function Endpoints({ session, state }: Props): JSX.Element {
  const { endpoints } = state.paths;
  /** The one that is to be removed, once that is confirmed. */
  const leaving = useSignal<MachineEndpoint | undefined>(undefined);
  if (endpoints === null) return <p>The kernel shows endpoints to root only.</p>;
  if (endpoints.length === 0) return <p>No endpoints.</p>;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="List of endpoints">
      <table>
        <thead>
          <tr>
            <th scope="col">id</th>
            <th scope="col" class="left">
              address
            </th>
            <th scope="col" class="left">
              interface
            </th>
            <th scope="col" class="left">
              flags
            </th>
            <th scope="col">subflows</th>
            {state.allowsControl ? (
              <th scope="col">
                <span class="unseen">Remove</span>
              </th>
            ) : null}
          </tr>
        </thead>
        <tbody>
          {endpoints.map((endpoint) => (
            <tr key={endpoint.id}>
              <td>{endpoint.id}</td>
              <td class="left mono">
                {endpoint.address}
                {endpoint.port === 0 ? '' : ` port ${endpoint.port}`}
              </td>
              <td class="left">{endpoint.device ?? 'any'}</td>
              <td class="left">
                <Flags session={session} endpoint={endpoint} allowsControl={state.allowsControl} />
              </td>
              <td>{endpoint.subflows}</td>
              {state.allowsControl ? (
                <td>
                  <button
                    type="button"
                    aria-label={`Remove ${endpoint.address}`}
                    onClick={() => (leaving.value = endpoint)}
                  >
                    Remove
                  </button>
                </td>
              ) : null}
            </tr>
          ))}
        </tbody>
      </table>
      {leaving.value === undefined ? null : (
        <Confirm
          endpoint={leaving.value}
          onEnd={(isConfirmed) => {
            const { id, address } = leaving.value!;
            leaving.value = undefined;
            if (isConfirmed) session.control({ do: 'remove', id, address });
          }}
        />
      )}
    </div>
  );
}

interface FlagsProps {
  readonly session: LiveSession;
  readonly endpoint: MachineEndpoint;
  readonly allowsControl: boolean;
}

/** Flags; those that may be changed as boxes to tick. */
function Flags({ session, endpoint, allowsControl }: FlagsProps): JSX.Element {
  const { id, address, flags } = endpoint;
  if (!allowsControl) return <>{flags.join(' ')}</>;
  const fixed = flags.filter((flag) => !changeableFlags.some((each) => each === flag));
  return (
    <span class="flags">
      <span>{fixed.join(' ')}</span>
      {changeableFlags.map((flag) => (
        <label key={flag} class="tick">
          <input
            type="checkbox"
            checked={flags.includes(flag)}
            aria-label={`${flag} of ${address}`}
            onChange={(event) => {
              const isOn = event.currentTarget.checked;
              const wanted = changeableFlags.filter((each) => (each === flag ? isOn : flags.includes(each)));
              session.control({ do: 'change', id, address, flags: wanted });
            }}
          />
          {flag}
        </label>
      ))}
    </span>
  );
}

interface ConfirmProps {
  readonly endpoint: MachineEndpoint;
  readonly onEnd: (isConfirmed: boolean) => void;
}

function Confirm({ endpoint, onEnd }: ConfirmProps): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} aria-labelledby="confirm-title" onCancel={() => onEnd(false)}>
      <h3 id="confirm-title">Remove endpoint {endpoint.address}?</h3>
      <p>{cutText(endpoint)}</p>
      <div class="buttons">
        <button type="button" onClick={() => onEnd(false)}>
          Keep it
        </button>
        <button type="button" class="main" onClick={() => onEnd(true)}>
          Remove
        </button>
      </div>
    </dialog>
  );
}

/** What ends with an endpoint. */
function cutText({ subflows, aloneFor }: MachineEndpoint): string {
  if (subflows === 0)
    return 'No subflow stands on it at present; peers that it was announced to are told that it is gone.';
  const ends = subflows === 1 ? '1 subflow ends' : `${subflows} subflows end`;
  if (aloneFor === 0) return `${ends}; every connection has another one.`;
  const cut = aloneFor === 1 ? '1 connection has' : `${aloneFor} connections have`;
  return `${ends}; ${cut} no other one, and may be cut off.`;
}

/** Fields begin anew where what they show has changed. */
function limitKey({ paths: { limits } }: MachineState): string {
  return limits === null ? '' : `${limits.subflows} ${limits.addAddrAccepted}`;
}

function Limits({ session, state }: Props): JSX.Element | null {
  const { limits } = state.paths;
  const subflows = useSignal(limits?.subflows ?? 0);
  const accepted = useSignal(limits?.addAddrAccepted ?? 0);
  if (limits === null) return null;
  if (!state.allowsControl)
    return (
      <p data-testid="limits">
        Limits of a connection: subflows {limits.subflows}, add_addr_accepted {limits.addAddrAccepted}
      </p>
    );
  return (
    <form
      class="control"
      aria-label="Limits"
      onSubmit={(event) => {
        event.preventDefault();
        session.control({ do: 'limits', subflows: subflows.value, addAddrAccepted: accepted.value });
      }}
    >
      <NumberField name="subflows" value={subflows.value} onChange={(value) => (subflows.value = value)} />
      <NumberField
        name="add_addr_accepted"
        value={accepted.value}
        onChange={(value) => (accepted.value = value)}
      />
      <button type="submit">Set limits</button>
    </form>
  );
}

interface NumberFieldProps {
  readonly name: string;
  readonly value: number;
  readonly onChange: (value: number) => void;
}

function NumberField({ name, value, onChange }: NumberFieldProps): JSX.Element {
  return (
    <label class="field inline">
      <span>{name}</span>
      <select value={value} onChange={(event) => onChange(Number(event.currentTarget.value))}>
        {Array.from({ length: MAX_LIMIT + 1 }, (_, count) => (
          <option key={count} value={count}>
            {count}
          </option>
        ))}
      </select>
    </label>
  );
}

type Flag = (typeof newEndpointFlags)[number];

function NewEndpoint({ session, state }: Props): JSX.Element {
  const address = useSignal('');
  const device = useSignal('');
  const flags = useSignal<readonly Flag[]>(['subflow']);
  const { links } = state.paths;
  return (
    <form
      class="control"
      aria-label="New endpoint"
      onSubmit={(event) => {
        event.preventDefault();
        session.control({
          ...{ do: 'add', address: address.value.trim(), flags: flags.value },
          ...(device.value !== '' && { device: device.value }),
        });
      }}
    >
      <label class="field inline">
        <span>address</span>
        <input
          type="text"
          class="mono"
          list="own-addresses"
          maxLength={45}
          required
          value={address.value}
          onInput={(event) => (address.value = event.currentTarget.value)}
        />
      </label>
      <datalist id="own-addresses">
        {links.flatMap(({ name, addresses }) =>
          addresses.map((each) => (
            <option key={`${name} ${each}`} value={each}>
              {name}
            </option>
          )),
        )}
      </datalist>
      <label class="field inline">
        <span>interface</span>
        <select value={device.value} onChange={(event) => (device.value = event.currentTarget.value)}>
          <option value="">any</option>
          {links.map(({ name }) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      {newEndpointFlags.map((flag) => (
        <label key={flag} class="tick">
          <input
            type="checkbox"
            checked={flags.value.includes(flag)}
            onChange={(event) => {
              const isOn = event.currentTarget.checked;
              flags.value = newEndpointFlags.filter((each) =>
                each === flag ? isOn : flags.value.includes(each),
              );
            }}
          />
          {flag}
        </label>
      ))}
      <button type="submit" disabled={flags.value.length === 0}>
        Add endpoint
      </button>
    </form>
  );
}
