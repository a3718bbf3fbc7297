import type { Promotion } from '@headgate/contract';
import { Progress as Bar, Group, Text } from '@mantine/core';
import { promotionStands } from '../words/stands.ts';

/** How many of its waves a promotion opened. */
export function Progress({ promotion }: { readonly promotion: Promotion }) {
  const { wave, waves } = promotion;
  return (
    <Group gap="xs" wrap="nowrap" mt={4}>
      <Bar
        value={waves === 0 ? 0 : (100 * wave) / waves}
        color={promotionStands(promotion).tone}
        flex={1}
        aria-label={`wave ${wave} of ${waves} opened`}
      />
      <Text size="sm" c="dimmed">
        wave {wave} of {waves}
      </Text>
    </Group>
  );
}
