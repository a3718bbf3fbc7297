/** The same object with some of its methods wrapped; everything else, private parts included, is the original's. */
export function decorate<T extends object>(
  original: T,
  wrap: { readonly [K in keyof T]?: (call: () => Promise<unknown>, args: readonly unknown[]) => Promise<unknown> },
): T {
  return new Proxy(original, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function') return value;
      const around = wrap[key as keyof T];
      if (around === undefined) return value.bind(target);
      return (...args: unknown[]) => around(() => Reflect.apply(value, target, args) as Promise<unknown>, args);
    },
  });
}
