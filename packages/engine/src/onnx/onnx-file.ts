/** A function as a file that other programs load: for all sizes of a batch, its parameters among the file's tensors. */
import { type DynamicSize, sizeProduct } from "../graph/dynamic-sizes.js";
import type { NamedValue, TensorFunction } from "../graph/function.js";
import { elementTypes } from "../graph/lowering.js";
import {
  encodeGraph,
  encodeModelAround,
  encodeTensorBefore,
  encodeTensorElsewhere,
  type OnnxNode,
  type OnnxValue,
} from "./encode.js";
import { bytesOf, ExportEmitter, type OnnxPrecision, type StoredParameter } from "./export-emitter.js";
import { joinBytes } from "./join-bytes.js";
import { lowerFunction, nameOutputs } from "./lower.js";

export interface OnnxFileOptions {
  /** Inputs that are a part of the model. */
  readonly parameters: ReadonlySet<string>;
  /** A function that gives some of the others, in float32 whatever the precision. */
  readonly prepare?: TensorFunction;
  /** Sizes that differ from run to run; the function is built for their numbers (`standInSizes`). */
  readonly sizes: readonly DynamicSize[];
  readonly precision: OnnxPrecision;
  /** Results that are inputs of the next run, and those inputs: they stay in the model's precision. */
  readonly carried?: ReadonlySet<string>;
  /** The file for the parameters where the model would be longer than `longest`, beside it. */
  readonly dataFile: string;
  /** Bytes of a model file at most; the format itself ends at 2^31. */
  readonly longest?: number | undefined;
}

/** What a file is made of, one after another: bytes, or a parameter in the form and of the length that it tells. */
export type FilePart = Uint8Array | StoredParameter;

export interface OnnxFile {
  readonly model: readonly FilePart[];
  /** The parts of the file beside it, where there is one. */
  readonly data?: readonly FilePart[];
}

const alignment = 4096;
const defaultLongest = 2 ** 31 - 2 ** 20;

/**
 * The file of a function. Integers are taken in with 64 bits, as tokenizers give them; floats are taken in and handed out as float32,
 * but for those that are carried from run to run.
 */
export function onnxFile(tensors: TensorFunction, options: OnnxFileOptions): OnnxFile {
  const { parameters, prepare, sizes, precision, carried, longest = defaultLongest } = options;
  const isParameter = ({ name }: NamedValue) => parameters.has(name);
  const shapes = new Map(tensors.inputs.filter(isParameter).map(({ name, value }) => [name, value.type.shape]));
  const emitter = new ExportEmitter(precision, sizes, shapes);
  const isCarried = (name: string | undefined) => name !== undefined && carried?.has(name) === true;
  const given = inputsOfFile(tensors, options);
  const names = new Map(given.map(({ name }) => [name, name]));
  for (const { name, value } of given) {
    if (value.type.dataType === "int32") {
      names.set(name, emitter.emit("Cast", [name], { attributes: { to: { int: elementTypes.int32 } } }));
    } else if (!isCarried(name)) names.set(name, emitter.fromFloat32(name));
  }
  const nameOf = (name: string) => names.get(name) ?? name;
  if (prepare !== undefined) {
    const prepared = emitter.exactly(() => lowerFunction(prepare, emitter, nameOf));
    prepare.outputs.forEach(({ name, value }, index) => {
      const result = prepared[index] ?? name;
      names.set(name, value.type.dataType === "float32" ? emitter.fromFloat32(result) : result);
    });
  }
  const outputs = lowerFunction(tensors, emitter, nameOf).map((result, index) =>
    isCarried(tensors.outputs[index]?.name) ? result : emitter.asFloat32(result),
  );
  const nodes = usedNodes(
    nameOutputs(
      emitter.nodes,
      tensors.outputs.map(({ name }) => name),
      outputs,
    ),
    tensors.outputs.map(({ name }) => name),
  );
  const floats = precision === "float16" ? "float16" : "float32";
  const asValue = ({ name, value: { type } }: NamedValue): OnnxValue => ({
    name,
    elementType: type.dataType === "int32" ? "int64" : isCarried(name) ? floats : type.dataType,
    shape: type.shape.map((size) => nameOfSize(size, sizes)),
  });
  const graph = encodeGraph(tensors.name, nodes, given.map(asValue), tensors.outputs.map(asValue));
  const constants = emitter.constants.flatMap(({ bytes, ...type }) => [encodeTensorBefore(type, bytes.length), bytes]);
  const around: Around = { before: joinBytes([graph.nodes, ...constants]), after: graph.values };
  const stored = emitter.storedParameters();
  const inside = insideModel(around, stored);
  return lengthOf(inside) <= longest ? { model: inside } : besideModel(around, stored, options.dataFile);
}

/** The inputs that are given with every run. */
function inputsOfFile(tensors: TensorFunction, { parameters, prepare }: OnnxFileOptions): NamedValue[] {
  const prepared = new Set(prepare?.outputs.map(({ name }) => name));
  const own = tensors.inputs.filter(({ name }) => !parameters.has(name) && !prepared.has(name));
  const known = new Set(own.map(({ name }) => name));
  return [...own, ...(prepare?.inputs ?? []).filter(({ name }) => !known.has(name))];
}

/** A graph but for its parameters. */
interface Around {
  readonly before: Uint8Array;
  readonly after: Uint8Array;
}

function insideModel(graph: Around, stored: readonly StoredParameter[]): FilePart[] {
  return modelOf(
    graph,
    stored.flatMap((tensor) => [encodeTensorBefore(tensor, bytesOf(tensor)), tensor]),
  );
}

function besideModel(graph: Around, stored: readonly StoredParameter[], file: string): OnnxFile {
  const data: FilePart[] = [];
  const tensors: Uint8Array[] = [];
  let offset = 0;
  for (const tensor of stored) {
    const length = bytesOf(tensor);
    tensors.push(encodeTensorElsewhere(tensor, file, offset, length));
    const padding = (alignment - (length % alignment)) % alignment;
    data.push(tensor, new Uint8Array(padding));
    offset += length + padding;
  }
  return { model: modelOf(graph, tensors), data };
}

function modelOf({ before, after }: Around, tensors: readonly FilePart[]): FilePart[] {
  const graph = [before, ...tensors, after];
  const model = encodeModelAround(lengthOf(graph));
  return [model.before, ...graph, model.after];
}

/** The bytes of some parts. */
export function lengthOf(parts: readonly FilePart[]): number {
  return parts.reduce((length, part) => length + (part instanceof Uint8Array ? part.length : bytesOf(part)), 0);
}

/** A size as a number, or by the names of what it is made of. */
function nameOfSize(size: number, dynamic: readonly DynamicSize[]): number | string {
  const { factor, sizes } = sizeProduct(size, dynamic);
  if (sizes.length === 0) return size;
  return [...(factor === 1 ? [] : [factor]), ...sizes.map(({ name }) => name)].join(" * ");
}

/** The nodes that the outputs need, and of their results, but for those before one that is used, those that are. */
function usedNodes(nodes: readonly OnnxNode[], outputs: readonly string[]): OnnxNode[] {
  const used = new Set(outputs);
  const kept: OnnxNode[] = [];
  for (const node of nodes.toReversed()) {
    const last = node.outputs.findLastIndex((output) => used.has(output));
    if (last < 0) continue;
    for (const input of node.inputs) used.add(input);
    kept.push({ ...node, outputs: node.outputs.slice(0, last + 1) });
  }
  return kept.toReversed();
}
