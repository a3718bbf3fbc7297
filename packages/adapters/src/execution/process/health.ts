import http from 'node:http';

/**
 * Whether `http://127.0.0.1:<port><path>` answers 2xx within the deadline. A connection of its own for each question: a
 * kept one could belong to a process that is gone.
 */
export function answersHealthy(port: number, path: string, timeoutMs = 2_000): Promise<boolean> {
  return new Promise((resolve) => {
    const request = http.get({ host: '127.0.0.1', port, path, agent: false, timeout: timeoutMs }, (response) => {
      response.resume();
      const status = response.statusCode ?? 0;
      resolve(status >= 200 && status < 300);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
    const whole = setTimeout(() => request.destroy(), timeoutMs);
    request.on('close', () => {
      clearTimeout(whole);
      resolve(false);
    });
  });
}
