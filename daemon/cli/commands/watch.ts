/**
 * `holloway watch`: says each new edition of a site as it is found, until it is interrupted.
 * @module
 */
import type { ApiErrorBody } from '../../api/schema.ts';
import type { WatchEvent } from '../../api/schema-keys.ts';
import { LocalError, USER_ERRORS, type UserErrorCode } from '../../errors.ts';
import { type CommandRun, giveUpSignal } from '../context.ts';

export const watch: CommandRun = async (context, [uri = '']) => {
  const { api, options, output } = context;
  output.note('asking every 5 to 15 minutes over fresh circuits; Ctrl-C ends it');
  const query = new URLSearchParams({ uri });
  for await (const { event, data } of api.events(`/v1/watch?${query}`, giveUpSignal(context))) {
    if (event === 'error') {
      const { error } = JSON.parse(data) as ApiErrorBody;
      const code = Object.hasOwn(USER_ERRORS, error.code) ? (error.code as UserErrorCode) : 'internal';
      throw new LocalError(code, error.detail ?? undefined);
    }
    if (event !== 'edition') continue;
    const found = JSON.parse(data) as WatchEvent;
    if (found.isForked) {
      output.note('forked: two different records of this edition exist, both signed with the key of the site');
    }
    output.line(found.uri);
    if (options.flag('once')) {
      output.document(found);
      return 0;
    }
  }
  throw new LocalError('daemon_unreachable', 'it went away');
};
