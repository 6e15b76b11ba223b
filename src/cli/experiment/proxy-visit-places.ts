/**
 * Where client, proxy and server of visits through proxies are.
 *
 * ```
 *   client 10.0.0.1 == link == 10.0.0.2 proxy 10.0.1.1 == link == 10.0.1.2 server
 * ```
 */

export const clientAddress = '10.0.0.1';
export const clientNetwork = '10.0.0.0/24';
export const proxyAddress = '10.0.0.2';
/** The proxy's own end of the link to the server. */
export const proxyFarAddress = '10.0.1.1';
export const serverAddress = '10.0.1.2';
export const serverPort = 7000;
/** Where the proxy takes SOCKS 5, SOCKS 6 and HTTP CONNECT, and where it is a converter. */
export const proxyPorts = { proxy: 1080, converter: 5124 } as const;
/** The server's answer; nothing else on the way has these bytes. */
export const answerText = 'the answer of the server';
