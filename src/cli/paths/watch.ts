/** `subflow paths watch`: what the kernel tells, a line an event, until a signal ends it. */

import type { Command } from 'commander';
import { KernelPathEvents } from '../../linux/index.js';
import { type KernelPathEvent, pathEndText } from '../../netlink/index.js';
import { aborted, untilSignal } from '../until-signal.js';
import { withRights } from './kernel.js';

/** What holds the process while nothing happens, in ms. */
const HOLD_MS = 1 << 30;

function textOf(event: KernelPathEvent): string {
  const { type, token, local, remote, localId, remoteId, backup, errno, resetReason, isServer } = event;
  return [
    type,
    ...(token === 0 ? [] : [`token ${token.toString(16).padStart(8, '0')}`]),
    ...(isServer === undefined ? [] : [isServer ? 'server' : 'client']),
    ...(local === undefined ? [] : [`local ${pathEndText(local)}`]),
    ...(remote === undefined ? [] : [`remote ${pathEndText(remote)}`]),
    ...(localId === undefined ? [] : [`id ${localId}`]),
    ...(remoteId === undefined ? [] : [`remote-id ${remoteId}`]),
    ...(backup === true ? ['backup'] : []),
    ...(errno === undefined || errno === 0 ? [] : [`error ${errno}`]),
    ...(resetReason === undefined ? [] : [`reset-reason ${resetReason}`]),
  ].join(' ');
}

function write(json: boolean, event: KernelPathEvent): void {
  const fields = { schema: 'subflow/paths-event/1', time: new Date().toISOString(), ...event };
  process.stdout.write(`${json ? JSON.stringify(fields) : textOf(event)}\n`);
}

/** Declares `subflow paths watch`. */
export function declareWatch(command: Command): void {
  command
    .description(
      'Shows what the kernel tells of Multipath TCP connections, their subflows and addresses, as it happens.',
    )
    .option('--json', 'one object a line')
    .action(async ({ json }: { readonly json?: true }) => {
      await untilSignal(async (signal) => {
        const events = withRights(
          () =>
            new KernelPathEvents(
              (event) => write(json === true, event),
              () => process.stderr.write('subflow: more happened than could be told; some events are lost\n'),
            ),
        );
        const hold = setInterval(() => undefined, HOLD_MS);
        process.stderr.write('subflow: watching\n');
        await aborted(signal);
        clearInterval(hold);
        events.close();
      });
    });
}
