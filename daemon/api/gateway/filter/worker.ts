/**
 * The filter's own thread: one page at a time, in and out as messages.
 * @module
 */
import { parentPort } from 'node:worker_threads';
import { filterCss } from './css.ts';
import { decodeText } from './decode.ts';
import { filterHtml, UnsafePage } from './html.ts';
import { type FilterJob, type FilterReply, READY } from './jobs.ts';
import { newTally } from './urls.ts';

export function runJob(job: FilterJob): FilterReply {
  const { id } = job;
  try {
    const text = decodeText(job.bytes, job.charset);
    const tally = newTally();
    const filtered =
      job.kind === 'html'
        ? filterHtml(text, job.page)
        : { html: filterCss(text.replace(/^\ufeff/, ''), job.page, 'stylesheet', tally), tally };
    return {
      id,
      text: filtered.html,
      others: filtered.tally.others,
      removed: filtered.tally.removed,
      loaded: [...filtered.tally.loaded],
    };
  } catch (error) {
    // The text of any other error may quote the page.
    return { id, fault: error instanceof UnsafePage ? error.message : 'it could not be read' };
  }
}

// Its time is counted from here: starting a thread takes long on a busy machine, and that is not the page's doing.
parentPort?.postMessage(READY);
parentPort?.on('message', (job: FilterJob) => parentPort!.postMessage(runJob(job)));
