export { checkKernelService } from './availability.js';
export { KernelPaths, type KernelPathState, type NewPath } from './kernel-paths.js';
export { KernelService, type KernelServiceOptions, type ServedConnection } from './kernel-service.js';
