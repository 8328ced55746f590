/**
 * The erasure code of the package that defined our matrix, as an oracle for our own.
 *
 * Why     its WASM exports are called directly, because version 1.0.2's own `reconstruct` frees the presence flags that the WASM has
 *         already freed, and its ES module looks for __dirname, which ES modules lack.
 * @module
 */
import { createRequire } from 'node:module';

/** As built by wasm-bindgen. Pointers are byte offsets into `memory`. */
interface Codec {
  readonly memory: { readonly buffer: ArrayBuffer };
  __wbindgen_malloc(bytes: number): number;
  __wbindgen_free(pointer: number, bytes: number): void;
  encode(shards: number, bytes: number, dataCount: number, checkCount: number): number;
  /** Takes the flags over: one byte per shard. */
  reconstruct(
    shards: number,
    bytes: number,
    dataCount: number,
    checkCount: number,
    flags: number,
    count: number,
  ): number;
}

export interface ErasureOracle {
  encode(data: readonly Uint8Array[], checkCount: number): Uint8Array[];
  reconstruct(shards: readonly (Uint8Array | undefined)[], dataCount: number): Uint8Array[];
}

export async function loadErasureOracle(): Promise<ErasureOracle> {
  const library = createRequire(import.meta.url)('@digitaldefiance/reed-solomon-erasure.wasm') as {
    ReedSolomonErasure: { fromCurrentDirectory(): Promise<{ readonly exports: Codec }> };
  };
  const wasm = (await library.ReedSolomonErasure.fromCurrentDirectory()).exports;

  /** All shards after `work` has changed them in the WASM's memory; a lost one goes in as zeros. */
  function change(
    shards: readonly (Uint8Array | undefined)[],
    work: (pointer: number, bytes: number) => number,
  ): Uint8Array[] {
    const size = shards.find((shard) => shard !== undefined)!.length;
    const bytes = size * shards.length;
    const pointer = wasm.__wbindgen_malloc(bytes);
    const before = new Uint8Array(wasm.memory.buffer, pointer, bytes).fill(0);
    shards.forEach((shard, index) => {
      if (shard !== undefined) before.set(shard, index * size);
    });
    if (work(pointer, bytes) !== 0) throw new Error('the package refused');
    const after = new Uint8Array(wasm.memory.buffer, pointer, bytes).slice();
    wasm.__wbindgen_free(pointer, bytes);
    return shards.map((_, index) => after.slice(index * size, (index + 1) * size));
  }

  return {
    encode: (data, checkCount) =>
      change([...data, ...new Array<undefined>(checkCount).fill(undefined)], (pointer, bytes) =>
        wasm.encode(pointer, bytes, data.length, checkCount),
      ).slice(data.length),
    reconstruct: (shards, dataCount) =>
      change(shards, (pointer, bytes) => {
        const flags = Uint8Array.from(shards, (shard) => (shard === undefined ? 0 : 1));
        const flagsPointer = wasm.__wbindgen_malloc(flags.length);
        new Uint8Array(wasm.memory.buffer).set(flags, flagsPointer);
        return wasm.reconstruct(pointer, bytes, dataCount, shards.length - dataCount, flagsPointer, flags.length);
      }).slice(0, dataCount),
  };
}
