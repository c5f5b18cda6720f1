/**
 * How many tokens a text takes in the context of a language model, estimated without its tokenizer. Guarantees: the
 * estimate grows with the text; for English prose it is near four characters a token, as tokenizers document it.
 */

const ASCII_PER_TOKEN = 4;
const LAST_ASCII = 127;

/** A quarter of the ASCII characters, and each other UTF-16 unit. At least 1 for a text that is not empty. */
export function countTokens(text: string): number {
  let ascii = 0;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) <= LAST_ASCII) ascii++;
  return Math.ceil(ascii / ASCII_PER_TOKEN) + (text.length - ascii);
}
