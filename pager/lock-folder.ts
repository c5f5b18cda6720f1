/**
 * Whether a lock in a folder can be believed (Linux). Guarantees: a folder is `local` only where its file system is
 * known to belong to one kernel, so that a process that listens there can be reached from here; a file that was
 * mounted by itself, away from its folder, is told from one that is in it.
 */
import fs from "node:fs";

/** What `statfs` calls the file systems that one kernel has to itself. */
const LOCAL_FILE_SYSTEMS = new Set([
  0xef53, // ext2, ext3, ext4
  0x58465342, // xfs
  0x9123683e, // btrfs
  0x2fc12fc1, // zfs
  0x01021994, // tmpfs
  0x858458f6, // ramfs
  0x794c7630, // overlay
  0xf2f52010, // f2fs
  0xca451a4e, // bcachefs
  0x3153464a, // jfs
  0x00003434, // nilfs2
  0x00004d44, // fat
  0x2011bab0, // exfat
  0x7366746e, // ntfs3
]);

/** For messages. */
const SHARED_FILE_SYSTEMS: Readonly<Record<number, string>> = {
  26985: "NFS",
  20859: "SMB",
  4283649346: "SMB",
  4266872130: "SMB",
  16914839: "9p",
  1702057286: "FUSE or virtiofs",
  12805120: "Ceph",
  1397113167: "AFS",
  18225520: "GFS2",
  1952539503: "OCFS2",
  2020557398: "a folder shared by VirtualBox",
};

/** Why others who write to a file of a folder may not be seen from here; undefined where they are. */
export function whyUnseen(folder: number, file: number | undefined): string | undefined {
  const type = fileSystemType(folder);
  if (type === undefined || !LOCAL_FILE_SYSTEMS.has(type)) {
    const name = SHARED_FILE_SYSTEMS[type ?? 0] ?? "a file system unknown to LLMDB";
    return `its folder is on ${name}, which other machines may write to unseen`;
  }
  const [mount, own] = [mountOf(folder), file === undefined ? undefined : mountOf(file)];
  if (mount !== undefined && own !== undefined && mount !== own) {
    return "it was mounted as a single file, without the folder that holds its log and its locks";
  }
  return undefined;
}

function fileSystemType(folder: number): number | undefined {
  try {
    return fs.statfsSync(pathOf(folder)).type >>> 0;
  } catch {
    return undefined;
  }
}

/** The mount that a descriptor was opened through, as Linux tells it. */
function mountOf(descriptor: number): string | undefined {
  try {
    return /^mnt_id:\s*(\d+)$/m.exec(fs.readFileSync(`/proc/self/fdinfo/${descriptor}`, "latin1"))?.[1];
  } catch {
    return undefined;
  }
}

/** Where the system shows what this process has open. */
export const FOLDERS = "/proc/self/fd/";

/** A short path of an open folder, which leads there wherever it was moved to. */
export function pathOf(folder: number): string {
  return FOLDERS + folder;
}

/** Bun cannot listen at the longest abstract addresses, so it has others. */
const FAMILY = process.versions.bun === undefined ? "" : "bun";
let domain: string | undefined;

/** Within which abstract locks exclude each other: a network namespace. Undefined where the system hides it. */
export function lockDomain(): string | undefined {
  try {
    domain ??= FAMILY + BigInt(/\d+/.exec(fs.readlinkSync("/proc/self/ns/net"))?.[0] ?? "").toString(36);
  } catch {
    // Then everyone is asked.
  }
  return domain;
}

/** The bytes of an abstract address, the leading NUL included. */
export const ABSTRACT_BYTES = process.versions.bun === undefined ? 108 : 107;
