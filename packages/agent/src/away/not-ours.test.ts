import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { notOurs } from './not-ours.ts';

const owner = (uid: number) => async () => ({ uid });
/** No user of a machine has this number. */
const NOBODYS = 3_999_999_999;

test('the owner of the data folder may do the agent’s work there', async () => {
  expect(await notOurs('/data', owner(998), 998)).toBeUndefined();
});

test.each([
  ['root for a service’s user', NOBODYS, 0, `run it as uid ${NOBODYS}`],
  ['another user for root', 0, 998, 'run it as root'],
])('%s may not, and is told as whom it goes', async (_name, uid, self, unblock) => {
  expect(await notOurs('/data', owner(uid), self)).toMatchObject({ code: 'other-user', where: '/data', unblock });
});

test('no folder is made where none is', async () => {
  expect(await notOurs(join(tmpdir(), 'headgate-none', 'data'))).toMatchObject({ code: 'no-data' });
});

test('what can’t be looked at is no permission', async () => {
  const denied = () => Promise.reject(Object.assign(new Error('EACCES'), { code: 'EACCES' }));
  await expect(notOurs('/data', denied, 0)).rejects.toThrow('EACCES');
});
