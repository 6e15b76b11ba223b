/** What this machine has of Multipath TCP, as questions with answers. */

import {
  kernelEndpoints,
  type KernelEndpoint,
  type KernelLimits,
  kernelLimits,
  kernelMptcp,
  type KernelMptcpSocket,
  kernelMptcpSockets,
} from '../../linux/index.js';

/** One question, answered. */
export interface Answer {
  /** In kebab-case; stable. */
  readonly name: string;
  readonly isGood: boolean;
  /** Without it nothing works. */
  readonly isNeeded: boolean;
  readonly sentence: string;
  /** What to do about a no; empty where nothing needs to be done. */
  readonly advice: string;
}

export interface MachineReport {
  readonly answers: readonly Answer[];
  /** Undefined where the kernel does not tell. */
  readonly limits: KernelLimits | undefined;
  readonly endpoints: readonly KernelEndpoint[];
  /** Sockets in use, listeners too. */
  readonly applications: readonly KernelMptcpSocket[];
}

/** Asks the kernel of the calling thread's namespace. */
export function checkMachine(): MachineReport {
  const kernel = kernelAnswer();
  if (!kernel.isGood) return { answers: [kernel], limits: undefined, endpoints: [], applications: [] };
  const limits = asked(kernelLimits);
  const endpoints = asked(kernelEndpoints) ?? [];
  const applications = asked(kernelMptcpSockets);
  return {
    answers: [
      kernel,
      ...(limits === undefined ? [] : limitAnswers(limits, endpoints)),
      endpointAnswer(endpoints),
      applicationAnswer(applications),
    ],
    ...{ limits, endpoints, applications: applications ?? [] },
  };
}

/** What the kernel says; undefined where it does not, as an old one. */
function asked<T>(question: () => T): T | undefined {
  try {
    return question();
  } catch {
    return undefined;
  }
}

function kernelAnswer(): Answer {
  const kernel = kernelMptcp();
  const common = { name: 'kernel', isNeeded: true };
  if (kernel.available)
    return {
      ...common,
      isGood: true,
      sentence: 'The kernel speaks Multipath TCP, and it is on.',
      advice: '',
    };
  return { ...common, isGood: false, sentence: `No Multipath TCP: ${kernel.reason}.`, advice: kernel.hint };
}

function limitAnswers(limits: KernelLimits, endpoints: readonly KernelEndpoint[]): Answer[] {
  const { addAddrAccepted, subflows } = limits;
  const isClient = endpoints.some(({ flags }) => flags.includes('subflow'));
  return [
    {
      name: 'subflows',
      isGood: subflows > 0,
      isNeeded: false,
      sentence: `Subflows that a connection may have beside its first: ${subflows}.`,
      advice: subflows > 0 ? '' : 'Allow some: ip mptcp limits set subflows 2.',
    },
    {
      name: 'announcements',
      isGood: addAddrAccepted > 0 || isClient,
      isNeeded: false,
      sentence: `Announced addresses that a connection goes to: ${addAddrAccepted}.`,
      advice:
        addAddrAccepted > 0 || isClient
          ? ''
          : 'As a client of servers that announce addresses: ip mptcp limits set add_addr_accepted 2.',
    },
  ];
}

function endpointAnswer(endpoints: readonly KernelEndpoint[]): Answer {
  const list = endpoints.map(({ address, flags }) => `${address} (${flags.join(', ')})`).join('; ');
  const isGood = endpoints.length > 0;
  return {
    name: 'endpoints',
    isGood,
    isNeeded: false,
    sentence: isGood ? `Further addresses in use: ${list}.` : 'No further address is used for subflows.',
    advice: isGood
      ? ''
      : 'For a second path: ip mptcp endpoint add ADDRESS dev INTERFACE subflow (a server: signal).',
  };
}

function applicationAnswer(applications: readonly KernelMptcpSocket[] | undefined): Answer {
  const common = { name: 'applications', isNeeded: false };
  if (applications === undefined)
    return {
      ...common,
      isGood: false,
      sentence: 'The kernel does not list Multipath TCP sockets.',
      advice: '',
    };
  const isGood = applications.length > 0;
  return {
    ...common,
    isGood,
    sentence: isGood
      ? `Multipath TCP sockets that are open: ${applications.length}.`
      : 'No program uses Multipath TCP at the moment.',
    advice: isGood ? '' : 'Programs ask for it by IPPROTO_MPTCP; mptcpize run PROGRAM makes others do so.',
  };
}
