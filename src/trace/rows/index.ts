export { connectionTable, subflowTable, type SubflowRow } from './connection-table.js';
export { MappingFilter, mappingTable, packetTable } from './packet-table.js';
export type { Cell, Column, Table } from './table.js';
