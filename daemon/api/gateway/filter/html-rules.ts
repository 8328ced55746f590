/**
 * What a page may contain: elements and their attributes by name. What is on no list is not written.
 *
 * Shape   ELEMENTS: element -> its own attributes besides GLOBAL_ATTRIBUTES. DROPPED go with everything inside them; RENAMED become something
 *         harmless with the same looks; all others lose their tag and keep what is inside.
 * Source  ux § 3.3.
 * @module
 */
const words = (text: string): ReadonlySet<string> => new Set(text.split(' ').filter((word) => word !== ''));

const CELL = 'colspan rowspan headers scope abbr align valign bgcolor width height nowrap background';
const ROWS = 'align valign bgcolor';
const LISTS = 'type compact';

export const ELEMENTS: Readonly<Record<string, ReadonlySet<string>>> = Object.fromEntries(
  Object.entries({
    a: 'href name',
    area: 'shape coords href alt',
    audio: 'src controls loop muted preload',
    basefont: 'color face size',
    body: 'bgcolor text link vlink alink background',
    br: 'clear',
    caption: 'align',
    col: 'span width align',
    colgroup: 'span width align',
    data: 'value',
    details: 'open',
    div: 'align',
    font: 'color face size',
    h1: 'align',
    h2: 'align',
    h3: 'align',
    h4: 'align',
    h5: 'align',
    h6: 'align',
    hr: 'align color noshade size width',
    html: '',
    img: 'src srcset sizes alt width height align border hspace vspace usemap loading',
    li: 'type value',
    map: 'name',
    meter: 'value min max low high optimum',
    ol: `${LISTS} start reversed`,
    p: 'align',
    pre: 'width',
    progress: 'value max',
    source: 'src srcset sizes type media width height',
    table: 'border cellpadding cellspacing summary width align bgcolor background',
    tbody: ROWS,
    td: CELL,
    tfoot: ROWS,
    th: CELL,
    thead: ROWS,
    time: 'datetime',
    tr: `${ROWS} background`,
    track: 'src kind srclang label default',
    ul: LISTS,
    video: 'src poster controls loop muted preload width height',
    ...Object.fromEntries(
      `abbr acronym address article aside b bdi bdo big blockquote center cite code dd del dfn dir dl dt em figcaption
       figure footer header hgroup i ins kbd main mark menu nav output picture q rp rt rb rtc ruby s samp search section
       small span strike strong sub summary sup tt u var wbr`
        .split(/\s+/)
        .map((name) => [name, '']),
    ),
  }).map(([name, attributes]) => [name, words(attributes)]),
);

export const VOID_ELEMENTS = words('area basefont br col hr img source track wbr link meta');

export const DROPPED = words(
  `script noscript style template iframe frame frameset noframes object embed applet param noembed portal fencedframe svg
   input select option optgroup datalist keygen canvas dialog slot title base link meta`.replace(/\s+/g, ' '),
);

/** Raw text to a parser, so that their tags must not be written. */
export const RENAMED: Readonly<Record<string, string>> = { xmp: 'pre', listing: 'pre', plaintext: 'pre', nobr: 'span' };

export const GLOBAL_ATTRIBUTES = words('id class lang dir title style hidden role');
export const URL_LOADS = words('src poster background');
export const BOOLEAN_ATTRIBUTES = words('controls loop muted open reversed compact noshade nowrap default hidden');
/** Values are one of these, or the attribute goes. */
export const ATTRIBUTE_VALUES: Readonly<Record<string, ReadonlySet<string>>> = {
  dir: words('ltr rtl auto'),
  preload: words('none metadata auto'),
  loading: words('lazy eager'),
  kind: words('subtitles captions descriptions chapters metadata'),
};

/** Names of <meta name> that say something to the browser and load nothing. */
export const META_NAMES = words('viewport description author keywords color-scheme theme-color');
