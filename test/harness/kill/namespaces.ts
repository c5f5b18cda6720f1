/**
 * Namespaces of Linux, as containers have them: commands that run a program in new ones. Guarantees: whether they are
 * allowed is tried, not guessed; a killed command takes its program along.
 */
import { spawnSync } from "node:child_process";

/** Which namespaces a program has to itself: its network, or its process numbers as well. */
export type NamespaceKind = "net" | "net-pid";

const FLAGS: Readonly<Record<NamespaceKind, readonly string[]>> = {
  net: ["-n"],
  "net-pid": ["-n", "-p", "-f", "--kill-child"],
};
/** The super-user's way, then that of others, where the system lets them. */
const WAYS = [["unshare"], ["unshare", "-r"]];

/** Commands that run a program in new namespaces, or why there are none. */
export type Namespaces = { readonly [Kind in NamespaceKind]: readonly string[] } | { readonly missing: string };

/** Commands to run programs in turn, in the namespaces of this process and in others, or why there are none. */
export function waysThroughNamespaces(): { readonly ways: (readonly string[])[]; readonly missing?: string } {
  const found = findNamespaces();
  return "missing" in found ? { ways: [[]], missing: found.missing } : { ways: [[], found.net, found["net-pid"]] };
}

/** Tries to make namespaces. */
export function findNamespaces(): Namespaces {
  let missing = "";
  for (const way of WAYS) {
    const commands = { net: [...way, ...FLAGS.net], "net-pid": [...way, ...FLAGS["net-pid"]] };
    const { status, stderr, error } = spawnSync(commands["net-pid"][0], [...commands["net-pid"].slice(1), "true"], {
      encoding: "utf8",
    });
    if (status === 0) return commands;
    missing = error?.message ?? stderr.trim();
  }
  return { missing };
}
