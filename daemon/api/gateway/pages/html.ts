/**
 * HTML of our own pages, escaped by construction.
 *
 * Shape   html`...${value}...` gives Markup; a string in it is escaped, Markup and lists of it are taken as they are.
 * Why     nobody has to remember to escape: a plain string can only ever become text or the inside of a quoted attribute.
 * @module
 */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Part = string | number | Markup | readonly Markup[] | undefined | false;

export function html(fixed: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  let text = fixed[0]!;
  parts.forEach((part, index) => {
    text += written(part) + fixed[index + 1]!;
  });
  return new Markup(text);
}

function written(part: Part): string {
  if (part === undefined || part === false) return '';
  if (part instanceof Markup) return part.text;
  if (typeof part === 'string' || typeof part === 'number') return escaped(visible(`${part}`));
  return part.map((each) => each.text).join('');
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** Characters that reorder, hide or control what stands around them are shown as one sign. */
function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cn}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu, '\ufffd');
}
