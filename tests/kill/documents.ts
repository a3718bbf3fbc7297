import { exampleDocuments } from '../../examples/psa/documents.ts';

/**
 * The example's documents for a world in which kills come thicker than in life: a step may be attempted more often before
 * its promotion gives it up, and rings soak for less long. Everything else is as declared.
 */
export function killDocuments(): { readonly file: string; readonly text: string }[] {
  return exampleDocuments().map(({ file, text }) => {
    if (file.endsWith('policies.yaml')) return { file, text: changed(text, / attempts: 3$/gm, ' attempts: 9') };
    if (file.endsWith('application.yaml')) return { file, text: changed(text, / soakMs: \d+$/gm, ' soakMs: 700') };
    return { file, text };
  });
}

function changed(text: string, what: RegExp, by: string): string {
  const after = text.replace(what, by);
  if (after === text) throw new Error(`the example's documents don't say ${what} any more`);
  return after;
}
