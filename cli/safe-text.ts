/**
 * Text that is safe to show. Keys, values and names come from models, and a terminal obeys what is in them: escape
 * sequences move its cursor and change its title, bidirectional controls reorder what stands around them. Guarantees:
 * what these functions return has neither; all that a command writes to a terminal has gone through one of them.
 */

/** C0 except tab and line feed, DEL, C1, the separators that break lines, and the controls of direction. */
const UNSAFE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
const LINE_BREAKS = /[\t\n\r]/g;
const SHORT_FORMS: ReadonlyMap<string, string> = new Map([
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
]);

/**
 * Text of any number of lines, with unsafe characters spelled out. JSON stays equal JSON: they are in its strings
 * only, where the escape means the same.
 */
export function safeText(text: string): string {
  return text.replace(UNSAFE, escapeOf);
}

/** Text on one line: line breaks and tabs are spelled out too. */
export function safeLine(text: string): string {
  return safeText(text.replace(LINE_BREAKS, (character) => SHORT_FORMS.get(character) ?? ""));
}

function escapeOf(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
