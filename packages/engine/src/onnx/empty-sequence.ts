import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { elementTypes } from "../graph/lowering.js";
import { joinBytes } from "./join-bytes.js";

/**
 * The model with a further output before all others: an empty sequence of tensors. Protocol buffers merge a message that
 * comes twice, so the addition is put in front of the unchanged model.
 */
export function withEmptySequence(model: Uint8Array, name: string): Uint8Array {
  const message = () => new BinaryWriter();
  const node = message().tag(2, WireType.LengthDelimited).string(name);
  node.tag(4, WireType.LengthDelimited).string("SequenceEmpty");
  const element = message().tag(1, WireType.Varint).int32(elementTypes.float32).finish();
  const elementType = message().tag(1, WireType.LengthDelimited).bytes(element).finish();
  const sequence = message().tag(1, WireType.LengthDelimited).bytes(elementType).finish();
  const type = message().tag(4, WireType.LengthDelimited).bytes(sequence).finish();
  const output = message().tag(1, WireType.LengthDelimited).string(name);
  output.tag(2, WireType.LengthDelimited).bytes(type);
  const graph = message().tag(1, WireType.LengthDelimited).bytes(node.finish());
  graph.tag(12, WireType.LengthDelimited).bytes(output.finish());
  const addition = message().tag(7, WireType.LengthDelimited).bytes(graph.finish()).finish();
  return joinBytes([addition, model]);
}
