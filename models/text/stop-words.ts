/**
 * English words that say nothing about what a text is about. Guarantees: lower case, without apostrophes. Words that
 * are names as well, such as May, Will and US, are not among them.
 */

const ARTICLES_AND_CONJUNCTIONS = "a an the and or but nor so if then than because as while though although";
const PREPOSITIONS = "of at by for with about into onto from to in on upon";
const PRONOUNS =
  "i me my mine myself we our ours ourselves you your yours yourself he him his himself she her hers herself " +
  "it its itself they them their theirs themselves this that these those";
const QUESTIONS = "what which who whom whose when where why how";
const VERBS =
  "am is are was were be been being have has had having do does did doing done would should could can shall must";
const ADVERBS = "not no there here just also too very only";
const CONTRACTIONS =
  "dont doesnt didnt isnt arent wasnt werent hasnt havent hadnt cant cannot couldnt wont wouldnt shouldnt mustnt aint";

/** What the English analyzer leaves out. */
export const englishStopWords: ReadonlySet<string> = new Set(
  [ARTICLES_AND_CONJUNCTIONS, PREPOSITIONS, PRONOUNS, QUESTIONS, VERBS, ADVERBS, CONTRACTIONS].join(" ").split(" "),
);
