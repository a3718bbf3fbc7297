import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FOLDER = new URL('./headgate/', import.meta.url);

/** The example's declared documents: each file's path and text, by name. */
export function exampleDocuments(folder = FOLDER): { readonly file: string; readonly text: string }[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((name) => {
      const url = new URL(name, folder);
      return { file: fileURLToPath(url), text: readFileSync(url, 'utf8') };
    });
}
