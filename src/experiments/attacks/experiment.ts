/** Every attack in one table: without its defence, and as shipped. */

import { type Check, defineExperiment, runEach } from '../experiment.js';
import type { Attack, AttackOutcome } from './attack.js';
import { addressChurn, addressHijack, dataAckBeyond, fastClose, removeAddress } from './control.js';
import { mappingBeyond, outOfOrder, payloadForged } from './data.js';
import { synFlood } from './floods.js';
import { joinFlood, joinReplay, tokenGuessing } from './joins.js';
import { blindReset, blindSyn } from './resets.js';

/** By name, in the order of the table. */
const attacks: readonly (readonly [string, Attack])[] = [
  ['blind-resets', blindReset],
  ['blind-syns', blindSyn],
  ['syn-flood', synFlood],
  ['token-guessing', tokenGuessing],
  ['join-flood', joinFlood],
  ['join-replayed', joinReplay],
  ['add-addr', addressHijack],
  ['addresses-in-turn', addressChurn],
  ['remove-addr', (seed) => [removeAddress(seed)]],
  ['fast-close', fastClose],
  ['data-ack', (seed) => [dataAckBeyond(seed)]],
  ['out-of-order', outOfOrder],
  ['forged-data', (seed) => [mappingBeyond(seed), ...payloadForged(seed)]],
];

/** Attacks that succeed against any stack without cryptography: shown, and not held against this one. */
const undefended = new Set(['payload forged']);
/** Most of what a limit may let through. */
const limits: Readonly<Record<string, number>> = {
  'token guessing': 400,
  'join flood, token known': 8,
  'SYN flood': 1024,
  'ADD_ADDR and REMOVE_ADDR in turn': 16,
  'bytes out of order': 1024,
};

export const attackTable = defineExperiment({
  name: 'attacks',
  title: 'Attacks on Multipath TCP, without their defence and as shipped',
  source:
    'RFC 6181 (2011) and RFC 7430 (2015): threats to Multipath TCP; RFC 5961 (2010): blind in-window attacks; RFC 4987 (2007): ' +
    'SYN floods',
  summary:
    'A transfer runs over two paths while somebody attacks it: blind from outside, on one of the paths, having seen the ' +
    'handshake, or as the peer. Each attack meets a stack without the defence (or finds what it needs) and the stack as it ' +
    'ships. What is counted as harm differs by attack; completed says whether the victim got every byte.',
  parameters: {
    attack: {
      kind: 'choice',
      default: 'all',
      choices: ['all', ...attacks.map(([name]) => name)],
      doc: 'which attack',
    },
  },
  columns: [
    { name: 'attack', title: 'attack', kind: 'text' },
    { name: 'attacker', title: 'attacker', kind: 'text' },
    { name: 'defence', title: 'defence', kind: 'text' },
    { name: 'shipped', title: 'shipped', kind: 'boolean' },
    { name: 'harm', title: 'harm', kind: 'number' },
    { name: 'measure', title: 'what is counted', kind: 'text' },
    { name: 'completed', title: 'completed', kind: 'boolean' },
  ],

  async run({ seed, parameters, step }) {
    const rows = (
      await runEach(
        step,
        attacks.filter(([name]) => parameters.attack === 'all' || parameters.attack === name),
        ([name]) => name,
        ([, attack]) => attack(seed),
      )
    ).flat();
    return { rows: rows.map((row) => ({ ...row })), figures: {}, checks: rows.flatMap(checksOf) };
  },
});

function checksOf({ attack, shipped, harm, completed, measure }: AttackOutcome): Check[] {
  if (!shipped || undefended.has(attack)) return [];
  const bound = limits[attack] ?? 0;
  return [
    { name: `${attack}: ${measure}`, pass: harm <= bound, value: harm, bound },
    { name: `${attack}: the victim's transfer completes`, pass: completed, value: completed, bound: true },
  ];
}
