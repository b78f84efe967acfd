/** What of a snapshot belongs to code that a server must have: function libraries and modules. */
import type { RdbEntry } from '../rdb/handler.js';
import { moduleName } from '../rdb/module-name.js';
import { lengthAsBigInt, skipLength } from '../rdb/primitives.js';
import type { ReportFunctionLibrary, ReportModule } from './report.js';
import { latin1 } from './source-writer.js';

const OP_MODULE_AUX = 247;

interface ModuleCount {
  keys: number;
  bytes: number;
  auxRecords: number;
  auxBytes: number;
}

export class CodeCounts {
  readonly functions: ReportFunctionLibrary[] = [];
  readonly #modules = new Map<string, ModuleCount>();

  library(source: Uint8Array): void {
    const end = source.indexOf(10);
    const first = latin1(source.subarray(0, end < 0 ? Math.min(source.length, 256) : end));
    this.functions.push({
      name: /\bname=([^\s]+)/u.exec(first)?.[1] ?? '',
      engine: /^#!([^\s]+)/u.exec(first)?.[1] ?? '',
      bytes: source.length,
    });
  }

  moduleAux(payload: Uint8Array): void {
    // The opcode may stand in front of the module id.
    const at = payload[0] === OP_MODULE_AUX ? 1 : 0;
    if (skipLength(payload, at, payload.length) < 0) return;
    const count = this.#module(moduleName(lengthAsBigInt(payload, at)));
    count.auxRecords++;
    count.auxBytes += payload.length;
  }

  /** A key of a module's type. */
  moduleKey({ bytes, valueStart }: RdbEntry, size: number): void {
    if (skipLength(bytes, valueStart, bytes.length) < 0) return;
    const module = this.#module(moduleName(lengthAsBigInt(bytes, valueStart)));
    module.keys++;
    module.bytes += size;
  }

  modules(scale: number): ReportModule[] {
    return [...this.#modules].map(([name, { keys, bytes, auxRecords, auxBytes }]) => ({
      name,
      keys: keys * scale,
      bytes: Math.round(bytes * scale),
      auxRecords,
      auxBytes,
    }));
  }

  #module(name: string): ModuleCount {
    let module = this.#modules.get(name);
    if (module === undefined) {
      module = { keys: 0, bytes: 0, auxRecords: 0, auxBytes: 0 };
      this.#modules.set(name, module);
    }
    return module;
  }
}
