export { LAB_SECURITY_POLICY, type LabServer, type LabServerOptions, serveLab } from './lab-server.js';
