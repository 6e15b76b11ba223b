/** A key and a certificate of `localhost`, made anew, for tests of TLS. */
import { execFileSync } from 'node:child_process';

export function selfSigned(): { readonly key: string; readonly cert: string } {
  const made = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-days',
    '2',
  ];
  const name = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-keyout', '-'];
  const said = execFileSync('openssl', [...made, ...name], { stdio: 'pipe' }).toString();
  const [key = '', cert = ''] = said.match(/-----BEGIN[^]*?-----END [A-Z ]+-----/g) ?? [];
  return { key, cert };
}
