/** One mail over SMTP, to a judged address. */
import { isIP } from 'node:net';
import type { Attempted } from '@headgate/domain';
import { createTransport } from 'nodemailer';
import { type Allowed, allowedAddresses, TargetRefused } from './guard.ts';
import type { Mail } from './messages.ts';

export interface SmtpTarget {
  readonly host: string;
  readonly port: number;
  readonly security: 'starttls' | 'tls' | 'none';
  readonly from: string;
  readonly to: readonly string[];
  readonly login?: { readonly user: string; readonly pass: string };
}

const STEP_MS = 5_000;
const WHOLE_MS = 12_000;

/** Sends once; the message id is made of the delivery's, so that readers' programs tell repetitions, too. */
export async function sendMail(target: SmtpTarget, id: string, mail: Mail, allowed: Allowed): Promise<Attempted> {
  const { host, port, security, from, to, login } = target;
  if (security === 'none' && !allowed.target(host, port))
    throw new TargetRefused(
      `${host}:${port} is plain SMTP, and the server's configuration doesn't allow it (--notify-allow)`,
    );
  const [first] = await allowedAddresses(host, port, allowed);
  const transport = createTransport({
    host: first?.address ?? '',
    port,
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    // An address is no server's name (RFC 6066): its certificate is checked against the address itself.
    ...(isIP(host) > 0 ? {} : { tls: { servername: host } }),
    ...(login === undefined ? {} : { auth: login }),
    connectionTimeout: STEP_MS,
    greetingTimeout: STEP_MS,
    socketTimeout: STEP_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const late = setTimeout(() => transport.close(), WHOLE_MS);
  try {
    await transport.sendMail({
      from,
      to: [...to],
      ...mail,
      messageId: `<${id}@${from.slice(from.indexOf('@') + 1)}>`,
      headers: { 'Auto-Submitted': 'auto-generated' },
    });
    return { kind: 'delivered' };
  } catch (error) {
    return failed(error as Error & { code?: string; responseCode?: number }, `${host}:${port}`);
  } finally {
    clearTimeout(late);
    transport.close();
  }
}

/** Of the server's answer only the code: its text may repeat what was sent. */
function failed({ code, responseCode }: { code?: string; responseCode?: number }, shown: string): Attempted {
  const why = `${shown}: ${responseCode === undefined ? '' : `SMTP ${responseCode} `}${code ?? 'no answer'}`;
  // 5xx to a recipient or a message is for good (RFC 5321, 4.2.1); to a login it may be mended.
  const forGood = code === 'EENVELOPE' || code === 'EMESSAGE';
  if (forGood && responseCode !== undefined && responseCode >= 500) return { kind: 'refused', why };
  return { kind: 'failed', why };
}
