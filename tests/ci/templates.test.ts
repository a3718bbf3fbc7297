/** The files for CI systems: parsed, and their very commands run in a bash as a runner would, against a real server. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { readYaml } from '@headgate/documents';
import { RealServer } from '@headgate/server/testing/real-server';
import { SmallCompany } from '@headgate/server/testing/small-company';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writePrograms } from '../tutorial/programs.ts';

const CI = join(import.meta.dirname, '..', '..', 'ci');
const run = promisify(execFile);

let server: RealServer;
let company: SmallCompany;
let dir: string;
let token: string;

beforeAll(async () => {
  server = await RealServer.start();
  company = await SmallCompany.found(server);
  dir = await mkdtemp(join(tmpdir(), 'headgate-ci-'));
  await writePrograms(join(dir, 'bin'));
  token = (await readFile(join(server.dataDir, 'secrets', 'developer.token'), 'utf8')).trim();
  await mkdir(join(dir, 'shop'));
  await writeFile(join(dir, 'shop', 'web.mjs'), company.artifact);
  await writeFile(
    join(dir, 'passes.mjs'),
    `import { writeFileSync } from 'node:fs'; writeFileSync('junit.xml', '<testsuite><testcase classname="a" name="b"/></testsuite>');`,
  );
  await writeFile(join(dir, 'fails.mjs'), 'process.exit(3);');
  await writeFile(
    join(dir, 'shop', 'headgate.yaml'),
    `apiVersion: headgate/v1
kind: Service
metadata: {name: shop, owner: team-shop}
spec:
  run: ["\${node}", "\${dir}/web.mjs"]
  files: [web.mjs]
  health: /healthz
  environments: [{name: staging}, {name: production}]
`,
  );
});
afterAll(async () => {
  await server?.remove();
  if (dir !== undefined) await rm(dir, { recursive: true, force: true });
});

/** A job's script with its variables, in a bash of its own. Never fails: says how it ended. */
async function job(script: string, env: Readonly<Record<string, string>>): Promise<{ code: number; out: string }> {
  const node = join(process.execPath, '..');
  const surroundings = {
    PATH: [join(dir, 'bin'), node, '/usr/bin', '/bin'].join(delimiter),
    HOME: dir,
    TMPDIR: dir,
    ...env,
  };
  try {
    const { stdout, stderr } = await run('bash', ['-c', script], { cwd: dir, env: surroundings, timeout: 60_000 });
    return { code: 0, out: stdout + stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, out: stdout + stderr };
  }
}

async function documents(file: string): Promise<readonly unknown[]> {
  const read = readYaml(await readFile(file, 'utf8'), file);
  if (!read.ok) throw new Error(read.problems[0]?.message);
  return read.documents.map(({ value }) => value);
}

interface Action {
  readonly inputs: Readonly<
    Record<string, { readonly required?: boolean; readonly default?: string; readonly description: string }>
  >;
  readonly outputs: Readonly<Record<string, { readonly value: string }>>;
  readonly runs: {
    readonly using: string;
    readonly steps: readonly { readonly shell: string; readonly env: Record<string, string>; readonly run: string }[];
  };
}

/** The action's one step as a runner does it: inputs put in their places, and what it leaves in its outputs. */
async function action(
  inputs: Readonly<Record<string, string>>,
): Promise<{ code: number; out: string; outputs: string }> {
  const [{ inputs: declared, runs }] = (await documents(join(CI, 'github-action', 'action.yml'))) as [Action];
  for (const name of Object.keys(inputs)) expect(declared).toHaveProperty([name]);
  const [step] = runs.steps;
  const env: Record<string, string> = {};
  for (const [name, text] of Object.entries(step!.env)) {
    const input = /^\$\{\{ inputs\.([\w-]+) \}\}$/.exec(text)?.[1];
    if (input === undefined) throw new Error(`${name} is no input`);
    const said = inputs[input] ?? declared[input]?.default ?? '';
    env[name] = said === '${{ github.actor }}' ? 'usr_developer' : said;
  }
  const output = join(dir, 'github-output');
  await writeFile(output, '');
  const ended = await job(step!.run, { ...env, GITHUB_OUTPUT: output });
  return { ...ended, outputs: await readFile(output, 'utf8') };
}

