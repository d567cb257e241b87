import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { nodesInOrder, type TensorFunction } from "../graph/function.js";
import type { DataType, Shape, TensorType } from "../graph/types.js";
import type { Value } from "../graph/value.js";

/**
 * Writes a function as an ONNX model. The field numbers are those of onnx.proto3; only the dozen messages that a
 * plain graph of typed tensors needs are written, with the wire writer of @bufbuild/protobuf.
 */

const opsetVersion = 20;
const irVersion = 10;
const producer = "nanoadam";
export const contributedDomain = "com.microsoft";

const elementTypes: Record<DataType | "int64", number> = { float32: 1, int32: 6, int64: 7, bool: 9 };
const attributeTypes = { float: 1, int: 2, floats: 6, ints: 7 };

/** An attribute's kind follows from its form: `{ float }`, `{ int }` or `{ ints }`. */
export type Attribute = { readonly float: number } | { readonly int: number } | { readonly ints: readonly number[] };

export interface EmitOptions {
  readonly attributes?: Readonly<Record<string, Attribute>>;
  readonly outputs?: number;
  readonly domain?: string;
}

/** Collects the nodes and constants of one ONNX graph, in the order of evaluation. */
export class OnnxEmitter {
  readonly #nodes: Uint8Array[] = [];
  readonly #initializers: Uint8Array[] = [];
  readonly #constants = new Map<string, string>();
  #names = 0;

  /** Adds a node; returns the name of its first output. */
  emit(operator: string, inputs: readonly string[], options: EmitOptions = {}): string {
    const [first] = this.emitSeveral(operator, inputs, options);
    if (first === undefined) throw new Error(`${operator} was emitted without outputs`);
    return first;
  }

  /** Adds a node of `options.outputs` outputs; returns their names. */
  emitSeveral(operator: string, inputs: readonly string[], options: EmitOptions = {}): string[] {
    const outputs = Array.from({ length: options.outputs ?? 1 }, () => `v${this.#names++}`);
    const writer = new BinaryWriter();
    for (const name of inputs) writer.tag(1, WireType.LengthDelimited).string(name);
    for (const name of outputs) writer.tag(2, WireType.LengthDelimited).string(name);
    writer.tag(4, WireType.LengthDelimited).string(operator);
    for (const [name, attribute] of Object.entries(options.attributes ?? {})) {
      writer.tag(5, WireType.LengthDelimited).bytes(encodeAttribute(name, attribute));
    }
    if (options.domain !== undefined) writer.tag(7, WireType.LengthDelimited).string(options.domain);
    this.#nodes.push(writer.finish());
    return outputs;
  }

  /** A constant of floats; a number gives a scalar. */
  floats(values: number | readonly number[], shape: Shape = typeof values === "number" ? [] : [values.length]): string {
    const data = Float32Array.from(typeof values === "number" ? [values] : values);
    return this.#constant("float32", shape, new Uint8Array(data.buffer));
  }

  /** A constant vector of 64-bit integers, as shapes and axes are given to ONNX operators. */
  integers(values: readonly number[]): string {
    const data = BigInt64Array.from(values, BigInt);
    return this.#constant("int64", [values.length], new Uint8Array(data.buffer));
  }

