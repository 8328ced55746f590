/**
 * SubscribeUSK: a site is looked at from time to time, and its follower is told of each edition once.
 *
 * Unit    the first look at once, later ones after a time drawn between WATCH_MIN_MS and WATCH_MAX_MS; FCP_SUBSCRIPTIONS_MAX per connection.
 * Errors  FcpError uri, invalidField, tooManyFiles. A look that fails is tried again at the next turn.
 * Why     each look is a fetch over fresh circuits: nobody in the network holds a list of who follows what.
 * Source  FCPv2 SubscribeUSK, SubscribedUSKUpdate; design § 10.
 * @module
 */
import { printUri, type Uri } from '../../client/uri.ts';
import { FCP_SUBSCRIPTIONS_MAX } from '../../limits.ts';
import type { Clock, Random, Timer } from '../../ports.ts';
import { FcpError } from './fcp-error.ts';
import { booleanOf, type Fields } from './fields.ts';
import type { KeyServices } from './keys.ts';
import type { FcpOutput } from './output.ts';

const WATCH_MIN_MS = 5 * 60_000;
const WATCH_MAX_MS = 15 * 60_000;

interface Subscription {
  readonly stop: AbortController;
  timer: Timer | undefined;
}

export class Subscriptions {
  readonly #keys: KeyServices;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #output: FcpOutput;
  readonly #open = new Map<string, Subscription>();

  constructor(keys: KeyServices, clock: Clock, random: Random, output: FcpOutput) {
    this.#keys = keys;
    this.#clock = clock;
    this.#random = random;
    this.#output = output;
  }

  add(identifier: string, uri: Uri, fields: Fields): void {
    if (uri.type !== 'USK') throw new FcpError('uri', 'only a USK can be followed', { of: fields });
    if (this.#open.has(identifier)) {
      this.#output.send('IdentifierCollision', { Identifier: identifier, Global: false });
      return;
    }
    if (this.#open.size >= FCP_SUBSCRIPTIONS_MAX) {
      throw new FcpError('tooManyFiles', `at most ${FCP_SUBSCRIPTIONS_MAX} subscriptions`, { of: fields });
    }
    const subscription: Subscription = { stop: new AbortController(), timer: undefined };
    this.#open.set(identifier, subscription);
    const dontPoll = booleanOf(fields, 'DontPoll', false);
    this.#output.send('SubscribedUSK', { Identifier: identifier, URI: printUri(uri), DontPoll: dontPoll });
    // Without polling it hears of what this node learns while it fetches; nothing of that is shared between clients here.
    if (!dontPoll) void this.#look(identifier, uri, subscription, -1);
  }

  remove(identifier: string): boolean {
    const subscription = this.#open.get(identifier);
    if (subscription === undefined) return false;
    this.#open.delete(identifier);
    subscription.timer?.cancel();
    subscription.stop.abort();
    return true;
  }

  close(): void {
    for (const identifier of [...this.#open.keys()]) this.remove(identifier);
  }

  async #look(identifier: string, uri: Uri, subscription: Subscription, known: number): Promise<void> {
    this.#output.progress('SubscribedUSKSendingToNetwork', { Identifier: identifier });
    let newest = known;
    try {
      const found = await this.#keys.newest(printUri(uri), subscription.stop.signal);
      if (subscription.stop.signal.aborted) return;
      if (found !== undefined && found.edition > known) {
        newest = found.edition;
        this.#output.send('SubscribedUSKUpdate', {
          Identifier: identifier,
          Edition: found.edition,
          URI: found.uri,
          NewKnownGood: true,
          NewSlotToo: true,
        });
      }
    } catch {
      // Not found, or no network: the next look may do better.
    }
    if (subscription.stop.signal.aborted) return;
    this.#output.progress('SubscribedUSKRoundFinished', { Identifier: identifier });
    const delayMs = WATCH_MIN_MS + this.#random.unit() * (WATCH_MAX_MS - WATCH_MIN_MS);
    subscription.timer = this.#clock.setTimer(delayMs, () => void this.#look(identifier, uri, subscription, newest));
  }
}
