export * from './byte-queue.js';
export * from './deque.js';
export * from './error.js';
export * from './random.js';
export * from './reassembly-queue.js';
export * from './sequence.js';
export * from './time.js';
export * from './timer-queue.js';
