import { exampleDocuments } from '../../examples/psa/documents.ts';

/**
 * The example's documents for a world in which things are killed: rings soak for less long, and a business transaction that gets no answer is asked for again
 * (a check that meets a killed store would turn the promotion back, as it should). Everything else is as declared, unless
 * kills come thicker than in life, and a step needs more `attempts` before its promotion gives it up.
 */
export function killDocuments(attempts?: number): { readonly file: string; readonly text: string }[] {
  return exampleDocuments().map(({ file, text }) => {
    if (file.endsWith('policies.yaml') && attempts !== undefined)
      return { file, text: changed(text, / attempts: \d+$/gm, ` attempts: ${attempts}`) };
    if (file.endsWith('application.yaml')) return { file, text: changed(text, / soakMs: \d+$/gm, ' soakMs: 700') };
    if (file.endsWith('verification.yaml'))
      return { file, text: patient(changed(text, /retryLimit: 24$/gm, 'retryLimit: 60')) };
    return { file, text };
  });
}

const AGAIN = `
            - type: retry
              retryAfterMs: 250
              retryLimit: 40`;

/** Every step may be asked for again without a reason; one that has reasons of its own keeps them before it. */
function patient(text: string): string {
  const steps = text.split(/(?=^ {8}- stepId: )/m);
  return steps
    .map((step, i) => {
      if (i === 0) return step;
      const after = step.includes('          onFailure:') ? AGAIN : `\n          onFailure:${AGAIN}`;
      return `${step.trimEnd()}${after}\n`;
    })
    .join('');
}

function changed(text: string, what: RegExp, by: string): string {
  const after = text.replace(what, by);
  if (after === text) throw new Error(`the example's documents don't say ${what} any more`);
  return after;
}
