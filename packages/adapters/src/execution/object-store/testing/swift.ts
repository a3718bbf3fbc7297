/**
 * For tests only: the S3 API of Debian's Swift on loopback, one process a server, in a folder of its own. Its rings have one
 * device; it signs and checks as S3 does, keeps versions where asked, and answers "not implemented" to what it doesn't do.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CreateBucketCommand, PutBucketVersioningCommand, S3Client } from '@aws-sdk/client-s3';
import { installPackages } from '@headgate/example-odoo/parts/debian-packages.ts';
import { freePorts } from '../../../machine/free-port.ts';
import type { S3Config } from '../object-store-config.ts';

const run = promisify(execFile);
const PROGRAMS = ['/usr/bin/swift-proxy-server', '/usr/bin/swift-object-server', '/usr/bin/memcached'];
const PACKAGES = ['swift-proxy', 'swift-account', 'swift-container', 'swift-object', 'memcached'];
const READY_MS = 30_000;
const SERVERS = ['account', 'container', 'object'] as const;

/**
 * Why tests against the real Swift are left out, or nothing when they can run. With HEADGATE_REQUIRE_REAL=1 it is installed,
 * and a failure is one.
 */
export async function swiftMissing(): Promise<string | undefined> {
  const there = (): boolean => PROGRAMS.every((program) => existsSync(program));
  if (there()) return undefined;
  if (process.env.HEADGATE_REQUIRE_REAL === '1') {
    await installPackages(PACKAGES);
    if (!there()) throw new Error(`Debian's ${PACKAGES.join(', ')} brought no ${PROGRAMS.join(', ')}`);
    return undefined;
  }
  const why = `Debian's Swift is missing: apt-get install --no-install-recommends ${PACKAGES.join(' ')}`;
  console.error(`Tests against the real S3 API are left out: ${why}`);
  return why;
}

