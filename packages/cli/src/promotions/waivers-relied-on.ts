/** The waivers that what is approved rests on, from the envelope's own bytes: of the files that it runs, or of the release itself. */

/** So many are told one by one. */
const MOST = 20;

interface EnvelopeOfWaivers {
  readonly release: { readonly digest: string; readonly version: string };
  readonly cells: readonly {
    readonly steps: readonly {
      readonly action: {
        readonly migrations?: readonly { readonly file: { readonly name: string; readonly digest: string } }[];
      };
    }[];
  }[];
  readonly gates: readonly { readonly gate: string; readonly params?: { readonly waivers?: unknown } }[];
}

interface Waiver {
  readonly file: string;
  readonly rule: string;
  readonly because: string;
  readonly until: string;
}

/** A line each, under one label; one line that says so where there is none. What the policy waives of other files is left out. */
export function waiverLines({ release, cells, gates }: EnvelopeOfWaivers): readonly string[] {
  const names = new Map<string, string>([[release.digest, `release ${release.version}`]]);
  for (const { steps } of cells)
    for (const { action } of steps) for (const { file } of action.migrations ?? []) names.set(file.digest, file.name);
  const relied = gates.flatMap(({ params }) => waiversOf(params?.waivers)).filter(({ file }) => names.has(file));
  if (relied.length === 0) return ['  waivers         none of what it runs'];
  const told = relied.slice(0, MOST).map(({ file, rule, because, until }, i) => {
    const label = i === 0 ? '  waivers         ' : '                  ';
    return `${label}${rule} of ${names.get(file)} until ${until}: ${because}`;
  });
  return relied.length > MOST ? [...told, `                  and ${relied.length - MOST} more`] : told;
}

function waiversOf(given: unknown): readonly Waiver[] {
  if (!Array.isArray(given)) return [];
  return given.flatMap((each: Partial<Waiver> | null) => {
    const { file, rule, because, until } = each ?? {};
    return [file, rule, because, until].every((text) => typeof text === 'string') ? [each as Waiver] : [];
  });
}
