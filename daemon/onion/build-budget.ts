/**
 * How many failed builds one guard gets: a bad one that kills what it cannot watch must not be fed until only watched circuits are left.
 *
 * Shape   a failure costs one, a success gives SUCCESS_GIVES back, time gives one each `refillMs`; at none, building stops and waits.
 * Unit    builds beyond the first hop; BURST at most are saved up.
 * Why     circuits fail for many reasons, so one in three may fail for ever, and a burst is forgiven: dead relays in the view. A guard with a
 *         share f of exits that kills all others gets f / (1 - f) successes per failure: with f = 10 % it runs dry after a hundred builds,
 *         and then gives a circuit it can watch every few hours, instead of one for each that was wanted. We do not leave it for that: to
 *         be left is what another attacker would want (guard.ts).
 * Source  anonymity § 3 A11, § 7 rule 25; decision 0009, finding 12.
 * @module
 */
export const BURST = 64;
const SUCCESS_GIVES = 2;
/** Three an hour. */
export const REFILL_MS = 1_200_000;

export interface BuildBudget {
  failed(guard: string, nowMs: number): void;
  worked(guard: string, nowMs: number): void;
  /** When a build through it may begin; not later than now if it may. */
  mayBuildAtMs(guard: string, nowMs: number): number;
}

export function createBuildBudget(refillMs: number = REFILL_MS): BuildBudget {
  /** The guard in use and the one before it: no more are ever of interest. */
  const GUARDS_MAX = 4;
  const accounts = new Map<string, { left: number; atMs: number }>();

  const accountOf = (guard: string, nowMs: number): { left: number; atMs: number } => {
    let account = accounts.get(guard);
    if (account === undefined) {
      account = { left: BURST, atMs: nowMs };
      accounts.set(guard, account);
      if (accounts.size > GUARDS_MAX) accounts.delete(accounts.keys().next().value!);
    }
    account.left = Math.min(BURST, account.left + (nowMs - account.atMs) / refillMs);
    account.atMs = nowMs;
    return account;
  };

  return {
    failed(guard, nowMs) {
      const account = accountOf(guard, nowMs);
      account.left = Math.max(0, account.left - 1);
    },
    worked(guard, nowMs) {
      const account = accountOf(guard, nowMs);
      account.left = Math.min(BURST, account.left + SUCCESS_GIVES);
    },
    mayBuildAtMs(guard, nowMs) {
      const { left } = accountOf(guard, nowMs);
      return left >= 1 ? nowMs : nowMs + Math.ceil((1 - left) * refillMs);
    },
  };
}
