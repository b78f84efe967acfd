/** Types of the version matrix as a table: see matrix-table.mjs. */
type Cells = Readonly<Record<string, string>>;
export declare function matrixTable(
  matrix: Readonly<
    Record<string, Readonly<Record<string, { readonly snapshot: Cells; readonly stream: Cells }>>>
  >,
): string;
