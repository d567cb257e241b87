interface LockedPackage {
  readonly version?: string;
  readonly license?: string;
  readonly link?: boolean;
  readonly resolved?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}
type Lock = Readonly<Record<string, LockedPackage>>;
interface Component {
  readonly name: string;
  readonly version: string;
  readonly "bom-ref": string;
  readonly licenses?: readonly { readonly expression: string }[];
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
}
export const workspaces: readonly string[];
export const billFile: string;
export function isPermissive(expression: string | undefined): boolean;
export function mayBeInstalled(path: string, installed: { readonly license?: string } | undefined): boolean;
export function productionPackages(packages: Lock, workspace: string): ReadonlyMap<string, readonly string[]>;
export function billOfMaterials(
  packages: Lock,
  workspace: string,
): {
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
};
export function readLock(): Lock;
