/**
 * Names for what must not be named: p01 for a peer, file-1 for a transfer. Per run, in order of appearance.
 *
 * Why     an alias never comes from the thing itself: even a prefix of a key confirms a guess (ux § 1.1).
 * @module
 */

export interface Aliases {
  of(key: string): string;
  /** Forgets those that are gone, so that churn does not grow the table; their numbers are not given again. */
  keepOnly(keys: ReadonlySet<string>): void;
  readonly size: number;
}

/** @param max entries before `keepOnly` forgets anything: a peer that comes back soon keeps its name */
export function createAliases(prefix: string, digits: number, max: number): Aliases {
  const known = new Map<string, string>();
  let given = 0;
  return {
    of(key) {
      let alias = known.get(key);
      if (alias === undefined) {
        given++;
        alias = `${prefix}${String(given).padStart(digits, '0')}`;
        known.set(key, alias);
      }
      return alias;
    },
    keepOnly(keys) {
      if (known.size <= max) return;
      for (const key of known.keys()) if (!keys.has(key)) known.delete(key);
    },
    get size() {
      return known.size;
    },
  };
}