export interface Swift {
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Makes a bucket, and answers with its configuration. */
  bucket(name: string, versioning?: boolean): Promise<S3Config>;
  /** Stops what takes requests, and starts it again. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  stop(): Promise<void>;
}

export async function startSwift(): Promise<Swift> {
  const dir = await mkdtemp(join(tmpdir(), 'headgate-swift-'));
  await chmod(dir, 0o700);
  const ports = await freePorts(5);
  const [account, container, object, proxyPort, cachePort] = ports as [number, number, number, number, number];
  const portOf = { account, container, object };
  await mkdir(join(dir, 'devices', 'd1'), { recursive: true });
  await mkdir(join(dir, 'backups'));
  await writeFile(
    join(dir, 'swift.conf'),
    '[swift-hash]\nswift_hash_path_suffix = tests\nswift_hash_path_prefix = tests\n[storage-policy:0]\nname = one\ndefault = yes\n',
  );
  const makeRing = async (kind: (typeof SERVERS)[number]): Promise<void> => {
    const builder = join(dir, `${kind}.builder`);
    const ring = (...args: string[]) => run('/usr/bin/swift-ring-builder', [builder, ...args], { cwd: dir });
    await ring('create', '4', '1', '0');
    await ring('add', `r1z1-127.0.0.1:${portOf[kind]}/d1`, '1');
    // Ends with 1 when it warns that one device is few.
    await ring('rebalance').catch((error: { code?: number }) => {
      if (error.code !== 1) throw error;
    });
    await writeFile(join(dir, `${kind}-server.conf`), serverConf(dir, kind, portOf[kind]));
  };
  await Promise.all(SERVERS.map(makeRing));
  await writeFile(join(dir, 'proxy-server.conf'), proxyConf(dir, proxyPort, cachePort));
  const children: ChildProcess[] = [];
  const launch = async (name: string, command: string, args: readonly string[]): Promise<ChildProcess> => {
    const log = await open(join(dir, `${name}.log`), 'a');
    const child = spawn(command, args, {
      stdio: ['ignore', log.fd, log.fd],
      env: { PATH: '/usr/bin:/bin', HOME: dir, LC_ALL: 'C.UTF-8' },
    });
    await log.close();
    children.push(child);
    return child;
  };
  const start = (kind: string): Promise<ChildProcess> =>
    launch(kind, `/usr/bin/swift-${kind}-server`, [join(dir, `${kind}-server.conf`), '--verbose']);
  const endpoint = `http://127.0.0.1:${proxyPort}`;
  const stop = async (): Promise<void> => {
    await Promise.all(children.map(end));
    await rm(dir, { recursive: true, force: true });
  };
  let proxy: ChildProcess;
  try {
    await launch('cache', '/usr/bin/memcached', [
      '-l',
      '127.0.0.1',
      '-p',
      String(cachePort),
      '-m',
      '16',
      '-u',
      userName(),
    ]);
    for (const kind of SERVERS) await start(kind);
    proxy = await start('proxy');
    await ready(dir, proxyPort, portOf);
  } catch (error) {
    await stop();
    throw error;
  }
  const keys = { accessKeyId: 'test:tester', secretAccessKey: 'testing' };
  const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials: keys });
  const secret = async (name: string, value: string): Promise<{ file: string }> => {
    const file = join(dir, name);
    await writeFile(file, `${value}\n`, { mode: 0o600 });
    return { file };
  };
  return {
    endpoint,
    ...keys,
    async bucket(bucket, versioning = false) {
      await client.send(new CreateBucketCommand({ Bucket: bucket }));
      if (versioning)
        await client.send(
          new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: 'Enabled' } }),
        );
      return {
        kind: 's3',
        endpoint,
        region: 'us-east-1',
        bucket,
        pathStyle: true,
        accessKeyId: await secret('key-id', keys.accessKeyId),
        secretAccessKey: await secret('key', keys.secretAccessKey),
      };
    },
    async pause() {
      await end(proxy);
    },
    async resume() {
      proxy = await start('proxy');
      await ready(dir, proxyPort, portOf);
    },
    stop,
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

async function ready(dir: string, proxy: number, servers: Readonly<Record<string, number>>): Promise<void> {
  const until = performance.now() + READY_MS;
  const urls = [
    `http://127.0.0.1:${proxy}/healthcheck`,
    ...Object.values(servers).map((p) => `http://127.0.0.1:${p}/healthcheck`),
  ];
  for (const url of urls)
    while (
      !(await fetch(url).then(
        (answer) => answer.ok,
        () => false,
      ))
    ) {
      if (performance.now() > until) {
        const log = await readFile(join(dir, 'proxy.log'), 'utf8').catch(() => '');
        throw new Error(`Swift isn't ready: ${url}\n${log.slice(-1_000)}`);
      }
      await new Promise((done) => setTimeout(done, 50));
    }
}

function serverConf(dir: string, kind: (typeof SERVERS)[number], port: number): string {
  return `[DEFAULT]
bind_ip = 127.0.0.1
bind_port = ${port}
workers = 0
user = ${userName()}
swift_dir = ${dir}
devices = ${join(dir, 'devices')}
mount_check = false
disable_fallocate = true
fallocate_reserve = 0
[pipeline:main]
pipeline = healthcheck ${kind}-server
[filter:healthcheck]
use = egg:swift#healthcheck
[app:${kind}-server]
use = egg:swift#${kind}
`;
}

function proxyConf(dir: string, port: number, cachePort: number): string {
  return `[DEFAULT]
bind_ip = 127.0.0.1
bind_port = ${port}
workers = 0
user = ${userName()}
swift_dir = ${dir}
[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck cache listing_formats bulk s3api tempauth copy slo dlo versioned_writes symlink proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:${cachePort}
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:bulk]
use = egg:swift#bulk
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
s3_acl = false
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
[filter:symlink]
use = egg:swift#symlink
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
allow_object_versioning = true
`;
}

function userName(): string {
  return process.getuid?.() === 0 ? 'root' : (process.env.USER ?? 'nobody');
}
