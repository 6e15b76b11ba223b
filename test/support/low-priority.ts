/** Tests that only compute make way for those that wait for the kernel; so do the processes that they start. */
import { constants, setPriority } from 'node:os';

setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
