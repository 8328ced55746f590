/**
 * A headless Chromium driven over its own debugging protocol, with Node's WebSocket and nothing else.
 *
 * Why     what a browser really does with a page is the only judge of a content filter; and no test library is worth its size for five calls.
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
];
const START_MS = 30_000;
const LOAD_MS = 20_000;

/** Where a Chromium is; undefined where none is installed. */
export function findBrowser(): string | undefined {
  return PLACES.find((path) => existsSync(path));
}

export interface Page {
  /** Resolves when the page with all its parts has loaded. */
  open(url: string): Promise<void>;
  evaluate<T>(expression: string): Promise<T>;
  screenshot(): Promise<Buffer>;
  resize(width: number, height: number): Promise<void>;
  /** Messages of the browser about the page, since it was opened. */
  readonly messages: readonly string[];
}

export interface Browser {
  newPage(): Promise<Page>;
  close(): Promise<void>;
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly sessionId?: string;
  readonly params?: { readonly entry?: { readonly text: string } };
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

export async function startBrowser(path: string): Promise<Browser> {
  const profile = mkdtempSync(join(tmpdir(), 'hw-browser-'));
  const child = spawn(
    path,
    [
      '--headless=new',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--remote-debugging-port=0',
      `--user-data-dir=${profile}`,
      'about:blank',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const end = async (): Promise<void> => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await new Promise((resolve) => child.on('exit', resolve));
    rmSync(profile, { recursive: true, force: true, maxRetries: 10 });
  };
  try {
    const socket = new WebSocket(await debuggerAddress(child));
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = () => reject(new Error('the browser does not answer'));
    });
    const wire = createWire(socket);
    return {
      newPage: () => newPage(wire),
      async close() {
        socket.close();
        await end();
      },
    };
  } catch (error) {
    await end();
    throw error;
  }
}

type Wire = ReturnType<typeof createWire>;

function createWire(socket: WebSocket) {
  const waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();
  const listeners = new Set<(message: Message) => void>();
  let nextId = 1;
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(String(data)) as Message;
    if (message.id === undefined) for (const listener of listeners) listener(message);
    else {
      const asked = waiting.get(message.id);
      waiting.delete(message.id);
      if (message.error === undefined) asked?.resolve(message.result);
      else asked?.reject(new Error(message.error.message));
    }
  };
  return {
    listeners,
    send<T>(method: string, params: object = {}, sessionId?: string): Promise<T> {
      const id = nextId++;
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve: resolve as (result: unknown) => void, reject });
        socket.send(JSON.stringify({ id, method, params, ...(sessionId === undefined ? {} : { sessionId }) }));
      });
    },
  };
}

async function newPage(wire: Wire): Promise<Page> {
  const { targetId } = await wire.send<{ targetId: string }>('Target.createTarget', { url: 'about:blank' });
  const { sessionId } = await wire.send<{ sessionId: string }>('Target.attachToTarget', { targetId, flatten: true });
  const send = <T>(method: string, params: object = {}): Promise<T> => wire.send<T>(method, params, sessionId);
  await send('Page.enable');
  await send('Log.enable');
  let messages: string[] = [];
  wire.listeners.add((message) => {
    if (message.sessionId === sessionId && message.method === 'Log.entryAdded')
      messages.push(message.params!.entry!.text);
  });
  return {
    async open(url) {
      messages = [];
      const loaded = new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, LOAD_MS);
        const listener = (message: Message): void => {
          if (message.sessionId !== sessionId || message.method !== 'Page.loadEventFired') return;
          wire.listeners.delete(listener);
          clearTimeout(timer);
          resolve();
        };
        wire.listeners.add(listener);
      });
      await send('Page.navigate', { url });
      await loaded;
    },
    async evaluate<T>(expression: string) {
      const { result } = await send<{ result: { value: T } }>('Runtime.evaluate', {
        expression,
        returnByValue: true,
        awaitPromise: true,
      });
      return result.value;
    },
    async screenshot() {
      const { data } = await send<{ data: string }>('Page.captureScreenshot', { format: 'png' });
      return Buffer.from(data, 'base64');
    },
    async resize(width, height) {
      await send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false });
    },
    get messages() {
      return messages;
    },
  };
}

function debuggerAddress(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    const timer = setTimeout(() => reject(new Error('the browser did not start')), START_MS);
    child.stderr!.on('data', (part: Buffer) => {
      said += part.toString();
      const found = /DevTools listening on (ws:\S+)/.exec(said);
      if (found === null) return;
      clearTimeout(timer);
      resolve(found[1]!);
    });
    child.on('error', reject);
    child.on('exit', () => reject(new Error(`the browser ended: ${said.slice(-400)}`)));
  });
}
