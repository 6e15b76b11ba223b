/**
 * What tells routes and rules of ours from everybody else's, in the kernel itself: so they are found again also when the program that made
 * them was killed.
 */

/** Who made a route or rule (RTPROT_..., a number of one byte that nobody else is known to use; "proto 83" in what `ip` shows). */
export const OWN_PROTOCOL = 83;

/** The tables of interfaces: this and the number of the interface. */
const FIRST_TABLE = 5_300_000;
const TABLES = 100_000;

/** Rules are asked after all that administrators make by hand, and before the main table (32766): for each address these two. */
export const SPECIFIC_RULE_PRIORITY = 31_990;
export const TABLE_RULE_PRIORITY = 31_991;

/** The table of the interface with this number. */
export function ownTable(interfaceIndex: number): number {
  return FIRST_TABLE + (interfaceIndex % TABLES);
}

/** Whether a table is that of an interface. */
export function isOwnTable(table: number): boolean {
  return table >= FIRST_TABLE && table < FIRST_TABLE + TABLES;
}
