/** Columns of text. */
export interface Column {
  readonly title: string;
  readonly align: 'left' | 'right';
  readonly width: number;
}

export function column(title: string, align: 'left' | 'right', width: number): Column {
  return { title, align, width };
}

export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ align, width }, at) => {
        const cell = (cells[at] ?? '').slice(0, width);
        return align === 'left' ? cell.padEnd(width) : cell.padStart(width);
      })
      .join(' ')
      .trimEnd();
  return [line(columns.map(({ title }) => title)), ...rows.map(line)];
}
