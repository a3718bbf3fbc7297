/** An agent that carries out one step of a cell and is killed in it: `node carry-out.ts FILE`, which holds the cell, the step and the bytes. */
import { readFile } from 'node:fs/promises';
import { execute } from '@headgate/execution';
import { stepContext } from '@headgate/testkit/execution/step-context';
import { openCell } from '../cell.ts';
import { parseCellConfig } from '../cell-config.ts';

const { config, action, fence, blobs } = JSON.parse(await readFile(process.argv[2] as string, 'utf8'));
const cell = await openCell(parseCellConfig(config), () => {});
await execute(action, stepContext({ fence, blob: async (digest) => Buffer.from(blobs[digest], 'base64') }), cell);
