/**
 * What an allocation really takes: jemalloc rounds every request up to a size class.
 *
 *   up to 128 bytes   multiples of the quantum (and 8), then of 16
 *   beyond            four classes for each doubling: 160, 192, 224, 256, 320, 384 …
 *
 * The quantum is 8 bytes up to 64 in the jemalloc that comes with Redis and Valkey (source, containers, the
 * vendors' packages), and 16 in the jemalloc of Linux distributions, which their packages link to. Since
 * jemalloc 5.3.1 allocations above 16 kB are rounded up to pages only. Nothing in a snapshot says which it
 * was, but the memory that the server said it used does (calibration.ts); for small keys the quantum makes
 * a difference of a fifth.
 */
export type AllocatorName = 'bundled' | 'system' | 'system-5.3.1';
/** One of them, or whichever a file's server had. */
export type AllocatorChoice = AllocatorName | 'found';

export const ALLOCATORS: readonly AllocatorName[] = ['system', 'bundled', 'system-5.3.1'];

const PAGE_BYTES = 4096;
const LARGEST_SMALL_BYTES = 14 * 1024;

/** Requests up to this size are looked up. */
const TABLE_BYTES = 4096;

export interface Allocator {
  readonly name: AllocatorName;
  /** The size class of a request of `bytes`; 0 for 0. */
  sizeOf(bytes: number): number;
}

function smallClass(bytes: number, name: AllocatorName): number {
  if (bytes <= 8) return 8;
  if (name === 'bundled' && bytes <= 64) return (bytes + 7) & ~7;
  if (bytes <= 128) return (bytes + 15) & ~15;
  return spacedClass(bytes);
}

/** Four classes between 2^n and 2^(n+1). */
function spacedClass(bytes: number): number {
  const step = 2 ** (Math.ceil(Math.log2(bytes)) - 3);
  return Math.ceil(bytes / step) * step;
}

function pagedClass(bytes: number): number {
  return bytes <= LARGEST_SMALL_BYTES ? spacedClass(bytes) : Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;
}

function createAllocator(name: AllocatorName): Allocator {
  const table = Uint32Array.from({ length: TABLE_BYTES + 1 }, (_, bytes) =>
    bytes === 0 ? 0 : smallClass(bytes, name),
  );
  const beyond = name === 'system-5.3.1' ? pagedClass : spacedClass;
  return {
    name,
    sizeOf: (bytes) => (bytes <= TABLE_BYTES ? table[Math.ceil(bytes)]! : beyond(bytes)),
  };
}

const CREATED: Readonly<Record<AllocatorName, Allocator>> = {
  bundled: createAllocator('bundled'),
  system: createAllocator('system'),
  'system-5.3.1': createAllocator('system-5.3.1'),
};

export function allocator(name: AllocatorName): Allocator {
  return CREATED[name];
}
