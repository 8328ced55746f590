/**
 * A disk's refusal as the outcome of a put; anything else is our own fault and passes through.
 * @module
 */
import { LocalError } from '../errors.ts';
import type { PutResult } from './store-types.ts';

export function putFailure(error: unknown): PutResult & { readonly type: 'failed' } {
  if (error instanceof LocalError) {
    switch (error.code) {
      case 'disk_full':
      case 'disk_read_only':
      case 'disk_failed':
        return { type: 'failed', code: error.code };
    }
  }
  throw error;
}
