/** What every target tells of one mutant that was tried. */

/** What became of one mutant. */
export interface Trial {
  /** It was opened; of errors of the system: one was met; of modules: it was within the limits. */
  readonly opened: boolean;
  readonly values: number;
  readonly typedErrors: number;
  readonly problems: readonly string[];
}
