/** From what is dropped or chosen to pictures with their classes: the folder that a picture lies in is its class. */
export interface Found {
  kind: string;
  name: string;
  file: File;
}
export interface Collected {
  found: Found[];
  /** Folders without a file. */
  empty: string[];
  /** What lies in no class's folder. */
  loose: string[];
  /** Whether the folder is divided already into parts such as train and test. */
  divided: boolean;
}
export interface Placed {
  /** The path below what was dropped, ending in the file's name. */
  path: string[];
  file: File;
}

const PARTS = ["train", "training", "test", "testing", "val", "valid", "validation"];
const HIDDEN = /^\.|^(thumbs\.db|desktop\.ini)$/i;

/**
 * Sort files into classes. Folders around all classes are taken off: "photos/cat/1.jpg" and "cat/1.jpg" are both a cat.
 * Deeper folders belong to their class.
 */
export function sorted(files: Placed[], folders: string[][] = []): Collected {
  const seen = files.filter(({ path }) => !path.some((part) => HIDDEN.test(part)));
  const dirs = folders.filter((path) => !path.some((part) => HIDDEN.test(part)));
  let depth = 0;
  const below = (): Set<string> =>
    new Set(
      [...seen.map(({ path }) => path.slice(0, -1)), ...dirs].flatMap((path) => path.slice(depth, depth + 1)),
    );
  const inside = (): boolean => [...seen.map(({ path }) => path.slice(0, -1)), ...dirs].some((path) => path.length > depth + 1); // prettier-ignore
  while (below().size === 1 && inside()) depth++;
  const tops = below();
  const divided = tops.size > 1 && [...tops].every((name) => PARTS.includes(name.toLowerCase()));
  const found: Found[] = [];
  const loose: string[] = [];
  for (const { path, file } of seen) {
    const kind = path.slice(depth, -1)[0];
    if (kind === undefined) loose.push(path.join("/"));
    else found.push({ kind, name: path.at(-1)!, file });
  }
  const used = new Set(found.map(({ kind }) => kind));
  return { found, empty: [...tops].filter((name) => !used.has(name)).sort(), loose, divided };
}

/** What an input with webkitdirectory holds. */
export const chosen = (files: Iterable<File>): Collected =>
  sorted(Array.from(files, (file) => ({ path: (file.webkitRelativePath || file.name).split("/"), file })));

/** What was dropped. Its entries must be taken before anything is waited for. */
export async function dropped(items: DataTransferItemList): Promise<Collected> {
  const entries = Array.from(items, (item) => item.webkitGetAsEntry()).filter((one) => one !== null);
  const files: Placed[] = [];
  const folders: string[][] = [];
  async function walk(entry: FileSystemEntry, above: string[]): Promise<void> {
    const path = [...above, entry.name];
    if (entry.isFile) {
      const file = await new Promise<File>((then, or) => (entry as FileSystemFileEntry).file(then, or));
      files.push({ path, file });
      return;
    }
    folders.push(path);
    const reader = (entry as FileSystemDirectoryEntry).createReader();
    for (;;) {
      const part = await new Promise<FileSystemEntry[]>((then, or) => reader.readEntries(then, or));
      if (!part.length) break; // a hundred at a time
      for (const one of part) await walk(one, path);
    }
  }
  for (const entry of entries) await walk(entry, []);
  return sorted(files, folders);
}
