import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { freePort, freePorts } from './free-port.ts';

test('free ports are different, free, and none that an outgoing connection could take meanwhile', async () => {
  const ports = await freePorts(40);
  expect(new Set(ports).size).toBe(40);
  const range = await readFile('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').catch(() => '');
  const [first = 32_768] = range.split(/\s+/).filter(Boolean).map(Number);
  if (first > 20_000) for (const port of ports) expect(port).toBeLessThan(first);
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(ports[0], '127.0.0.1', resolve);
  });
  expect(await freePort()).not.toBe(ports[0]);
  await new Promise((closed) => server.close(closed));
});
