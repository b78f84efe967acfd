/** Keys and bytes by database, with what the tables take that all its keys are in. */
import { databaseTableBytes } from './hash-tables.js';
import type { ReportDatabase } from './report.js';
import type { ServerProfile } from './server-profile.js';

class Database {
  keys = 0;
  bytes = 0;
  withTtl = 0;
}

export class DatabaseCounts {
  readonly #databases = new Map<number, Database>();
  /** Keys of a database stand together. */
  #current: Database | undefined;
  #number = -1;

  add(db: number, bytes: number, hasTtl: boolean): void {
    if (db !== this.#number || this.#current === undefined) {
      this.#number = db;
      this.#current = this.#databases.get(db) ?? new Database();
      this.#databases.set(db, this.#current);
    }
    this.#current.keys++;
    this.#current.bytes += bytes;
    if (hasTtl) this.#current.withTtl++;
  }

  report(scale: number, profile: ServerProfile): { databases: ReportDatabase[]; tableBytes: number } {
    let tableBytes = 0;
    const databases = [...this.#databases]
      .toSorted(([a], [b]) => a - b)
      .map(([db, { keys, bytes, withTtl }]) => {
        const tables = Math.round(
          databaseTableBytes(keys * scale, profile) + databaseTableBytes(withTtl * scale, profile),
        );
        tableBytes += tables;
        return {
          db,
          keys: keys * scale,
          bytes: Math.round(bytes * scale) + tables,
          keysWithTtl: withTtl * scale,
        };
      });
    return { databases, tableBytes };
  }
}