describe('the GitHub action', () => {
  const usual = () => ({ server: server.url, token, 'signing-key': company.keyPem, folder: 'shop' });

  test('makes a release, attaches the tests that it runs, asks, and gives a link; once for two runs', async () => {
    const inputs = {
      ...usual(),
      environment: 'staging',
      version: '3.0.0',
      tests: 'node passes.mjs',
      junit: 'junit.xml',
    };
    const first = await action(inputs);
    expect(first, first.out).toMatchObject({ code: 0 });
    expect(first.outputs).toMatch(
      new RegExp(`^link=${server.url}/promotions/prm_\\S+\nrelease=sha256:[0-9a-f]{64}\n$`),
    );
    const manager = await server.client('release-manager');
    const { items } = await manager.call('listReleases', { application: 'shop' });
    const made = items.find(({ ref }) => ref.version === '3.0.0');
    expect(made).toMatchObject({
      authors: ['usr_developer'],
      evidence: [{ verified: true, result: { passed: 1, failed: 0, exitCode: 0 } }],
    });
    const second = await action(inputs);
    expect(second.outputs).toBe(first.outputs);
    expect((await manager.call('listPromotions', {})).items).toHaveLength(1);
    const late = await action({ ...inputs, wait: '1' });
    expect(late, 'nobody carries it out, so it isn’t at its end').toMatchObject({ code: 7, outputs: first.outputs });
  });

  test('whose tests fail asks for nothing, and leaves the evidence of it', async () => {
    const red = await action({ ...usual(), environment: 'production', version: '3.0.1', tests: 'node fails.mjs' });
    expect(red).toMatchObject({ code: 1, outputs: expect.stringMatching(/^link=\nrelease=sha256:/) });
    const manager = await server.client('release-manager');
    const { items } = await manager.call('listReleases', { application: 'shop' });
    expect(items.find(({ ref }) => ref.version === '3.0.1')?.evidence).toMatchObject([{ result: { exitCode: 3 } }]);
    expect((await manager.call('listPromotions', { environment: 'production' })).items).toEqual([]);
  });

  test('says in its exit code when its token is nobody’s, and shows no secret', async () => {
    const refused = await action({ ...usual(), token: 'nobody.aaaa', version: '3.0.2' });
    expect(refused.code).toBe(4);
    for (const secret of [token, 'nobody.aaaa', company.keyPem.split('\n')[1]!])
      expect(refused.out + refused.outputs).not.toContain(secret);
  });

  test('takes a version that means something to a shell as it is written', async () => {
    const odd = await action({ ...usual(), version: '$(touch pwned); "' });
    expect(odd.code).toBe(1);
    expect(await readFile(join(dir, 'pwned'), 'utf8').catch(() => 'none')).toBe('none');
  });
});

test('the GitLab component declares its inputs and runs the same command', async () => {
  const [header, jobs] = (await documents(join(CI, 'gitlab', 'templates', 'headgate.yml'))) as [
    { spec: { inputs: Record<string, { default?: string }> } },
    { headgate: { variables: Record<string, string>; script: readonly string[] } },
  ];
  const inputs: Record<string, string> = {
    image: 'headgate',
    folder: 'shop',
    environment: 'staging',
    version: '4.0.0',
    tests: 'node passes.mjs',
    junit: 'junit.xml',
  };
  const value = (text: string) =>
    text.replace(/\$\[\[ inputs\.(\w+) \]\]/g, (_, name: string) => {
      if (!Object.hasOwn(header.spec.inputs, name)) throw new Error(`${name} is no input`);
      return inputs[name] ?? header.spec.inputs[name]?.default ?? '';
    });
  const variables = Object.fromEntries(
    Object.entries(jobs.headgate.variables).map(([name, text]) => [name, value(text)]),
  );
  const secrets = {
    HEADGATE_SERVER: server.url,
    HEADGATE_TOKEN: token,
    HEADGATE_SIGNING_KEY: company.keyPem,
    GITLAB_USER_LOGIN: 'usr_developer',
  };
  const ended = await job(jobs.headgate.script.join('\n'), { ...variables, ...secrets });
  expect(ended, ended.out).toMatchObject({ code: 0 });
  expect(ended.out).toMatch(new RegExp(`${server.url}/promotions/prm_`));
});
