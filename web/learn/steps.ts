/** The steps in their order, and their addresses: `#learn?step=join&form=backup&packet=4`. */

/** Names as they stand in the address, and titles; the lessons themselves are the worker's. */
export const steps = [
  ['handshake', 'Handshake'],
  ['join', 'Join'],
  ['data', 'Data sequence'],
  ['handover', 'Handover'],
  ['fall-back', 'Fall-back'],
] as const;

export type StepName = (typeof steps)[number][0];

/** What an address of the view says. */
export interface LearnPlace {
  readonly step: StepName;
  /** Empty for the form that comes first. */
  readonly form: string;
  /** Number of a packet, from 1. */
  readonly packet: number;
}

/** Reads whatever stands in an address: what makes no sense is as at the beginning. */
export function readPlace(query: string): LearnPlace {
  const fields = new URLSearchParams(query);
  const step = steps.find(([name]) => name === fields.get('step'))?.[0] ?? 'handshake';
  const packet = Number(fields.get('packet'));
  const form = fields.get('form') ?? '';
  return {
    step,
    form: /^[a-z0-9-]{1,20}$/.test(form) ? form : '',
    packet: Number.isInteger(packet) && packet >= 1 ? packet : 1,
  };
}

export function writePlace({ step, form, packet }: LearnPlace): string {
  const parts = [`step=${step}`, ...(form === '' ? [] : [`form=${form}`])];
  return [...parts, ...(packet === 1 ? [] : [`packet=${packet}`])].join('&');
}
