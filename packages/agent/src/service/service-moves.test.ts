/** Data that a service moves reaches its agent with the cell; of a service that moves none nothing is said. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseCellConfig } from '@headgate/adapters/execution/cell-config';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadService, writeServiceCells } from './service-cells.ts';

const MOVE = '{old: select 1 as id, new: select 2 as id, key: [id], compare: [id], writtenBy: [1.5.0]}';
const service = (moves: string) => `apiVersion: headgate/v1
kind: Service
metadata: {name: desk, owner: team-desk}
spec:
  run: [node, server.mjs]
  files: [server.mjs]
  health: /health
  environments:
    - name: production
      database: {url: {variable: DESK_URL}, adminUrl: {variable: DESK_ADMIN}${moves}}
`;
let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'headgate-moves-'));
  await writeFile(join(dir, 'server.mjs'), '');
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const cellOf = async (name: string, moves: string): Promise<string> => {
  const file = join(dir, `${name}.yaml`);
  await writeFile(file, service(moves));
  const [cell] = await writeServiceCells(await loadService(file), ['production'], join(dir, name));
  return readFile(cell as string, 'utf8');
};

test('a move that a service declares stands in its cell, as the agent reads it', async () => {
  const cell = parseCellConfig(JSON.parse(await cellOf('moving', `, moves: {net: ${MOVE}}`)));
  const [store] = Object.values(cell.externalStores);
  expect(store?.moves).toMatchObject({ net: { key: ['id'], writtenBy: ['1.5.0'], settleMs: 0, everyMs: 300_000 } });
});

test('without any the cell says nothing of it, so that an agent of before reads it', async () => {
  expect(await cellOf('still', '')).not.toContain('"moves"');
});

test('what a move lacks is said where the cell is read', async () => {
  await expect(async () =>
    parseCellConfig(JSON.parse(await cellOf('wrong', ', moves: {net: {old: select 1}}'))),
  ).rejects.toThrow(/writtenBy/);
});
