import type { Promotion } from '@headgate/contract';
import { Progress as Bar, Group, Text } from '@mantine/core';
import { promotionStands, wavesDone } from '../words/stands.ts';

/** How many of its waves are done; nothing for one that ended, whose result says all. */
export function Progress({ promotion }: { readonly promotion: Promotion }) {
  const { wave, waves } = promotion;
  if (promotion.phase === 'ended') return null;
  return (
    <Group gap="xs" wrap="nowrap" mt={4}>
      <Bar
        value={waves === 0 ? 0 : (100 * wavesDone(promotion)) / waves}
        color={promotionStands(promotion).tone}
        flex={1}
        aria-label={`${wavesDone(promotion)} of ${waves} waves done`}
      />
      <Text size="sm" c="dimmed">
        wave {wave} of {waves}
      </Text>
    </Group>
  );
}
