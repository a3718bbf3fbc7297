import type { Status, Wait } from '@headgate/contract';
import { Link } from '@tanstack/react-router';
import { Said } from '../../parts/said.tsx';
import { Nothing, Section } from '../../parts/section.tsx';
import { WaitCards } from '../../parts/wait-card.tsx';
import { promotionOf, waitsForPeople } from '../../words/waits.ts';

/** What waits for somebody, the next deadline first; what agents and time do by themselves is only counted. */
export function Waiting(props: { readonly waits: readonly Wait[]; readonly promotions: Status['promotions'] }) {
  const { people, others } = waitsForPeople(props.waits);
  const named = new Map(props.promotions.map(({ promotion }) => [promotion.id, promotion]));
  return (
    <Section title="Waits for somebody">
      {people.length === 0 && (
        <Nothing>Nothing waits for a person{others > 0 ? `; ${others} more go on by agents or by time` : ''}.</Nothing>
      )}
      <WaitCards
        waits={people}
        first={10}
        head={({ where, cell }) => {
          const id = promotionOf(where);
          const of = named.get(id);
          return (
            <>
              <Link to="/promotions/$promotion" params={{ promotion: id }}>
                {of === undefined ? id : `${of.application} ${of.release.version} to ${of.environment}`}
              </Link>
              {cell !== undefined && (
                <>
                  , cell <Said>{cell}</Said>
                </>
              )}
            </>
          );
        }}
      />
      {people.length > 0 && others > 0 && <Nothing>{others} more go on by agents or by time.</Nothing>}
    </Section>
  );
}
