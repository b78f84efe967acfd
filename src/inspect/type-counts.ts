/** Keys, bytes, elements and percentiles by type, and by type and encoding. */
import { binOf, QuantileSketch } from './quantiles.js';
import type { ReportEncoding, ReportType } from './report.js';

class Group {
  keys = 0;
  bytes = 0;
  elements = 0;
  readonly size = new QuantileSketch();

  add(bytes: number, elements: number, sizeBin: number): void {
    this.keys++;
    this.bytes += bytes;
    this.elements += elements;
    this.size.add(bytes, sizeBin);
  }
}

class TypeGroup extends Group {
  readonly length = new QuantileSketch();
  readonly encodings = new Map<string, Group>();
}

export class TypeCounts {
  readonly #types = new Map<string, TypeGroup>();

  /** `sizeBin` is `binOf(bytes)`. */
  add(type: string, encoding: string, bytes: number, elements: number, sizeBin: number): void {
    let group = this.#types.get(type);
    if (group === undefined) this.#types.set(type, (group = new TypeGroup()));
    group.add(bytes, elements, sizeBin);
    group.length.add(elements, elements === 1 ? 1 : binOf(elements));
    let encoded = group.encodings.get(encoding);
    if (encoded === undefined) group.encodings.set(encoding, (encoded = new Group()));
    encoded.add(bytes, elements, sizeBin);
  }

  /** Most bytes first. */
  types(scale: number): ReportType[] {
    return [...this.#types]
      .map(([type, group]) => ({ type, ...report(group, scale), length: group.length.report() }))
      .toSorted((a, b) => b.bytes - a.bytes);
  }

  encodings(scale: number): ReportEncoding[] {
    return [...this.#types]
      .flatMap(([type, { encodings }]) =>
        [...encodings].map(([encoding, group]) => ({ type, encoding, ...report(group, scale) })),
      )
      .toSorted((a, b) => b.bytes - a.bytes);
  }
}

function report(group: Group, scale: number): Omit<ReportType, 'type' | 'length'> {
  return {
    keys: group.keys * scale,
    bytes: Math.round(group.bytes * scale),
    elements: group.elements * scale,
    size: group.size.report(),
  };
}
