/**
 * Loaded before everything else in a process that hunts for a plant (`--import`): rewrites one source file as it is
 * loaded. The shipped code has no hooks for this.
 */
import { registerHooks } from 'node:module';
import { plantNamed, rewrite } from './plants.ts';

const plant = plantNamed(process.env.HEADGATE_PLANT ?? '');

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    if (!url.endsWith(`/packages/${plant.file}`)) return loaded;
    const source = Buffer.from(loaded.source as Uint8Array).toString('utf8');
    const planted = rewrite(plant, source);
    (globalThis as { headgatePlanted?: string }).headgatePlanted = plant.name;
    return { ...loaded, source: planted };
  },
});
