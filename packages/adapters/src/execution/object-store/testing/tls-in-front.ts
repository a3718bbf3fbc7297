/** For tests only: TLS in front of an HTTP server on loopback, with a certificate that only its own file vouches for. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface TlsInFront {
  readonly endpoint: string;
  readonly authorityFile: string;
  /** How many requests came through. */
  requests(): number;
  stop(): Promise<void>;
}

export async function tlsInFront(upstream: string): Promise<TlsInFront> {
  const dir = await mkdtemp(join(tmpdir(), 'headgate-tls-'));
  const [key, authorityFile] = [join(dir, 'key.pem'), join(dir, 'certificate.pem')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  const name = ['-subj', '/CN=headgate test', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'];
  await run('openssl', ['req', '-x509', ...curve, ...name, '-keyout', key, '-out', authorityFile]);
  let requests = 0;
  const { hostname, port } = new URL(upstream);
  const server = createServer({ key: await readFile(key), cert: await readFile(authorityFile) }, (asked, answer) => {
    requests += 1;
    const { method, url: path, headers } = asked;
    const passed = request({ hostname, port, method, path, headers }, (got) => {
      answer.writeHead(got.statusCode ?? 502, got.headers);
      got.pipe(answer);
    });
    // Swift answers a HEAD for what isn't there with a body, which no client expects; the answer's head is right.
    passed.on('error', () => (answer.headersSent ? answer.end() : answer.destroy()));
    asked.pipe(passed);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    endpoint: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    authorityFile,
    requests: () => requests,
    async stop() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
      await rm(dir, { recursive: true, force: true });
    },
  };
}
