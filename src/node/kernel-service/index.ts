export { checkKernelService } from './availability.js';
export { KernelService, type KernelServiceOptions, type ServedConnection } from './kernel-service.js';
