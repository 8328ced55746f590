/**
 * Vectors shown to a real browser through a real gateway, while a canary counts every TCP connection.
 *
 * Shape   vectors are put into pages of `perPage`; each page also has a picture of its own, so that a page which loaded nothing at all
 *         cannot pass for one that leaked nothing. Files of each kind (stylesheet, drawing, page) are tried on their own too.
 * Why     connections, not requests: a preconnect tells an observer enough without sending a byte.
 * @module
 */
import { createServer } from 'node:net';
import { crc32, deflateSync } from 'node:zlib';
import type { Browser } from './browser.ts';
import { startTestGateway, testKey } from './gateway.ts';
import { leakVectors } from './gateway-vectors.ts';

export interface CanaryReport {
  readonly vectors: number;
  readonly pages: number;
  readonly connections: number;
  /** Requests of another site's page that got as far as a look-up. */
  readonly probesLookedUp: number;
  /** Pages on which the site's own picture was not drawn. */
  readonly blank: readonly string[];
  /** The same vectors without a gateway: shows that the canary can sing. */
  readonly connectionsUnprotected: number;
}

const SETTLE_MS = 150;

export async function runCanary(
  browser: Browser,
  options: { readonly perPage: number; readonly every: number },
): Promise<CanaryReport> {
  let connections = 0;
  const canary = createServer((socket) => {
    connections++;
    socket.on('error', () => {});
    socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
  });
  await new Promise<void>((resolve) => canary.listen(0, '127.0.0.1', resolve));
  const target = `http://127.0.0.1:${(canary.address() as { port: number }).port}`;
  const { gateway, library, port } = await startTestGateway();
  const foreign = await startForeignSite(`http://127.0.0.1:${port}`);
  try {
    // A file with a zero byte is no text, and is never shown as a page.
    const vectors = leakVectors(target)
      .filter((_, index) => index % options.every === 0)
      .map((vector) => vector.replaceAll('\0', '&#0;'));
    const files: Record<string, string | Uint8Array> = {
      'own.png': png(),
      'own.svg': '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"><rect width="4" height="4"/></svg>',
    };
    const pages: string[] = [];
    const own = '<img id="own" src="own.png"><img id="drawing" src="own.svg">';
    for (let at = 0; at < vectors.length; at += options.perPage) {
      const name = `page-${pages.length}.html`;
      // Each in a block of its own: what one leaves open must not swallow the next.
      files[name] = `<!DOCTYPE html><head><link rel=stylesheet href="sheet.css"></head><body>${own}${vectors
        .slice(at, at + options.perPage)
        .map((vector) => `<div>${vector}</div>`)
        .join('\n')}`;
      pages.push(name);
    }
    files['sheet.css'] =
      `@import "${target}/import.css";@import "more.css";p{background:url(${target}/css.png)}@font-face{font-family:e;src:url(${target}/f.woff2)}body{font-family:e}div{cursor:url(${target}/c.cur),auto}`;
    files['more.css'] =
      `li{list-style-image:url("${target}/li.png")}#own{border-image:image-set("${target}/set.png" 1x) 1}`;
    files['evil.svg'] =
      `<svg xmlns="http://www.w3.org/2000/svg" xmlns:h="http://www.w3.org/1999/xhtml"><image href="${target}/svg.png"/><h:link rel="preconnect" href="${target}"/><script href="${target}/svg.js"/></svg>`;
    files['svg.html'] =
      `<!DOCTYPE html>${own}<img src="evil.svg"><object data="evil.svg"></object><div style="background:url(evil.svg)">x</div>`;
    pages.push('svg.html');
    library.shelf.set(testKey(1), { files });
    const page = await browser.newPage();
    const blank: string[] = [];
    for (const name of pages) {
      await page.open(`http://127.0.0.1:${port}/${testKey(1)}/${name}`);
      await pause(SETTLE_MS);
      const drawn = await page.evaluate<boolean>(
        '["own","drawing"].every((id) => document.getElementById(id)?.naturalWidth > 0) && document.contentType === "text/html"',
      );
      if (!drawn) blank.push(name);
    }
    await page.open(`http://127.0.0.1:${port}/${testKey(1)}/evil.svg`);
    await pause(SETTLE_MS * 3); // what was only planned (a refresh, a preload) comes late
    const leaked = connections;

    const before = library.asked.length;
    await page.open(foreign.url);
    await pause(SETTLE_MS * 2);
    const probesLookedUp = library.asked.length - before;

    foreign.show(`<!DOCTYPE html><body>${vectors.slice(0, 60).join('\n')}`);
    await page.open(foreign.url);
    await pause(SETTLE_MS);
    return {
      vectors: vectors.length,
      pages: pages.length + 1,
      connections: leaked,
      probesLookedUp,
      blank,
      connectionsUnprotected: connections - leaked,
    };
  } finally {
    foreign.close();
    await gateway.close();
    canary.close();
  }
}

/** A page of another site that tries every way to make the browser ask the gateway. */
async function startForeignSite(
  gateway: string,
): Promise<{ readonly url: string; show(html: string): void; close(): void }> {
  const { createServer: createHttp } = await import('node:http');
  const key = testKey(77);
  let shown = `<!DOCTYPE html><img src="${gateway}/${key}"><link rel=stylesheet href="${gateway}/${key}/a.css"><link rel=prefetch href="${gateway}/${key}/p"><iframe src="${gateway}/${key}/f"></iframe><object data="${gateway}/${key}/o"></object><embed src="${gateway}/${key}/e"><video src="${gateway}/${key}/v"></video><script src="${gateway}/${key}/s.js"></script><script>fetch("${gateway}/${key}/fetch",{mode:"no-cors"});fetch("${gateway}/${key}/cors").catch(()=>{});new Image().src="${gateway}/${key}/i";navigator.sendBeacon("${gateway}/${key}/b");new Worker("data:text/javascript,importScripts('${gateway}/${key}/w')");open("${gateway}/${key}/pop")</script><form id=f method=post action="${gateway}/-/transfers" target=_blank><input name=do value=stop></form><script>f.submit()</script>`;
  const server = createHttp((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' });
    response.end(shown);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://localhost:${(server.address() as { port: number }).port}/`,
    show(html) {
      shown = html;
    },
    close: () => void server.close(),
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** One grey pixel. */
export function png(): Uint8Array {
  const chunk = (type: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const out = Buffer.alloc(body.length + 8);
    out.writeUInt32BE(data.length);
    body.copy(out, 4);
    out.writeUInt32BE(crc32(body), body.length + 4);
    return out;
  };
  const header = Buffer.from([0, 0, 0, 1, 0, 0, 0, 1, 8, 2, 0, 0, 0]);
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.from([0, 99, 99, 99]))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}
