/** A service whose release brings what can't be undone: from its file to the router’s answers, there and back. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RunningShop, tools } from './running-shop.ts';

let shop: RunningShop;

const ACTIVATES = `  activates:
    - {operation: place-order, because: the supplier sends what was ordered}
  verification: shop-checks
  gates: [{gate: go-no-go, at: no-return, params: {}}]
`;
const CHECKS = `---
apiVersion: headgate/v1
kind: Verification
metadata: {name: shop-checks, owner: shop}
spec:
  workflows:
    - workflowId: buys
      steps:
        - stepId: order
          request: {method: GET, path: /orders}
          successCriteria: [{condition: $statusCode == 200}]
`;

beforeAll(async () => {
  if (tools !== undefined) shop = await RunningShop.start(ACTIVATES, CHECKS);
}, 240_000);
afterAll(async () => {
  await shop?.remove();
});

const flat = (text: string): string => text.replace(/\s+/g, ' ');

/** Makes a release, and promotes it as far as a gate lets it go. */
async function promote(version: string): Promise<string> {
  await shop.run(`headgate --as developer release create shop --key .headgate/ci/release.key --version ${version}`);
  await shop.run(`headgate --as release-manager promote ${version} --to shop-production --key v${version}`);
  const id = await shop.open();
  await shop.run(`headgate --as approver approve ${id} --yes`);
  await shop.until(async () => {
    const said = await shop.run(`headgate explain ${id}`);
    return said.includes('point of no return') ? said : undefined;
  }, 'it never came before its activation');
  return id;
}

test.skipIf(tools === undefined)(
  'a release whose checks ask for what it activates is refused with the check, before anything is touched',
  { timeout: 240_000 },
  async () => {
    await shop.change('method: GET, path: /orders', 'method: POST, path: /orders');
    await shop.run('headgate apply -f shop/headgate.yaml');
    await shop.run('headgate --as developer release create shop --key .headgate/ci/release.key --version 1.0.9');
    const { code, output } = await shop.shell.run('headgate plan 1.0.9 --to shop-production --dry-run', 60_000);
    expect(code).not.toBe(0);
    expect(flat(output)).toContain(
      'its check buys/order would fail in the first ring, and the release go back: it asks for place-order, which is closed on the release until everybody is on it',
    );
    await shop.change('method: POST, path: /orders', 'method: GET, path: /orders');
    await shop.run('headgate apply -f shop/headgate.yaml');
  },
);

test.skipIf(tools === undefined)(
  'before its activation a rollback leaves nothing closed, and nothing was ever ordered of the new code',
  { timeout: 240_000 },
  async () => {
    const id = await promote('1.1.0');
    const refused = await shop.order();
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ operation: 'place-order' });
    expect((await shop.orders()).status).toBe(200);
    expect(flat(await shop.run(`headgate explain ${id}`))).toMatch(
      /place-order is closed on slot \w+ until activated, which begins with w2\.activate/,
    );
    const closed = await shop.until(async () => {
      const said = await shop.run('headgate status');
      return said.includes('CLOSED') ? said : undefined;
    }, 'status never said what is closed');
    expect(closed).toMatch(/^CLOSED in cell shop-production on slot \w+: place-order for one tenant, .* activated/m);
    await shop.run(`headgate --as release-manager rollback ${id} --reason changed`);
    await shop.until(async () => ((await shop.order()).status === 201 ? true : undefined), 'orders stayed closed');
    await shop.run('headgate watch --environment shop-production || true');
    await shop.until(
      async () => ((await shop.run('headgate status')).includes('CLOSED') ? undefined : true),
      'status goes on to say that something is closed',
    );
  },
);

test.skipIf(tools === undefined)(
  'once somebody said go orders are taken by the new code, and the promotion ends with nothing closed',
  { timeout: 240_000 },
  async () => {
    const id = await promote('1.2.0');
    expect((await shop.order()).status).toBe(503);
    await shop.run(`headgate --as approver go ${id} --reason sound`);
    await shop.run('headgate watch --environment shop-production');
    expect((await shop.order()).status).toBe(201);
    expect(await shop.run('headgate status')).not.toContain('CLOSED');
  },
);
