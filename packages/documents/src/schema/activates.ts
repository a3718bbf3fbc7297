import { OPERATION_LIMITS } from '@headgate/domain/model/operation';
import { distinct, fields, list, name, text } from './fields.ts';

/** What a release brings that can't be undone once customers used it. */
export const activates = distinct(
  fields({
    operation: name.describe('An operation that the application declares.'),
    because: text(300).describe('Why its use can’t be undone: shown with the plan, and approved with it.'),
    writes: list(text(100), 1, 100)
      .exactOptional()
      .describe(
        'Ids of migrations into which nothing but what is activated writes: taking them back loses nothing before.',
      ),
  }),
  1,
  OPERATION_LIMITS.operations,
  ({ operation }) => operation,
)
  .exactOptional()
  .describe(
    'Operations that stay closed on the release until everybody is on it, and are then opened ring by ring: their use can’t be undone.',
  );
