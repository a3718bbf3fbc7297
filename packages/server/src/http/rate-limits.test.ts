import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RateLimits } from './rate-limits.ts';

const FEW = { burst: 3, perSecond: 2 };
const limits = () => new RateLimits({ address: FEW, stranger: FEW, principal: FEW });

describe('calls are counted', () => {
  it('up to a burst, then as they come back, and each waits no longer than it is told', () => {
    const own = limits();
    for (let i = 0; i < 3; i++) expect(own.refuse('principal', 'usr_1', 0)).toBeUndefined();
    const refused = own.refuse('principal', 'usr_1', 0);
    expect(refused).toMatchObject({ retryAfterS: 1, refusal: { code: 'too-many-requests', where: 'principal/usr_1' } });
    expect(own.refuse('principal', 'usr_1', 499)).toBeDefined();
    expect(own.refuse('principal', 'usr_1', 500)).toBeUndefined();
    expect(own.refuse('principal', 'usr_1', 500)).toBeDefined();
  });

  it('for each by itself: nobody pays for somebody else', () => {
    const own = limits();
    for (let i = 0; i < 10; i++) own.refuse('principal', 'usr_1', 0);
    expect(own.refuse('principal', 'usr_2', 0)).toBeUndefined();
    expect(own.refuse('stranger', 'usr_1', 0)).toBeUndefined();
  });

  it('and never more are admitted than burst and rate allow, however they come', () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 1_500 }), { minLength: 1, maxLength: 100 });
    fc.assert(
      fc.property(gaps, (all) => {
        const own = limits();
        let now = 0;
        let admitted = 0;
        for (const gap of all) {
          now += gap;
          if (own.refuse('address', 'x', now) === undefined) admitted += 1;
        }
        expect(admitted).toBeLessThanOrEqual(FEW.burst + (now / 1_000) * FEW.perSecond + 1e-6);
      }),
    );
  });

  it('without growing without end', () => {
    const own = limits();
    for (let i = 0; i < 30_000; i++) expect(own.refuse('stranger', `${i}`, 0)).toBeUndefined();
    for (let i = 0; i < 3; i++) own.refuse('stranger', '29999', 0);
    expect(own.refuse('stranger', '29999', 0)).toBeDefined();
  });
});
