/** The formats that `Exporter` writes; by themselves, so that options can be checked without loading it. */
export const TEXT_FORMATS = ['ndjson', 'json', 'csv', 'keys', 'resp'] as const;
export type TextFormat = (typeof TEXT_FORMATS)[number];
