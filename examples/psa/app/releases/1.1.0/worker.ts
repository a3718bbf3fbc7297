import { runWorker } from '../../core/worker.ts';
import { edition } from './edition.ts';

await runWorker(edition);
