/**
 * The messages of ONNX. The field numbers are those of onnx.proto3; only the dozen that a plain graph of typed tensors needs are
 * written, with the wire writer of @bufbuild/protobuf.
 */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { type Attribute, contributedDomain, elementTypes } from "../graph/lowering.js";
import type { Shape } from "../graph/types.js";

const opsetVersion = 20;
const irVersion = 10;
const producer = "nanoadam";
const attributeTypes = { float: 1, int: 2, string: 3, ints: 7 };

export type ElementType = keyof typeof elementTypes;

export interface OnnxNode {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
  readonly domain: string | undefined;
}

/** An input or output of the graph; a size that is known later has a name. */
export interface OnnxValue {
  readonly name: string;
  readonly elementType: ElementType;
  readonly shape: readonly (number | string)[];
}

/** A tensor that is a part of the graph, its entries in the file or, from an offset on, in another one. */
export interface OnnxTensor {
  readonly name: string;
  readonly elementType: ElementType;
  readonly shape: Shape;
}

const message = () => new BinaryWriter();

function submessage(writer: BinaryWriter, field: number, bytes: Uint8Array): BinaryWriter {
  return writer.tag(field, WireType.LengthDelimited).bytes(bytes);
}

/** What stands around a graph whose bytes are as long as told: they follow the first part, and the second one ends the model. */
export function encodeModelAround(graphLength: number): { readonly before: Uint8Array; readonly after: Uint8Array } {
  const before = message().tag(1, WireType.Varint).int64(irVersion);
  before.tag(2, WireType.LengthDelimited).string(producer);
  before.tag(7, WireType.LengthDelimited).uint32(graphLength);
  const after = submessage(message(), 8, encodeOpset("", opsetVersion));
  submessage(after, 8, encodeOpset(contributedDomain, 1));
  return { before: before.finish(), after: after.finish() };
}

/** A graph but for its tensors, which may be anywhere beside these fields. */
export function encodeGraph(
  name: string,
  nodes: readonly OnnxNode[],
  inputs: readonly OnnxValue[],
  outputs: readonly OnnxValue[],
): { readonly nodes: Uint8Array; readonly values: Uint8Array } {
  const first = message();
  for (const node of nodes) submessage(first, 1, encodeNode(node));
  first.tag(2, WireType.LengthDelimited).string(name);
  const last = message();
  for (const value of inputs) submessage(last, 11, encodeValue(value));
  for (const value of outputs) submessage(last, 12, encodeValue(value));
  return { nodes: first.finish(), values: last.finish() };
}

/** A graph's tensor with all that it needs before its bytes, which are as many as told and follow. */
export function encodeTensorBefore(tensor: OnnxTensor, length: number): Uint8Array {
  const own = encodeTensorType(tensor);
  own.tag(9, WireType.LengthDelimited).uint32(length);
  const bytes = own.finish();
  return message()
    .tag(5, WireType.LengthDelimited)
    .uint32(bytes.length + length)
    .raw(bytes)
    .finish();
}

/** A graph's tensor whose bytes lie in another file. */
export function encodeTensorElsewhere(tensor: OnnxTensor, file: string, offset: number, length: number): Uint8Array {
  const own = encodeTensorType(tensor);
  const entries = { location: file, offset: String(offset), length: String(length) };
  for (const [key, value] of Object.entries(entries)) {
    const entry = message().tag(1, WireType.LengthDelimited).string(key);
    submessage(own, 13, entry.tag(2, WireType.LengthDelimited).string(value).finish());
  }
  return submessage(message(), 5, own.tag(14, WireType.Varint).int32(1).finish()).finish();
}

function encodeTensorType({ name, elementType, shape }: OnnxTensor): BinaryWriter {
  const writer = message();
  for (const size of shape) writer.tag(1, WireType.Varint).int64(size);
  writer.tag(2, WireType.Varint).int32(elementTypes[elementType]);
  return writer.tag(8, WireType.LengthDelimited).string(name);
}

function encodeNode(node: OnnxNode): Uint8Array {
  const writer = message();
  for (const tensor of node.inputs) writer.tag(1, WireType.LengthDelimited).string(tensor);
  for (const tensor of node.outputs) writer.tag(2, WireType.LengthDelimited).string(tensor);
  writer.tag(4, WireType.LengthDelimited).string(node.operator);
  for (const [name, attribute] of Object.entries(node.attributes))
    submessage(writer, 5, encodeAttribute(name, attribute));
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

function encodeValue({ name, elementType, shape: sizes }: OnnxValue): Uint8Array {
  const shape = message();
  for (const size of sizes) {
    const dimension = message();
    if (typeof size === "number") dimension.tag(1, WireType.Varint).int64(size);
    else dimension.tag(2, WireType.LengthDelimited).string(size);
    submessage(shape, 1, dimension.finish());
  }
  const tensor = message().tag(1, WireType.Varint).int32(elementTypes[elementType]);
  submessage(tensor, 2, shape.finish());
  const type = submessage(message(), 1, tensor.finish()).finish();
  return submessage(message().tag(1, WireType.LengthDelimited).string(name), 2, type).finish();
}

function encodeOpset(domain: string, version: number): Uint8Array {
  return message().tag(1, WireType.LengthDelimited).string(domain).tag(2, WireType.Varint).int64(version).finish();
}
