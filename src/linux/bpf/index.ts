export * from './bpf-map.js';
export * from './bpf-object.js';
export * from './bpf-program.js';
export { maxObjectBytes } from './elf.js';
export { interfaceIndex } from './interface-index.js';
export * from './object-file.js';
export * from './xdp-link.js';
