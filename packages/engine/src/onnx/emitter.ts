import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { type Attribute, contributedDomain, type EmitOptions, type Emitter, elementTypes } from "../graph/lowering.js";
import type { DataType, Shape, TensorType } from "../graph/types.js";

/**
 * Writes a function as an ONNX model. The field numbers are those of onnx.proto3; only the dozen messages that a
 * plain graph of typed tensors needs are written, with the wire writer of @bufbuild/protobuf.
 */

const opsetVersion = 20;
const irVersion = 10;
const producer = "nanoadam";
const attributeTypes = { float: 1, int: 2, string: 3, ints: 7 };

interface OnnxNode {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
  readonly domain: string | undefined;
}

/** Collects the nodes and constants of one ONNX graph, in the order of evaluation. */
export class OnnxEmitter implements Emitter {
  readonly #nodes: OnnxNode[] = [];
  readonly #initializers: Uint8Array[] = [];
  readonly #constants = new Map<string, string>();
  #names = 0;

  emit(operator: string, inputs: readonly string[], options: EmitOptions = {}): string {
    const [first] = this.emitSeveral(operator, inputs, options);
    if (first === undefined) throw new Error(`${operator} was emitted without outputs`);
    return first;
  }

  emitSeveral(operator: string, inputs: readonly string[], options: EmitOptions = {}): string[] {
    const outputs = Array.from({ length: options.outputs ?? 1 }, () => `v${this.#names++}`);
    this.#nodes.push({ operator, inputs, outputs, attributes: options.attributes ?? {}, domain: options.domain });
    return outputs;
  }

  floats(values: number | readonly number[], shape: Shape = typeof values === "number" ? [] : [values.length]): string {
    const data = Float32Array.from(typeof values === "number" ? [values] : values);
    return this.#constant("float32", shape, new Uint8Array(data.buffer));
  }

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

  /**
   * The whole model. `results` says which computed tensor each output is; a tensor that is an input, or an output
   * already, is copied.
   */
  model(
    name: string,
    inputs: readonly NamedType[],
    outputs: readonly NamedType[],
    results: readonly string[],
  ): Uint8Array {
    const renamed = new Map<string, string>();
    const copies: OnnxNode[] = [];
    const computed = new Set(this.#nodes.flatMap((node) => node.outputs));
    outputs.forEach((output, index) => {
      const result = results[index] ?? output.name;
      if (computed.has(result) && !renamed.has(result)) renamed.set(result, output.name);
      else
        copies.push({
          operator: "Identity",
          inputs: [result],
          outputs: [output.name],
          attributes: {},
          domain: undefined,
        });
    });
    const graph = new BinaryWriter();
    for (const node of [...this.#nodes, ...copies]) {
      graph.tag(1, WireType.LengthDelimited).bytes(encodeNode(node, (tensor) => renamed.get(tensor) ?? tensor));
    }
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
}

export interface NamedType {
  readonly name: string;
  readonly type: TensorType;
}

function encodeNode(node: OnnxNode, rename: (tensor: string) => string): Uint8Array {
  const writer = new BinaryWriter();
  for (const tensor of node.inputs) writer.tag(1, WireType.LengthDelimited).string(rename(tensor));
  for (const tensor of node.outputs) writer.tag(2, WireType.LengthDelimited).string(rename(tensor));
  writer.tag(4, WireType.LengthDelimited).string(node.operator);
  for (const [name, attribute] of Object.entries(node.attributes)) {
    writer.tag(5, WireType.LengthDelimited).bytes(encodeAttribute(name, attribute));
  }
  if (node.domain !== undefined) writer.tag(7, WireType.LengthDelimited).string(node.domain);
  return writer.finish();
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
  } else if ("string" in attribute) {
    writer.tag(4, WireType.LengthDelimited).string(attribute.string);
    writer.tag(20, WireType.Varint).int32(attributeTypes.string);
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
