/** The 0-RTT Convert Protocol over the kernel's sockets: a converter, and connections through one. */
export { converterEvents, type ConverterEvent } from './context.js';
export { ConvertError } from './convert-error.js';
export { ConverterServer, type ConverterOptions } from './converter-server.js';
