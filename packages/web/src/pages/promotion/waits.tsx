import type { Wait } from '@headgate/contract';
import { Said } from '../../parts/said.tsx';
import { Nothing, Section } from '../../parts/section.tsx';
import { WaitCards } from '../../parts/wait-card.tsx';

/** What it waits for: its own wait first, then its cells'. */
export function Waits({ waits }: { readonly waits: readonly Wait[] }) {
  return (
    <Section title="What it waits for">
      {waits.length === 0 && <Nothing>Nothing.</Nothing>}
      <WaitCards
        waits={waits}
        first={6}
        head={({ cell, step }) =>
          cell === undefined ? null : (
            <>
              Cell <Said>{cell}</Said>
              {step !== undefined && (
                <>
                  , step <Said>{step}</Said>
                </>
              )}
            </>
          )
        }
      />
    </Section>
  );
}
