import { readFileSync } from 'node:fs';

/** What `node load.ts --config file.json` is told. */
export interface LoadConfig {
  /** Appended to when it is there. */
  readonly journalFile: string;
  /** Requests a second for each tenant. */
  readonly requestsPerSecond: number;
  /** An answer later than this is a failed request. Milliseconds. */
  readonly timeLimitMs: number;
  readonly cells: readonly LoadCell[];
}

export interface LoadCell {
  /** The cell's router, `http://127.0.0.1:port`. */
  readonly url: string;
  /** JSON object of tenant to bearer token. */
  readonly tokensFile: string;
  readonly tenants: readonly string[];
}

/** Reads a configuration; what is missing or wrong throws and is named. */
export function readLoadConfig(file: string): LoadConfig {
  const given = JSON.parse(readFileSync(file, 'utf8')) as Partial<LoadConfig>;
  const { journalFile, cells, requestsPerSecond = 4, timeLimitMs = 5_000 } = given;
  if (typeof journalFile !== 'string') throw new Error(`${file}: "journalFile" must be a path`);
  if (!(requestsPerSecond > 0 && requestsPerSecond <= 100))
    throw new Error(`${file}: "requestsPerSecond" must be above 0 and at most 100`);
  if (!(timeLimitMs > 0)) throw new Error(`${file}: "timeLimitMs" must be above 0`);
  if (!Array.isArray(cells) || cells.some((cell) => typeof cell.url !== 'string' || !Array.isArray(cell.tenants)))
    throw new Error(`${file}: "cells" must be a list of { url, tokensFile, tenants }`);
  return { journalFile, requestsPerSecond, timeLimitMs, cells };
}
