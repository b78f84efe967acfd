/**
 * Converts values to what a named server loads, one after the other. `convert` takes a value that lies whole
 * in memory; `large` opens a conversion that takes it in pieces.
 */
import { ReplicantError } from '../../errors.js';
import type { Dialect } from '../dialect.js';
import { corrupt } from '../encodings/corrupt.js';
import type { ValueSink } from '../handler.js';
import { DEFAULT_LIMITS, type Limits } from '../limits.js';
import { formatServer, type ServerIdentity } from '../server-support.js';
import { ValueDecoder } from '../value-decoder.js';
import { describeType, type ValueType, valueTypes } from '../value-types.js';
import { ByteWriter } from './byte-writer.js';
import { planConversion, type Route } from './conversion-plan.js';
import { formsOf } from './forms.js';
import { ElementsConverter, type Spool, SpooledListConverter } from './large-converters.js';
import { noLosses, type ValueLosses } from './losses.js';
import { lacksModule, moduleTypeName } from './module-home.js';
import { NodesConverter } from './nodes-converter.js';
import { StreamConverter } from './stream-converter.js';
import { StringEncoder } from './string-encoder.js';
import { ValueEncoder } from './value-encoder.js';

export type Conversion =
  /** The server takes the bytes as they are. */
  | { readonly kind: 'same' }
  /** `bytes` are valid until the next conversion. */
  | {
      readonly kind: 'converted';
      readonly type: number;
      readonly bytes: Uint8Array;
      readonly losses: Readonly<ValueLosses>;
    }
  /** A collection that turned out to have no elements: servers leave such keys out. */
  | { readonly kind: 'empty' }
  | { readonly kind: 'unsupported'; readonly why: string };

export interface LargeConversion {
  /** What the value becomes; to be written before the key. */
  readonly type: number;
  readonly sink: ValueSink;
  /** Filled while the value passes. */
  readonly losses: Readonly<ValueLosses>;
}

export interface ConverterOptions {
  /** Compress strings that gain by it; default false. */
  readonly compress?: boolean;
  readonly limits?: Limits;
}

const SAME: Conversion = { kind: 'same' };
const EMPTY: Conversion = { kind: 'empty' };

export class ValueConverter {
  readonly server: ServerIdentity;
  readonly #limits: Limits;
  readonly #strings: StringEncoder;
  readonly #encoder: ValueEncoder;
  readonly #out = new ByteWriter();
  readonly #routes = new Map<ValueType, Route>();
  readonly #decoders = new Map<string, ValueDecoder>();
  #nodes: NodesConverter | undefined;
  #stream: StreamConverter | undefined;

  constructor(server: ServerIdentity, options: ConverterOptions = {}) {
    this.server = server;
    this.#limits = options.limits ?? DEFAULT_LIMITS;
    this.#strings = new StringEncoder(options.compress ?? false);
    this.#encoder = new ValueEncoder(formsOf(server), options);
  }

  route(type: ValueType, dialect: Dialect): Route {
    const known = this.#routes.get(type);
    if (known !== undefined) return known;
    const route = planConversion(type, dialect, this.server);
    this.#routes.set(type, route);
    return route;
  }

