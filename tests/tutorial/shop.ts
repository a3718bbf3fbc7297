/** The tutorial's service: small, on PostgreSQL, and none of the examples. Made as a person would have it before Headgate. */
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

/** The driver, as a build leaves it beside the code. */
const DRIVER = './pg.mjs';

const SERVER = `import http from 'node:http';
import pg from '${DRIVER}';

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 4 });
pool.on('error', () => {});
const answer = (response, status, body) => {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
};
const server = http.createServer(async (request, response) => {
  try {
    if (request.url === '/healthz') {
      await pool.query('select 1');
      return answer(response, 200, { ok: true });
    }
    if (request.url === '/orders' && request.method === 'POST') {
      const { rows } = await pool.query("insert into orders(item) values ('book') returning id");
      return answer(response, 201, rows[0]);
    }
    if (request.url === '/orders') {
      const { rows } = await pool.query('select id, item from orders order by id');
      return answer(response, 200, rows);
    }
    answer(response, 404, {});
  } catch (error) {
    answer(response, 503, { error: error.code });
  }
});
server.listen(Number(process.env.PORT), '127.0.0.1');
process.on('SIGTERM', () => server.close(() => process.exit(0)));
`;

/** The first migration: carried out long before Headgate came. */
export const ORDERS = 'create table orders(id serial primary key, item text not null);\n';

/** Writes the service's folder. */
export async function writeShop(folder: string): Promise<void> {
  await mkdir(join(folder, 'migrations'), { recursive: true });
  await chmod(folder, 0o755);
  await writeFile(join(folder, 'server.mjs'), SERVER);
  await writeFile(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'shop', version: '1.0.0', scripts: { start: 'node server.mjs' } }),
  );
  await writeFile(join(folder, 'migrations', '0001-orders.sql'), ORDERS);
  await writeFile(join(folder, 'README.md'), '# Shop\n');
  await writeFile(join(folder, DRIVER), await driver());
}

/** The driver as one file, as a build would leave it beside the code. */
async function driver(): Promise<string> {
  const build = await rolldown({
    input: 'pg',
    cwd: import.meta.dirname,
    platform: 'node',
    external: ['pg-native', 'pg-cloudflare', 'cloudflare:sockets'],
  });
  try {
    const { output } = await build.generate({ format: 'esm' });
    return output[0].code;
  } finally {
    await build.close();
  }
}
