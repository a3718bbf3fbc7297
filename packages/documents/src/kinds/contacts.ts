import { CONTACT_ROLES } from '@headgate/domain/model/contact';
import { z } from 'zod';
import { expects, fields, list, oneOf, text } from '../schema/fields.ts';

const line = (max: number) =>
  text(max).regex(/^[^\p{Cc}\p{Cf}\u2028\u2029]+$/u, expects('one line without control characters'));
const phonePhrase = expects('a phone number: digits, spaces, + ( ) . / - and an extension');
const emailPhrase = expects('an e-mail address');

const contact = fields({
  name: line(100).describe('A person, a desk or a rota, as it should be read out.'),
  role: oneOf(...CONTACT_ROLES).describe(
    'on-call is called first; data-loss agrees to losing what was written; customer are the tenant’s own people.',
  ),
  phone: z
    .string(phonePhrase)
    .regex(/^\+?[0-9][0-9 ()./-]{2,38}( ?(x|ext\.?) ?[0-9]{1,8})?$/, phonePhrase)
    .exactOptional(),
  email: z
    .string(emailPhrase)
    .max(254, emailPhrase)
    .regex(/^[A-Za-z0-9._%+=-]{1,64}@[A-Za-z0-9.-]{1,189}$/, emailPhrase)
    .exactOptional(),
  chat: line(200).exactOptional().describe('A channel or a handle, as given.'),
  hours: line(200).exactOptional().describe('When they are there, in words.'),
}).check((context) => {
  const { phone, email, chat } = context.value;
  if (phone === undefined && email === undefined && chat === undefined)
    context.issues.push({ code: 'custom', message: 'expected:a phone, an email or a chat', input: context.value });
});

/** Whom to call. Read by the incident’s screen alone: nothing decides by it, and the log names the document by its digest. */
export const contacts = list(contact, 0, 20)
  .exactOptional()
  .describe('Whom to call when something is on fire, and for what.');