  /** bytes[start, end) must be exactly one value. */
  convert(type: ValueType, dialect: Dialect, bytes: Uint8Array, start: number, end: number): Conversion {
    const route = this.route(type, dialect);
    switch (route.via) {
      case 'same':
        return type.kind === 'module' ? this.#module(bytes, start) : SAME;
      case 'nothing':
        return { kind: 'unsupported', why: route.why };
      case 'elements':
        return this.#elements(type, dialect, bytes, start, end);
      case 'nodes': {
        this.#out.clear();
        const nodes = (this.#nodes ??= new NodesConverter(this.#out, this.#strings, this.#limits));
        nodes.begin(this.#out);
        feedWhole(nodes, bytes, start, end);
        return nodes.items === 0 ? EMPTY : this.#converted(route.type, noLosses());
      }
      default: {
        this.#out.clear();
        const losses = noLosses();
        const stream = (this.#stream ??= new StreamConverter(
          type.id,
          route.type,
          this.#out,
          losses,
          this.#limits,
        ));
        stream.begin(type.id, route.type, this.#out, losses);
        feedWhole(stream, bytes, start, end);
        return this.#converted(route.type, losses);
      }
    }
  }

  /** For a value that comes in pieces; `openSpool` is called when something has to wait outside of memory. */
  large(
    type: ValueType,
    dialect: Dialect,
    out: ByteWriter,
    openSpool: () => Spool,
  ): LargeConversion | undefined {
    const route = this.route(type, dialect);
    if (route.via === 'same' || route.via === 'nothing') return undefined;
    const losses = noLosses();
    return { type: route.type, losses, sink: this.#largeSink(route, type, dialect, out, openSpool, losses) };
  }

  #largeSink(
    route: Exclude<Route, { via: 'same' | 'nothing' }>,
    type: ValueType,
    dialect: Dialect,
    out: ByteWriter,
    openSpool: () => Spool,
    losses: ValueLosses,
  ): ValueSink {
    const strings = this.#strings;
    const limits = this.#limits;
    if (route.via === 'stream') return new StreamConverter(type.id, route.type, out, losses, limits);
    if (route.via === 'nodes') return new NodesConverter(out, strings, limits);
    if (type.encoding === 'quicklist') {
      return new SpooledListConverter(type, dialect, out, openSpool(), strings, losses, limits);
    }
    return new ElementsConverter(type, dialect, route.type, out, strings, losses, limits);
  }

  #elements(type: ValueType, dialect: Dialect, bytes: Uint8Array, start: number, end: number): Conversion {
    const encoder = this.#encoder;
    encoder.begin(type.kind);
    const decoder = this.#decoder(type, dialect);
    feedWhole(decoder, bytes, start, end);
    const { type: newType, bytes: encoded, elements, losses } = encoder.finish();
    return elements === 0 ? EMPTY : { kind: 'converted', type: newType, bytes: encoded, losses };
  }

  /** One per kind of layout is kept: a new one for each value would cost more than decoding it. */
  #decoder(type: ValueType, dialect: Dialect): ValueDecoder {
    const known = this.#decoders.get(type.name);
    if (known === undefined) {
      const decoder = new ValueDecoder(type.id, dialect, this.#encoder, this.#limits);
      this.#decoders.set(type.name, decoder);
      return decoder;
    }
    known.reset(type.id, dialect);
    return known;
  }

  #converted(type: number, losses: Readonly<ValueLosses>): Conversion {
    return { kind: 'converted', type, bytes: this.#out.view(), losses };
  }

  #module(bytes: Uint8Array, start: number): Conversion {
    const why = lacksModule(this.server, moduleTypeName(bytes, start));
    return why === undefined ? SAME : { kind: 'unsupported', why };
  }
}

function feedWhole(sink: ValueSink, bytes: Uint8Array, start: number, end: number): void {
  const at = sink.feed(bytes, start, end);
  if (!sink.done) {
    throw new ReplicantError('RDB_TRUNCATED', 'a value that ends in the middle', { place: { offset: at } });
  }
  if (at !== end) throw corrupt(`${end - at} bytes behind the end of a value`, at);
}

/** Converts one value; `type` is its type byte. For many values one `ValueConverter` is cheaper. */
export function convertValue(
  type: number,
  dialect: Dialect,
  bytes: Uint8Array,
  start: number,
  end: number,
  server: ServerIdentity,
  options?: ConverterOptions,
): Conversion {
  const row = valueTypes(dialect)[type];
  const conversion: Conversion =
    row === undefined
      ? { kind: 'unsupported', why: `it has no place for ${describeType(type, dialect)}` }
      : new ValueConverter(server, options).convert(row, dialect, bytes, start, end);
  return conversion.kind === 'unsupported'
    ? { kind: 'unsupported', why: `${formatServer(server)}: ${conversion.why}` }
    : conversion;
}
