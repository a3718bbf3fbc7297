/**
 * The page in the browser: what is where, what moves, what waits for whom, what burns, and what to do about it. It imports the
 * contract alone and knows no rule of its own: what may be done, why not, and what it would come to, the server says.
 *
 * - `main.tsx` starts it, `router.tsx` lists its pages, `pages/` has one folder each.
 * - `session/` holds the token, `live/` follows the log and makes what changed be fetched again.
 * - `parts/` are the pieces that pages share; `words/` is all that can be tested without a browser.
 * - `build/` makes the static files that the server serves (ADR 11).
 *
 * What stands here is what other programs may use of it: its words.
 */
export * from './words/cells.ts';
export * from './words/contacts.ts';
export * from './words/entries.ts';
export * from './words/environments.ts';
export * from './words/freezes.ts';
export * from './words/instants.ts';
export * from './words/matters.ts';
export * from './words/names.ts';
export * from './words/stands.ts';
export * from './words/visible.ts';
export * from './words/waits.ts';
