/**
 * Matrix times blocks over GF(2^8), as WebAssembly SIMD assembled here from its instructions.
 *
 * Shape   `combine(rows, inputs, outputs)`: outputs[r] = sum of rows[r][c] * inputs[c]. Blocks go through the module's one fixed memory in
 *         tiles of 2 KiB: products 8 KiB, coefficients, one tile of each input, one of each output. It never grows.
 * Errors  none; `createKernel` gives undefined where WebAssembly or its SIMD is missing (node --jitless, an old processor).
 * Why     a product by a constant is two table look-ups, one per half byte, and a swizzle does sixteen of them at once. Eight outputs are
 *         made together, so that an input is loaded and split into halves once for eight. The swizzle is the relaxed one: our
 *         indices are below 16, where its result is fixed, and it is one instruction instead of two (190 instead of 110
 *         MiB/s for 128 + 128 blocks). The tiles stay in the second-level cache; their stride is not a power of two, else all inputs would fall
 *         into the same few cache sets. A page of instructions needs no build step, and what runs is what can be read here.
 * Source  K. M. Greenan, E. L. Miller, T. Schwarz, "Optimizing Galois Field Arithmetic for Diverse Processor Architectures" (split
 *         tables); J. S. Plank et al., "Screaming Fast Galois Field Arithmetic Using Intel SIMD Instructions"; WebAssembly 3.0 § 5.
 * @module
 */
import { PRODUCTS } from './erasure-field.ts';

/** What we use of WebAssembly; its types come with the browser's library, which the project does without. */
declare const WebAssembly:
  | {
      validate(bytes: Uint8Array): boolean;
      Module: new (bytes: Uint8Array) => object;
      Instance: new (module: object) => { readonly exports: object };
    }
  | undefined;

interface KernelExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  /** Eight outputs from `count` inputs; `length` is a multiple of 16. */
  readonly combine: (count: number, coefficients: number, output: number, length: number) => void;
}

export interface Kernel {
  /** @param outputs as many as rows, of one length with the inputs; overwritten */
  combine(rows: readonly Uint8Array[], inputs: readonly Uint8Array[], outputs: readonly Uint8Array[]): void;
}

const TILE_BYTES = 2_048;
const STRIDE = TILE_BYTES + 64;
const LANE_BYTES = 16;
const GROUP = 8;
const PRODUCT_BYTES = 32;
const COEFFICIENTS_AT = 256 * PRODUCT_BYTES;
/** Counts are at most 256 together, so at most 128 * 128 coefficients, and rows filled up to a multiple of eight. */
const INPUTS_AT = COEFFICIENTS_AT + 24_576;
const INPUTS_MAX = 128;
const OUTPUTS_AT = INPUTS_AT + INPUTS_MAX * STRIDE;
const OUTPUTS_MAX = 256;
const PAGES = Math.ceil((OUTPUTS_AT + OUTPUTS_MAX * STRIDE) / 65_536);

export function createKernel(): Kernel | undefined {
  const bytes = assembleKernel();
  if (typeof WebAssembly === 'undefined' || !WebAssembly.validate(bytes)) return undefined;
  const { memory, combine } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as KernelExports;
  const heap = new Uint8Array(memory.buffer);
  PRODUCTS.forEach((product, factor) => {
    for (let half = 0; half < 16; half += 1) {
      heap[factor * PRODUCT_BYTES + half] = product[half]!;
      heap[factor * PRODUCT_BYTES + 16 + half] = product[half << 4]!;
    }
  });
  return { combine: (rows, inputs, outputs) => combineInTiles(heap, combine, rows, inputs, outputs) };
}

function combineInTiles(
  heap: Uint8Array,
  combine: KernelExports['combine'],
  rows: readonly Uint8Array[],
  inputs: readonly Uint8Array[],
  outputs: readonly Uint8Array[],
): void {
  const groupBytes = inputs.length * GROUP;
  heap.fill(0, COEFFICIENTS_AT, INPUTS_AT); // rows missing in the last group count as zero
  rows.forEach((row, r) => {
    const at = COEFFICIENTS_AT + Math.floor(r / GROUP) * groupBytes + (r % GROUP);
    for (let column = 0; column < row.length; column += 1) heap[at + column * GROUP] = row[column]!;
  });
  const size = inputs[0]!.length;
  for (let from = 0; from < size; from += TILE_BYTES) {
    const length = Math.min(TILE_BYTES, size - from);
    for (let i = 0; i < inputs.length; i += 1) {
      heap.set(inputs[i]!.subarray(from, from + length), INPUTS_AT + i * STRIDE);
    }
    for (let r = 0; r < rows.length; r += GROUP) {
      const coefficients = COEFFICIENTS_AT + (r / GROUP) * groupBytes;
      combine(inputs.length, coefficients, OUTPUTS_AT + r * STRIDE, Math.ceil(length / LANE_BYTES) * LANE_BYTES);
    }
    for (let r = 0; r < rows.length; r += 1) {
      const at = OUTPUTS_AT + r * STRIDE;
      outputs[r]!.set(heap.subarray(at, at + length), from);
    }
  }
  heap.fill(0, INPUTS_AT); // these were plaintexts
}

