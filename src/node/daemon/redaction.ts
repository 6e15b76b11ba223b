/** Keeps secrets out of sentences that quote what others said. */

/** Names and passwords in URLs, seeds of NATS keys, tokens signed for NATS. */
const secrets = [
  /(?<=:\/\/)[^/@\s]+(?=@)/g,
  /\bS[A-Z]{1,2}[A-Z2-7]{54,58}\b/g,
  /\beyJ[\w-]+\.[\w-]+(\.[\w-]*)?/g,
];

/** The text without secrets. */
export function redacted(text: string): string {
  let result = text;
  for (const secret of secrets) result = result.replace(secret, '***');
  return result;
}
