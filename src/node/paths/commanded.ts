/**
 * Connections that take commands one by one, as they began under the path manager of user space: subflows are opened, ended and made
 * backups as the roles of their links say. Endpoints do nothing for them.
 */
import { type KernelPathCommands, SystemError } from '../../linux/index.js';
import { SubflowError } from '../../base/index.js';
import type { LinkId } from '../../policy/index.js';
import { type Connections, isCarrying, type KnownConnection, type MissingSubflow } from './connections.js';
import type { LinkRole } from './endpoint-keeper.js';
import type { UplinkCandidate } from './uplinks.js';

export class CommandedConnections {
  private readonly commands: KernelPathCommands;
  private readonly connections: Connections;

  constructor(commands: KernelPathCommands, connections: Connections) {
    this.commands = commands;
    this.connections = connections;
  }

  /** Has a missing subflow opened; false where the connection takes no commands, or did not take this one. */
  open({ connection, link }: MissingSubflow, uplinks: readonly UplinkCandidate[], backup: boolean): boolean {
    const uplink = uplinks.find((each) => each.link.index === link);
    const way = uplink?.ways.find(({ family }) => family === connection.family);
    const first = connection.subflows.find(({ isJoin }) => !isJoin) ?? connection.subflows[0];
    if (connection.takesCommands === false || way === undefined || first === undefined) return false;
    const local = { address: way.address.toString(), port: 0 };
    return this.command(connection, () =>
      this.commands.create(
        { token: connection.token, local, remote: first.remote },
        { backup, interfaceIndex: link },
      ),
    );
  }

  /** Brings the subflows in line with the roles of their links. The last of a connection that `isGood` stays, but on `closed` links. */
  follow(
    uplinks: readonly UplinkCandidate[],
    roles: ReadonlyMap<LinkId, LinkRole>,
    isGood: (link: LinkId) => boolean,
    closed: ReadonlySet<LinkId>,
  ): void {
    for (const connection of this.connections.all) {
      if (connection.takesCommands !== true) continue;
      for (const { link } of uplinks) {
        const mayEnd = (others: number): boolean => others > 0 || closed.has(link.index);
        this.followOne(connection, link.index, roles.get(link.index), isGood, mayEnd);
      }
    }
  }

  private followOne(
    connection: KnownConnection,
    link: LinkId,
    role: LinkRole | undefined,
    isGood: (link: LinkId) => boolean,
    mayEnd: (others: number) => boolean,
  ): void {
    const { connections, commands } = this;
    const subflows = connection.subflows.filter(isCarrying);
    const others = subflows.filter((subflow) => {
      const on = connections.linkOf(subflow);
      return on !== undefined && on !== link && isGood(on);
    });
    for (const subflow of subflows) {
      if (connections.linkOf(subflow) !== link) continue;
      const { local, remote, token, isBackup } = subflow;
      const path = { token, local, remote };
      if (role === undefined) {
        if (mayEnd(others.length)) this.command(connection, () => commands.destroy(path));
      } else if (role.isBackup !== isBackup) {
        this.command(connection, () => commands.setBackup(path, role.isBackup));
      }
    }
  }

  private command(connection: KnownConnection, action: () => void): boolean {
    try {
      action();
      connection.takesCommands = true;
      return true;
    } catch (error) {
      if (!(error instanceof SubflowError)) throw error;
      if (!(error instanceof SystemError)) connection.takesCommands = false;
      // Refused for now, as while the peer has not confirmed Multipath TCP: the next attempt comes later.
      return connection.takesCommands === true;
    }
  }
}
