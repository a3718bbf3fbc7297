import { runWeb } from '../../core/web.ts';
import { edition } from './edition.ts';

await runWeb(edition);