// --- the module, instruction by instruction ---

type Code = readonly number[];

function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>>= 7;
  } while (rest > 0);
  return bytes;
}

/** i32.const takes a signed number: a positive one whose top bit would read as a sign gets one more byte. */
function constant(value: number): Code {
  const bytes = unsigned(value);
  if ((bytes.at(-1)! & 0x40) === 0) return [0x41, ...bytes];
  return [0x41, ...bytes.slice(0, -1), bytes.at(-1)! | 0x80, 0];
}

const simd = (opcode: number): Code => [0xfd, ...unsigned(opcode)];
const get = (local: number): Code => [0x20, local];
const set = (local: number): Code => [0x21, local];
const loop = (...body: Code[]): Code => [0x03, 0x40, ...body.flat(), 0x0b];
const repeatIf: Code = [0x0d, 0];
const add: Code = [0x6a];
const addTo = (local: number, value: number): Code => [...get(local), ...constant(value), ...add, ...set(local)];
const load = (offset: number): Code => [...simd(0x00), 4, ...unsigned(offset)];
const store = (offset: number): Code => [...simd(0x0b), 4, ...unsigned(offset)];
const every = (byte: number): Code => [...simd(0x0c), ...new Array<number>(LANE_BYTES).fill(byte)];
const and: Code = simd(0x4e);
const xor: Code = simd(0x51);
const relaxedSwizzle: Code = simd(0x100);
const halfRight: Code = [...constant(4), ...simd(0x8d)]; // i16x8.shr_u; the mask drops what came from the neighbour

/** Exported for the test that compares the bytes of two calls and validates them. */
export function assembleKernel(): Uint8Array<ArrayBuffer> {
  const [count, coefficients, output, length, at, input, row, left, table] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
  const group = Array.from({ length: GROUP }, (_, o) => o);
  const sum = (o: number): number => 9 + o;
  const [low, high] = [9 + GROUP, 10 + GROUP];

  const multiplyAdd = group.flatMap((o) => [
    [...get(row), 0x2d, 0, ...unsigned(o), ...constant(5), 0x74, ...set(table)], // load8_u, shl: 32 bytes a factor
    get(sum(o)),
    [...get(table), ...load(0), ...get(low), ...relaxedSwizzle, ...xor],
    [...get(table), ...load(16), ...get(high), ...relaxedSwizzle, ...xor, ...set(sum(o))],
  ]);
  const body = [
    ...loop(
      ...group.map((o) => [...every(0), ...set(sum(o))]),
      [...get(at), ...constant(INPUTS_AT), ...add, ...set(input)],
      [...get(coefficients), ...set(row), ...get(count), ...set(left)],
      loop(
        [...get(input), ...load(0), ...every(0x0f), ...and, ...set(low)],
        [...get(input), ...load(0), ...halfRight, ...every(0x0f), ...and, ...set(high)],
        ...multiplyAdd,
        addTo(input, STRIDE),
        addTo(row, GROUP),
        [...get(left), ...constant(1), 0x6b, 0x22, left], // sub, tee
        repeatIf,
      ),
      ...group.map((o) => [...get(output), ...get(at), ...add, ...get(sum(o)), ...store(o * STRIDE)]),
      addTo(at, LANE_BYTES),
      [...get(at), ...get(length), 0x49], // lt_u
      repeatIf,
    ),
    0x0b,
  ];
  const I32 = 0x7f;
  const V128 = 0x7b;
  const locals = [2, 5, I32, GROUP + 2, V128];
  const text = (name: string): number[] => [name.length, ...new TextEncoder().encode(name)];
  const section = (id: number, content: Code): Code => [id, ...unsigned(content.length), ...content];
  const code = [...locals, ...body];
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 4, I32, I32, I32, I32, 0]),
    ...section(3, [1, 0]),
    ...section(5, [1, 1, ...unsigned(PAGES), ...unsigned(PAGES)]),
    ...section(7, [2, ...text('memory'), 2, 0, ...text('combine'), 0, 0]),
    ...section(10, [1, ...unsigned(code.length), ...code]),
  ]);
}
