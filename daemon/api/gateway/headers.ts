/**
 * The headers of every answer, whatever it is: nothing is embedded, sniffed, stored, reported or referred to.
 *
 * Shape   contentHeaders for what comes from the network, ownHeaders for pages and errors of ours. Both begin with COMMON.
 * Why     each site may load from below its own key and from nowhere else, so the policy names that path; `sandbox` keeps scripts, forms, frames and
 *         pop-ups off. `allow-same-origin` only makes a site's own pictures same-origin to it, which the resource policy wants; without
 *         `allow-scripts` it gives nothing away.
 * Source  ux § 3.4 (measured there).
 * @module
 */
import type { OutgoingHttpHeaders } from 'node:http';

const FEATURES = `accelerometer autoplay browsing-topics camera clipboard-read clipboard-write
  display-capture encrypted-media fullscreen gamepad geolocation gyroscope hid identity-credentials-get idle-detection
  interest-cohort keyboard-map local-fonts magnetometer microphone midi otp-credentials payment picture-in-picture
  publickey-credentials-get screen-wake-lock serial speaker-selection storage-access usb window-management
  xr-spatial-tracking`
  .split(/\s+/)
  // A reader may watch a film on the whole screen; browsers ask before anything that could hurt.
  .filter((name) => name !== 'fullscreen' && name !== 'picture-in-picture');

const COMMON: OutgoingHttpHeaders = {
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-DNS-Prefetch-Control': 'off',
  'Permissions-Policy': FEATURES.map((name) => `${name}=()`).join(', '),
  'Cache-Control': 'no-store',
};

export interface ContentPlace {
  /** As in the request: 127.0.0.1:8888. */
  readonly host: string;
  readonly rootPath: string;
  /** Roots of other keys that the reader let in. */
  readonly others?: Iterable<string>;
}

export function contentHeaders(place: ContentPlace): OutgoingHttpHeaders {
  const sources = [place.rootPath, ...(place.others ?? [])]
    .map((rootPath) => `http://${place.host}${policyPath(rootPath)}/`)
    .join(' ');
  return {
    ...COMMON,
    'Content-Security-Policy': `sandbox allow-same-origin; default-src 'none'; img-src ${sources} data:; media-src ${sources}; style-src ${sources} 'unsafe-inline'; font-src ${sources}; form-action 'none'; base-uri 'none'; frame-ancestors 'none'`,
  };
}

/** A comma would end the header's value, a semicolon the directive. */
function policyPath(rootPath: string): string {
  return rootPath.replaceAll(',', '%2C').replaceAll(';', '%3B');
}

/** @param styleHash of the one stylesheet that own pages have; `picture` lets a page show one of this gateway's pictures */
export function ownHeaders(styleHash: string, picture = false): OutgoingHttpHeaders {
  return {
    ...COMMON,
    'Content-Security-Policy': `default-src 'none'; style-src '${styleHash}'; img-src ${picture ? "'self'" : "'none'"}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  };
}

export const DOWNLOAD_POLICY =
  "sandbox; default-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/** What may be kept by the browser, if its owner wants that at all. */
export function cacheControl(isKept: boolean, changes: boolean): string {
  if (!isKept) return 'no-store';
  return changes ? 'no-cache' : 'private, max-age=29030400, immutable';
}

/** A file name as `Content-Disposition` takes it: plain letters, and the whole of it percent-encoded. */
export function disposition(kind: 'attachment' | 'inline', name: string): string {
  const plain = name.replace(/[^\w.() -]/g, '_').slice(0, 150);
  const encoded = encodeURIComponent(name.slice(0, 150)).replace(
    /['()*]/g,
    (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `${kind}; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
