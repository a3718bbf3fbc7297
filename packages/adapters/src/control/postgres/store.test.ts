import { type ControlUnderTest, describeControlStore } from '@headgate/testkit/control/store-suite';
import {
  EXTERNAL_URL,
  embeddedDatabase,
  externalDatabase,
  type TestDatabase,
} from './control-database.test-support.ts';
import { openPostgresControl } from './open.ts';

describeControlStore('PostgreSQL 18, embedded', async () => underTest(await embeddedDatabase(18)));
describeControlStore('PostgreSQL 15, embedded', async () => underTest(await embeddedDatabase(15)));
const external = EXTERNAL_URL;
if (external !== undefined) {
  describeControlStore('PostgreSQL, external', async () => underTest(await externalDatabase(external)));
}

async function underTest(database: TestDatabase): Promise<ControlUnderTest> {
  const { databaseUrl } = database;
  const [one, two] = await Promise.all([openPostgresControl({ databaseUrl }), openPostgresControl({ databaseUrl })]);
  return {
    store: one.store,
    second: two.store,
    log: one.log,
    secondLog: two.log,
    blobs: one.blobs,
    advance: async (ms) => {
      const until = (await one.store.now()) + ms;
      while ((await one.store.now()) < until) await new Promise((done) => setTimeout(done, Math.min(ms, 20)));
    },
    close: async () => {
      await Promise.all([one.close(), two.close()]);
      await database.close();
    },
  };
}
