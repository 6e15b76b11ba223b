/** What the page may have done, where it may: one command to the kernel's path manager each, as `subflow paths` gives them. Nothing else. */
import { z } from 'zod';
import {
  changeableFlags,
  type MachineAnswer,
  type MachineCommand,
  newEndpointFlags,
} from '../../../lab/index.js';
import {
  insideNamespaceAt,
  type KernelEndpoints,
  LinkWatch,
  withKernelEndpoints,
} from '../../../linux/index.js';
import { MAX_KERNEL_SUBFLOWS } from '../../../netlink/index.js';
import { IpAddress } from '../../../wire/index.js';
import { messageOf } from '../../net-error.js';

const address = z.union([z.ipv4(), z.ipv6()]);
const endpointId = z.int().min(1).max(255);
const limit = z.int().min(0).max(MAX_KERNEL_SUBFLOWS);

const commandSchema = z.discriminatedUnion('do', [
  z.strictObject({
    do: z.literal('add'),
    address,
    flags: z.array(z.enum(newEndpointFlags)).min(1).max(newEndpointFlags.length),
    device: z.string().min(1).max(15).optional(),
    id: endpointId.optional(),
    port: z.int().min(1).max(65_535).optional(),
  }),
  z.strictObject({
    ...{ do: z.literal('change'), id: endpointId, address },
    flags: z.array(z.enum(changeableFlags)).max(changeableFlags.length),
  }),
  z.strictObject({ do: z.literal('remove'), id: endpointId, address }),
  z.strictObject({ do: z.literal('limits'), subflows: limit.optional(), addAddrAccepted: limit.optional() }),
]) satisfies z.ZodType<MachineCommand>;

/** Reads a command; undefined for what is none. Never throws. */
export function readCommand(text: string): MachineCommand | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const read = commandSchema.safeParse(value);
  return read.success ? read.data : undefined;
}

/** Carries a command out in a namespace; what the kernel refuses is an answer. */
export function carryOut(command: MachineCommand, namespace: string | undefined): MachineAnswer {
  try {
    const said = insideNamespaceAt(namespace, () => withKernelEndpoints((kernel) => apply(command, kernel)));
    return { isDone: true, said };
  } catch (error) {
    return { isDone: false, said: messageOf(error) };
  }
}

/** Gives what was done. */
function apply(command: MachineCommand, kernel: KernelEndpoints): string {
  if (command.do === 'limits') {
    const { subflows, addAddrAccepted } = command;
    kernel.setLimits({
      ...(subflows !== undefined && { subflows }),
      ...(addAddrAccepted !== undefined && { addAddrAccepted }),
    });
    const now = kernel.limits();
    return `limits: subflows ${now.subflows}, add_addr_accepted ${now.addAddrAccepted}`;
  }
  if (command.do === 'add') return add(command, kernel);
  const { id } = command;
  // Numbers are used again: what the page saw under this one may be gone.
  if (kernel.get(id)?.address !== command.address)
    throw new Error(`there is no endpoint ${command.address} with ID ${id} any more`);
  if (command.do === 'remove') {
    kernel.remove(id);
    return `endpoint ${command.address} removed`;
  }
  kernel.setFlags(id, command.flags);
  return `endpoint ${command.address}: ${kernel.get(id)?.flags.join(' ') ?? ''}`;
}

function add(
  { address: local, flags, device, id, port }: MachineCommand & { do: 'add' },
  kernel: KernelEndpoints,
): string {
  if (IpAddress.parse(local)?.isOneHost !== true)
    throw new Error(`${local} is no address that a host can have`);
  const isSignal = flags.includes('signal');
  if (isSignal && flags.includes('fullmesh')) throw new Error('signal and fullmesh exclude each other');
  if (port !== undefined && (!isSignal || flags.includes('subflow')))
    throw new Error('a port is announced to peers: it takes signal, and not subflow');
  kernel.add({
    ...{ address: local, flags },
    ...(device !== undefined && { interfaceIndex: indexOf(device) }),
    ...(id !== undefined && { id }),
    ...(port !== undefined && { port }),
  });
  return `endpoint ${local} added: ${flags.join(' ')}`;
}

function indexOf(device: string): number {
  const watch = new LinkWatch();
  try {
    const found = watch.links.find(({ name }) => name === device);
    if (found === undefined) throw new Error(`there is no interface '${device}'`);
    return found.index;
  } finally {
    watch.close();
  }
}
