/** The page's entry: nothing but a setting that must stand before the schemas are made. */
import { z } from 'zod';

// Schemas are otherwise compiled by eval, which the page's Content-Security-Policy refuses.
z.config({ jitless: true });
const { start } = await import('./start.tsx');
start();
