/** Commands as lines of words, and contexts for named servers. */
import { bytesOf } from '../../../src/keyspace/words.js';
import type { TargetContext, TargetForm } from '../../../src/convert/target-form/rule.js';
import { createTargetContext, toTargetForm } from '../../../src/convert/target-form/to-target-form.js';
import { parseServerName } from '../../../src/rdb/server-support.js';
import { capabilitiesOf } from '../../../src/target/capabilities.js';

export type Word = string | number | Uint8Array;

export function argsOf(words: readonly Word[]): Uint8Array[] {
  return words.map((word) => (word instanceof Uint8Array ? word : bytesOf(String(word))));
}

export function line(text: string): Uint8Array[] {
  return text.split(' ').map((word) => bytesOf(word));
}

/** From `source`, when it matters, to `target`. */
export function context(target: string, source?: string): TargetContext {
  const from = source === undefined ? undefined : parseServerName(source);
  return createTargetContext(capabilitiesOf(parseServerName(target)), from);
}

/** The form as text: null for as it is; scripts are shown as `<script>`. */
export function formOf(text: string, target: string, source?: string): string[] | null {
  return shown(toTargetForm(line(text), context(target, source)));
}

export function shown(form: TargetForm): string[] | null {
  if (form === null) return null;
  const lines = form.commands.map((command) =>
    command
      .map((word) => new TextDecoder().decode(word))
      .map((word, at) => (at === 1 && word.includes('redis.call') ? '<script>' : word))
      .join(' '),
  );
  return form.report === undefined ? lines : [...lines, `report: ${form.report}`];
}
