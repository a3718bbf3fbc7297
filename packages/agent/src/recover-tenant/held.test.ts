/** What is said of a tenant that isn't held: the command as it is typed. */
import { expect, test } from 'vitest';
import { writingLines } from './held.ts';

const PLACE = { config: 'agent.yaml', store: 'main', cell: 'shared' };
const HOLD = '  headgate-agent recover-tenant hold --config agent.yaml --store main --cell shared --tenant ada';

test('whoever writes on is held by a command that needs nothing filled in', () => {
  expect(writingLines('ada', [], false, PLACE)).toContain(HOLD);
  expect(writingLines('ada', ['public.orders'], true, PLACE)).toContain(HOLD);
  expect(writingLines('ada', [], true, PLACE)).toEqual([]);
});
