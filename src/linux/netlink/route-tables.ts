/**
 * Default routes in tables and rules by source address, read and changed in one namespace: that of the calling thread when this is made.
 *
 * Read first: rtnetlink(7), ip-rule(8).
 */
import {
  decodeSourceRule,
  decodeTableRoute,
  routeBody,
  routeQuery,
  routingMessages,
  ruleBody,
  type SourceRule,
  type TableRoute,
} from '../../netlink/index.js';
import { RouteSocket } from './route-socket.js';

const NLM_F_EXCL = 0x200;
const NLM_F_CREATE = 0x400;
const families = [4, 6] as const;

/** @throws, every method: NetlinkError `EPERM` without CAP_NET_ADMIN, `EEXIST` for what is there, `ESRCH`, `ENOENT` for what is not. */
export class RouteTables {
  private readonly socket = new RouteSocket();

  /** The default routes of all tables, each over one interface. */
  routes(): TableRoute[] {
    return families.flatMap((family) =>
      this.socket.dump('routes', { type: routingMessages.getRoute, ...routeQuery(family) }, decodeTableRoute),
    );
  }

  /** The rules for one source address each. */
  rules(): SourceRule[] {
    return families.flatMap((family) =>
      this.socket.dump('rules', { type: routingMessages.getRule, ...routeQuery(family) }, decodeSourceRule),
    );
  }

  addRoute(route: TableRoute): void {
    const flags = NLM_F_CREATE | NLM_F_EXCL;
    this.socket.request('route add', { type: routingMessages.newRoute, flags, ...routeBody(route) });
  }

  removeRoute(route: TableRoute): void {
    this.socket.request('route delete', { type: routingMessages.deleteRoute, ...routeBody(route) });
  }

  addRule(rule: SourceRule): void {
    const flags = NLM_F_CREATE | NLM_F_EXCL;
    this.socket.request('rule add', { type: routingMessages.newRule, flags, ...ruleBody(rule) });
  }

  removeRule(rule: SourceRule): void {
    this.socket.request('rule delete', { type: routingMessages.deleteRule, ...ruleBody(rule) });
  }

  close(): void {
    this.socket.close();
  }
}
