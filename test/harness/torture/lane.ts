/**
 * One lane of a torture run: every so-manyth round, one after the other. Guarantees: what a round does depends on its
 * number alone, not on how many lanes there are.
 */
import type { SimulatedDisk } from "../simulated-disk.js";
import { runExhaustiveRound } from "./exhaustive-round.js";
import { runFaultRound } from "./fault-round.js";
import type { Outcome } from "./image-judge.js";
import { KnownImages } from "./known-images.js";
import type { Finding, RoundPart } from "./point-judge.js";
import type { TortureViolation } from "./report.js";
import { runCrashRound } from "./round.js";
import { type SmallScope, smallWorkloads } from "./small-scope.js";
import { addTally, emptyTally, type Tally } from "./tally.js";

/** Which rounds a lane runs, as plain data that can be sent to a thread. */
export interface LaneOptions {
  readonly seed: number;
  readonly depth: number;
  readonly faultsPerRound: number;
  /** Of each random workload only so many crash points. */
  readonly pointsPerRound?: number;
  /** The first round, and how far it is to the next. */
  readonly first: number;
  readonly stride: number;
  /** Runs this round only. */
  readonly only?: { readonly round: number; readonly image?: number };
  readonly exhaustive?: SmallScope;
}

/** What a lane tells while it runs. */
export interface LaneEvents {
  /** What was counted since the last time. */
  counted(tally: Tally): void;
  violated(violation: TortureViolation): void;
  stopped(): boolean;
}

/** One round out of so many is one with errors of the disk. */
const FAULT_STRIDE = 6;

/** Counts are passed on when there are so many images. */
const PASS_ON_IMAGES = 200;

/** Runs rounds until it is stopped, or, in a small scope, until all are done. */
export async function runLane(
  options: LaneOptions,
  events: LaneEvents,
  makeDisk?: (seed: number) => SimulatedDisk,
): Promise<void> {
  const rounds = options.exhaustive === undefined ? randomRounds(options) : scopeRounds(options, options.exhaustive);
  for (const { round, run } of rounds) {
    if (events.stopped()) return;
    const tally = emptyTally();
    const stop = (): boolean => {
      if (tally.images >= PASS_ON_IMAGES) passOn(tally, events);
      return events.stopped();
    };
    const found = await run({ ...partOf(options, round), ...(makeDisk && { makeDisk }), stop }, tally);
    passOn(tally, events);
    if (found !== undefined) events.violated(violationOf(options, round, found));
  }
}

interface Round {
  readonly round: number;
  readonly run: (part: RoundPart, tally: Tally) => Promise<Finding | undefined>;
}

function* randomRounds({ first, stride, only, depth, faultsPerRound, pointsPerRound }: LaneOptions): Generator<Round> {
  const crash: Round["run"] = (part, tally) => runCrashRound(part, depth, tally, pointsPerRound);
  const fault: Round["run"] = (part, tally) => runFaultRound(part, tally, faultsPerRound, pointsPerRound);
  const roundOf = (round: number): Round => ({ round, run: round % FAULT_STRIDE === FAULT_STRIDE - 1 ? fault : crash });
  if (only !== undefined) yield roundOf(only.round);
  else for (let round = first; ; round += stride) yield roundOf(round);
}

function* scopeRounds({ first, stride, only, depth }: LaneOptions, scope: SmallScope): Generator<Round> {
  const known = new KnownImages<Outcome>();
  let round = 0;
  for (const plan of smallWorkloads(scope)) {
    const wanted = only === undefined ? round % stride === first : round === only.round;
    if (wanted) yield { round, run: (part, tally) => runExhaustiveRound(part, plan, depth, known, tally) };
    round++;
  }
}

function partOf({ seed, only }: LaneOptions, round: number): RoundPart {
  return { seed, round, ...(only?.image !== undefined && { image: only.image }) };
}

/** Passes on what a round has counted so far, and starts counting anew. */
function passOn(tally: Tally, events: LaneEvents): void {
  const part = emptyTally();
  addTally(part, tally);
  tally.branches.clear();
  Object.assign(tally, { ...emptyTally(), branches: tally.branches });
  events.counted(part);
}

function violationOf(
  { seed, depth, exhaustive, pointsPerRound }: LaneOptions,
  round: number,
  found: Finding,
): TortureViolation {
  const scope = exhaustive === undefined ? "" : ` --exhaustive ${exhaustive.commits}x${exhaustive.keys}`;
  const image = found.image === undefined ? "" : ` --image ${found.image}`;
  const points = pointsPerRound === undefined ? "" : ` --points ${pointsPerRound}`;
  const part = `--seed ${seed} --depth ${depth}${scope}${points} --round ${round}${image}`;
  return { message: found.message, replay: `npx llmdb torture --engine simulated ${part}` };
}
