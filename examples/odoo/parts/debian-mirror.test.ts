import { expect, test } from 'vitest';
import { fromLines, fromStanzas } from './debian-mirror.ts';

test('the mirror comes from the stanza of the distribution itself, not of its updates alone or of somebody else', () => {
  const stanzas = `Types: deb
URIs: http://security.test/debian-security
Suites: bookworm-security
Components: main

# a comment
Types: deb
URIs: http://mirror.test/debian
Suites: bookworm
 bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
`;
  expect(fromStanzas(stanzas)).toEqual({
    uri: 'http://mirror.test/debian',
    signedBy: '/usr/share/keyrings/debian-archive-keyring.gpg',
  });
  expect(fromStanzas(`Enabled: no\nTypes: deb\nURIs: http://a.test\nSuites: bookworm\nComponents: main\n`)).toBe(
    undefined,
  );
});

test('one-line sources are read with their options', () => {
  expect(fromLines('# deb http://a.test x main\ndeb http://a.test/debian trixie main\n')).toBe(undefined);
  expect(fromLines('deb [arch=amd64 signed-by=/k.gpg] https://a.test/debian bookworm main contrib')).toEqual({
    uri: 'https://a.test/debian',
    signedBy: '/k.gpg',
  });
  expect(fromLines('deb http://a.test/debian bookworm main')).toEqual({
    uri: 'http://a.test/debian',
    signedBy: undefined,
  });
});

test('an address that could end its line is not taken', () => {
  expect(fromLines('deb http://a.test/"x bookworm main')).toBe(undefined);
});
