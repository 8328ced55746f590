/**
 * Where a step of the arrows leads: along a list, around the ring, over the panels of the Overview.
 * @module
 */
import type { ActionName } from './keymap.ts';

/** The alias so many places further; the first step selects the first one. A ring has no ends. */
export function walked(
  list: readonly { readonly alias: string }[],
  from: string | undefined,
  by: number,
  isRing: boolean,
): string | undefined {
  if (list.length === 0) return from;
  const at = list.findIndex(({ alias }) => alias === from);
  if (at < 0) return list[by === Number.POSITIVE_INFINITY || (isRing && by < 0) ? list.length - 1 : 0]!.alias;
  const to = isRing && Number.isFinite(by) ? (at + by + list.length * 100) % list.length : at + by;
  return list[Math.min(list.length - 1, Math.max(0, to))]!.alias;
}

/** Panels lie in two columns, the last one across both. */
export function panelBeside(panel: number, action: ActionName, last: number): number {
  if (action === 'first' || action === 'page-up') return 0;
  if (action === 'last' || action === 'page-down') return last;
  const delta = action === 'up' ? -2 : action === 'down' ? 2 : action === 'left' ? -1 : action === 'right' ? 1 : 0;
  const to = panel === last && action === 'up' ? last - 2 : panel + delta;
  return Math.min(last, to < 0 ? (action === 'up' ? panel : 0) : to);
}
