export { checkKernelService } from './availability.js';
export {
  isOpeningState,
  isOpenState,
  KernelPaths,
  type KernelPathState,
  type NewPath,
} from './kernel-paths.js';
export { KernelService, type KernelServiceOptions, type ServedConnection } from './kernel-service.js';
