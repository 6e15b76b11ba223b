export { LAB_SECURITY_POLICY, type LabServer, type LabServerOptions, serveLab } from './lab-server.js';
export { type LiveOptions, MAX_STREAMS } from './live/live-api.js';
