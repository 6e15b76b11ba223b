/** For tests of the probe: what it asks of web servers, and what they answer. */

export const request = {
  head: new TextEncoder().encode('GET / HTTP/1.1\r\nHost: server.example\r\n'),
  tail: new TextEncoder().encode('Connection: keep-alive\r\n\r\n'),
};

/** The answer to what came so far; undefined while the request is not whole. */
export function answerTo(received: string): string | undefined {
  if (!received.endsWith('\r\n\r\n')) return undefined;
  return 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello';
}
