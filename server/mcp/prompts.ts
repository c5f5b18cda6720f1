/**
 * The prompts: how an agent is asked to use its memory. Guarantees: what a user gives is quoted as data.
 */

export interface PromptListing {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly arguments: { readonly name: string; readonly description: string; readonly required: boolean }[];
}

interface Prompt extends PromptListing {
  text(given: (name: string) => string | undefined): string;
}

const MOST_CHARACTERS = 4000;

const PROMPTS: readonly Prompt[] = [
  {
    name: "recall-before-answering",
    title: "Recall Before Answering",
    description: "Looks into the memory first, and answers from what it finds",
    arguments: [{ name: "question", description: "What is to be answered", required: true }],
    text: (given) =>
      `Answer the question ${quoted(given("question"))}.\n\n` +
      "1. Call recall with its main words; call it again in other words where little is found.\n" +
      "2. Where hits contradict each other, call explain on them and prefer what became known later or is surer.\n" +
      "3. Answer from what you found, with the ids that the answer rests on. Say so where the memory knows nothing.",
  },
  {
    name: "remember-conversation",
    title: "Remember This Conversation",
    description: "Writes down what is worth keeping of the conversation so far",
    arguments: [{ name: "focus", description: "What matters most, such as: decisions", required: false }],
    text: (given) =>
      "Write down what of this conversation will matter later" +
      `${given("focus") === undefined ? "" : `, above all ${quoted(given("focus"))}`}.\n\n` +
      "1. Collect facts, decisions and preferences that were stated, not guessed. Leave out secrets.\n" +
      "2. For each, call recall, to see what is believed already.\n" +
      "3. Call remember for what is new or has changed, with subject, predicate and object where that is possible, " +
      "source, and validFrom or validTo where a time was named. What has ended gets a validTo; do not forget it.\n" +
      "4. List what you wrote, with the ids.",
  },
  {
    name: "review-changes",
    title: "Review Changes",
    description: "Shows what changed in the memory since a time, and what looks wrong",
    arguments: [{ name: "since", description: "ISO 8601, such as 2026-05-01", required: true }],
    text: (given) =>
      `Review what changed in the memory since ${quoted(given("since"))}.\n\n` +
      "1. Call diff with from.knownAt set to that time; go on with the cursor to the end.\n" +
      "2. For what is surprising, call explain: who wrote it, why, and what it replaced.\n" +
      "3. Summarize what is new, was corrected or was withdrawn. Propose an undo for what looks wrong, and " +
      "wait for a yes before you call it.",
  },
];

export const promptListings: readonly PromptListing[] = PROMPTS.map(({ text: _, ...listing }) => listing);

/** The text of a prompt, or what is wrong with the call. */
export function promptText(
  name: string,
  given: { readonly [name: string]: unknown },
): { readonly description: string; readonly text: string } | { readonly problem: string } {
  const prompt = PROMPTS.find((one) => one.name === name);
  if (prompt === undefined) return { problem: `Prompt ${name.slice(0, 200)} not found` };
  for (const { name: argument, required } of prompt.arguments) {
    const value = Object.hasOwn(given, argument) ? given[argument] : undefined;
    if (value === undefined ? required : typeof value !== "string") {
      return { problem: `Invalid arguments for prompt ${name}: ${argument} is a string` };
    }
  }
  const text = prompt.text((argument) => {
    const value = Object.hasOwn(given, argument) ? given[argument] : undefined;
    return typeof value === "string" ? value : undefined;
  });
  return { description: prompt.description, text };
}

function quoted(text: string | undefined): string {
  return JSON.stringify((text ?? "").slice(0, MOST_CHARACTERS));
}
