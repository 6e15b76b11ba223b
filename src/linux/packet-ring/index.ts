export { FramePool } from './frame-pool.js';
export { interfaceFacts, type InterfaceFacts } from './interface-facts.js';
export { PacketPort, type PortPlan } from './packet-port.js';
export { maxSocketsEach, PacketRings, type PacketRingsOptions } from './packet-rings.js';
export { SocketProgram, type SocketProgramOptions } from './socket-program.js';
export { headroomBytes, WorkerRings, type RingPlan } from './worker-rings.js';
export type { FrameMemory, RingSizes, XdpSocketStatistics } from './xdp-socket.js';
