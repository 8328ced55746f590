/**
 * Takes out of a log line what must not stand in a file for months: keys, addresses, paths.
 *
 * Shape   keys of documents, and any run of 32 or more letters of base64url or hex, become <key>; IPv4 and IPv6 addresses, with
 *         or without a port, <address>; absolute paths <path>.
 * Why     the second net, not the first: whoever writes a line already leaves such things out (ports.ts). It rather takes too much
 *         than too little, because a word lost from a log line harms nobody.
 * Source  ux § 4 "Logs".
 * @module
 */
const RULES: readonly (readonly [RegExp, string])[] = [
  [/\b(?:CHK|SSK|USK|KSK)@[^\s"')]+/gi, '<key>'],
  [/\bholloway:[^\s"')]+/gi, '<key>'],
  [/[\w~-]{32,}/g, '<key>'],
  [/\b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?\b/g, '<address>'],
  [/\[[0-9a-f:.]*:[0-9a-f:.]*(?:%\w+)?\](?::\d{1,5})?/gi, '<address>'],
  // Without brackets only what cannot be a time of day: eight groups, or a double colon.
  [
    /(?<![\w:])(?:(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}|(?:[0-9a-f]{1,4}:){0,6}[0-9a-f]{0,4}::(?:[0-9a-f]{1,4}:){0,6}[0-9a-f]{0,4})(?![\w:])/gi,
    '<address>',
  ],
  [/(?<=^|[\s"'(=])~?(?:\/[^\s/"')]+)+\/?/g, '<path>'],
];

export function redact(text: string): string {
  return RULES.reduce((rest, [pattern, instead]) => rest.replace(pattern, instead), text);
}
