/** Where a phone number leads: its digits and a leading plus, with an extension behind a comma (a pause). */
export function phoneLink(phone: string): string {
  const [number = '', extension = ''] = phone.split(/x|ext\.?/i);
  const digits = number.replace(/[^0-9]/g, '');
  const plus = number.trimStart().startsWith('+') ? '+' : '';
  const rest = extension.replace(/[^0-9]/g, '');
  return `tel:${plus}${digits}${rest === '' ? '' : `,${rest}`}`;
}

/** Where an address leads. */
export function mailLink(email: string): string {
  return `mailto:${encodeURIComponent(email).replace('%40', '@')}`;
}

/** A runbook's link, if it is one that a page may lead to. */
export function webLink(url: string | undefined): string | undefined {
  if (url === undefined || !URL.canParse(url)) return undefined;
  return new URL(url).protocol === 'https:' ? url : undefined;
}
