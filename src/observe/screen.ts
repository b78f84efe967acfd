/**
 * A terminal (or a file, or a pipe) that shows log lines and, on a terminal, one progress line below them.
 * Printing first takes the progress line away and puts it back after, in one write, so neither garbles the
 * other. Off a terminal `draw` does nothing and no control code is ever written.
 */

export interface TextOutput {
  write(text: string): void;
  /** A terminal that understands cursor control. */
  readonly terminal: boolean;
  /** Read at every draw, because windows are resized. */
  columns(): number;
}

export interface Screen {
  /** `text` is whole lines, each with its line end. */
  print(text: string): void;
  draw(line: string): void;
  clear(): void;
}

/** Back to the first column, then erase the whole line. */
const ERASE = '\r\u001B[2K';

export function createScreen(output: TextOutput): Screen {
  let shown = '';
  return {
    print(text) {
      output.write(shown === '' ? text : `${ERASE}${text}${shown}`);
    },
    draw(line) {
      if (!output.terminal || line === shown) return;
      output.write(`${ERASE}${line}`);
      shown = line;
    },
    clear() {
      if (shown !== '') output.write(ERASE);
      shown = '';
    },
  };
}
