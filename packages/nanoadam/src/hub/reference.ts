/** How things on the Hub are named. */
import { InputError } from "../errors.js";

export interface HubReference {
  readonly type: "model" | "dataset";
  /** `org/name`. */
  readonly name: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
}

const part = "[A-Za-z0-9][A-Za-z0-9._-]{0,95}";
const modelPattern = new RegExp(`^(${part}/${part})(?:@([^@]+))?$`);
const datasetPattern = new RegExp(`^hf://datasets/(${part}/${part})(?:@([^@/]+))?(?:/(.+))?$`);

/** What `org/name[@revision]` names; undefined for anything else. */
export function modelReference(text: string): HubReference | undefined {
  const [, name, revision = "main"] = modelPattern.exec(text) ?? [];
  return name === undefined ? undefined : { type: "model", name, revision: checkedRevision(revision, text) };
}

/**
 * What `hf://datasets/org/name[@revision][/file]` names; undefined for what does not start with `hf://`.
 * @throws InputError for what does and is of another form
 */
export function datasetReference(
  text: string,
): { readonly dataset: HubReference; readonly file: string | undefined } | undefined {
  if (!text.startsWith("hf://")) return undefined;
  const [, name, revision = "main", file] = datasetPattern.exec(text) ?? [];
  if (name === undefined) {
    throw new InputError(`${text} is no data set of the Hub, expected hf://datasets/org/name[@revision][/file]`);
  }
  return { dataset: { type: "dataset", name, revision: checkedRevision(revision, text) }, file };
}

/** A revision becomes a path of the cache. */
function checkedRevision(revision: string, text: string): string {
  const isPath = /^[A-Za-z0-9][A-Za-z0-9._/-]*$/.test(revision) && isRelativePath(revision);
  if (isPath) return revision;
  throw new InputError(`${text}: "${revision}" is no revision of the Hub`);
}

/** Whether a path with slashes stays within the folder that it is added to. */
export function isRelativePath(path: string): boolean {
  return path !== "" && !/[\\:\0]/.test(path) && path.split("/").every((each) => !["", ".", ".."].includes(each));
}
