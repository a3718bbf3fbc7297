import { isOperationPath, METHODS, OPERATION_LIMITS } from '@headgate/domain/model/operation';
import { z } from 'zod';
import { distinct, expects, fields, list, name, named, oneOf } from '../schema/fields.ts';

const pathPhrase = expects(
  `a path that starts with /, of at most ${OPERATION_LIMITS.pathLength} characters and ${OPERATION_LIMITS.segments} parts, without a query and without encoded characters; * for one part, ** as the last for all that follow`,
);
const path = z.string(pathPhrase).max(OPERATION_LIMITS.pathLength, pathPhrase).refine(isOperationPath, pathPhrase);

const sentencePhrase = expects('a sentence for customers, of 1 to 300 characters on one line');
const sentence = z
  .string(sentencePhrase)
  .regex(/^[^\p{Cc}\p{Zl}\p{Zp}]{1,300}$/u, sentencePhrase)
  .refine((text) => text.trim() !== '' && text.isWellFormed(), sentencePhrase);

const request = fields({
  methods: distinct(oneOf(...METHODS), 1, METHODS.length, (method) => method).describe('GET stands for HEAD, too.'),
  path: path.describe(
    'What comes after the tenant’s own prefix (/t/TENANT, where a cell tells tenants by their path). * stands for one part of it, ** at the end for all that follow.',
  ),
});

/** What customers do by name, so that a cell's router can refuse it by itself. */
export const operations = named(
  fields({
    name,
    says: sentence.describe('What a customer is told while it is closed: “Invoices can’t be posted at the moment.”'),
    requests: list(request, 1, OPERATION_LIMITS.requests).describe('The requests by which it is asked for.'),
  }),
  1,
  OPERATION_LIMITS.operations,
)
  .exactOptional()
  .describe('What customers do by name: a migration or a release may have it closed while everything else is served.');