  #constant(type: DataType | "int64", shape: Shape, bytes: Uint8Array): string {
    const key = `${type}[${shape}]:${bytes.join(",")}`;
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const name = `c${this.#constants.size}`;
    this.#constants.set(key, name);
    const writer = new BinaryWriter();
    for (const size of shape) writer.tag(1, WireType.Varint).int64(size);
    writer.tag(2, WireType.Varint).int32(elementTypes[type]);
    writer.tag(8, WireType.LengthDelimited).string(name);
    writer.tag(9, WireType.LengthDelimited).bytes(bytes);
    this.#initializers.push(writer.finish());
    return name;
  }

  /** The whole model. Outputs are copied to their own names, so that an input may be an output as well. */
  model(name: string, inputs: readonly NamedType[], outputs: readonly NamedType[]): Uint8Array {
    const graph = new BinaryWriter();
    for (const node of this.#nodes) graph.tag(1, WireType.LengthDelimited).bytes(node);
    graph.tag(2, WireType.LengthDelimited).string(name);
    for (const initializer of this.#initializers) graph.tag(5, WireType.LengthDelimited).bytes(initializer);
    for (const value of inputs) graph.tag(11, WireType.LengthDelimited).bytes(encodeValueInfo(value));
    for (const value of outputs) graph.tag(12, WireType.LengthDelimited).bytes(encodeValueInfo(value));
    const model = new BinaryWriter();
    model.tag(1, WireType.Varint).int64(irVersion);
    model.tag(2, WireType.LengthDelimited).string(producer);
    model.tag(7, WireType.LengthDelimited).bytes(graph.finish());
    model.tag(8, WireType.LengthDelimited).bytes(encodeOpset("", opsetVersion));
    model.tag(8, WireType.LengthDelimited).bytes(encodeOpset(contributedDomain, 1));
    return model.finish();
  }

  /** Adds a node whose single output has a name chosen by the caller. */
  copyTo(name: string, source: string): void {
    const writer = new BinaryWriter();
    writer.tag(1, WireType.LengthDelimited).string(source);
    writer.tag(2, WireType.LengthDelimited).string(name);
    writer.tag(4, WireType.LengthDelimited).string("Identity");
    this.#nodes.push(writer.finish());
  }
}

interface NamedType {
  readonly name: string;
  readonly type: TensorType;
}

/** The ONNX model of a function, as bytes; inputs and outputs keep their names. */
export function toOnnx(tensors: TensorFunction): Uint8Array {
  const emitter = new OnnxEmitter();
  const names = new Map<Value, string>();
  for (const { name, value } of tensors.inputs) names.set(value, name);
  for (const node of nodesInOrder(tensors)) {
    const inputs = node.inputs.map((value) => nameOf(names, value));
    node.operation.lower(emitter, inputs, node).forEach((name, index) => {
      const value = node.outputs[index];
      if (value !== undefined && !names.has(value)) names.set(value, name);
    });
  }
  for (const { name, value } of tensors.outputs) emitter.copyTo(name, nameOf(names, value));
  const typed = ({ name, value }: { name: string; value: Value }) => ({ name, type: value.type });
  return emitter.model(tensors.name, tensors.inputs.map(typed), tensors.outputs.map(typed));
}

function nameOf(names: ReadonlyMap<Value, string>, value: Value): string {
  const name = names.get(value);
  if (name === undefined) throw new Error(`${value.node.operation.name} was used before it was computed`);
  return name;
}

function encodeAttribute(name: string, attribute: Attribute): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.LengthDelimited).string(name);
  if ("float" in attribute) {
    writer.tag(2, WireType.Bit32).float(attribute.float);
    writer.tag(20, WireType.Varint).int32(attributeTypes.float);
  } else if ("int" in attribute) {
    writer.tag(3, WireType.Varint).int64(attribute.int);
    writer.tag(20, WireType.Varint).int32(attributeTypes.int);
  } else {
    for (const value of attribute.ints) writer.tag(8, WireType.Varint).int64(value);
    writer.tag(20, WireType.Varint).int32(attributeTypes.ints);
  }
  return writer.finish();
}

function encodeValueInfo({ name, type }: NamedType): Uint8Array {
  const shape = new BinaryWriter();
  for (const size of type.shape) {
    shape.tag(1, WireType.LengthDelimited).bytes(new BinaryWriter().tag(1, WireType.Varint).int64(size).finish());
  }
  const tensor = new BinaryWriter().tag(1, WireType.Varint).int32(elementTypes[type.dataType]);
  tensor.tag(2, WireType.LengthDelimited).bytes(shape.finish());
  const typeProto = new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(tensor.finish());
  return new BinaryWriter()
    .tag(1, WireType.LengthDelimited)
    .string(name)
    .tag(2, WireType.LengthDelimited)
    .bytes(typeProto.finish())
    .finish();
}

function encodeOpset(domain: string, version: number): Uint8Array {
  return new BinaryWriter()
    .tag(1, WireType.LengthDelimited)
    .string(domain)
    .tag(2, WireType.Varint)
    .int64(version)
    .finish();
}
