/** The program of a worker thread that reads the ledger through a read-only handle of its own. */
import { parentPort, workerData } from "node:worker_threads";
import { Random } from "../random.js";
import type { ReadLedgerJob } from "./job.js";
import { handleSource, readLedger } from "./ledger-reader.js";

const job: ReadLedgerJob = workerData;
const tell = (count: unknown): void => parentPort?.postMessage(count);
await readLedger(handleSource(job.path), job.seed, new Random(job.readerSeed), () => true, tell);
