import http from 'node:http';

/**
 * Whether what listens on a port serves the login page of the host's database, which it does only with the database's
 * modules loaded: loading writes, so it can't be made up for while the database may only be read. Never throws.
 */
export function servesLogin(port: number, host: string, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const request = http.get(
      { host: '127.0.0.1', port, path: '/web/login', agent: false, signal, headers: { host } },
      (response) => {
        response.on('error', () => resolve(false));
        response.on('end', () => resolve(response.statusCode === 200));
        response.resume();
      },
    );
    request.on('error', () => resolve(false));
  });
}
