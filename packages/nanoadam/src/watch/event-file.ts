/**
 * TensorBoard's event files: records framed as TFRecord (TensorFlow's `record_writer.h`), each the protocol-buffer message `Event`
 * (`event.proto`, `summary.proto`).
 */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import crc32c from "crc-32/crc32c.js";

/** One number of a step. */
export interface Scalar {
  readonly tag: string;
  readonly value: number;
}

/** What all events have. */
export interface EventPlace {
  /** In milliseconds since 1970. */
  readonly time: number;
  readonly step: number;
}

/** The first event of a file, by which readers know its form. */
export function versionEvent(time: number): Uint8Array {
  return record(event({ time, step: 0 }).tag(3, WireType.LengthDelimited).string("brain.Event:2"));
}

/** Numbers of one step. */
export function scalarEvent(place: EventPlace, scalars: readonly Scalar[]): Uint8Array {
  const summary = new BinaryWriter();
  for (const { tag, value } of scalars) {
    const written = new BinaryWriter().tag(1, WireType.LengthDelimited).string(tag).tag(2, WireType.Bit32).float(value);
    summary.tag(1, WireType.LengthDelimited).bytes(written.finish());
  }
  return record(event(place).tag(5, WireType.LengthDelimited).bytes(summary.finish()));
}

/** A text, which TensorBoard shows as Markdown. */
export function textEvent(place: EventPlace, tag: string, text: string): Uint8Array {
  const plugin = new BinaryWriter().tag(1, WireType.LengthDelimited).string("text");
  const metadata = new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(plugin.finish());
  const dimension = new BinaryWriter().tag(1, WireType.Varint).int64(1);
  const shape = new BinaryWriter().tag(2, WireType.LengthDelimited).bytes(dimension.finish());
  const tensor = new BinaryWriter()
    .tag(1, WireType.Varint)
    .int32(stringType)
    .tag(2, WireType.LengthDelimited)
    .bytes(shape.finish())
    .tag(8, WireType.LengthDelimited)
    .string(text);
  const value = new BinaryWriter()
    .tag(1, WireType.LengthDelimited)
    .string(tag)
    .tag(9, WireType.LengthDelimited)
    .bytes(metadata.finish())
    .tag(8, WireType.LengthDelimited)
    .bytes(tensor.finish());
  const summary = new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(value.finish());
  return record(event(place).tag(5, WireType.LengthDelimited).bytes(summary.finish()));
}

/** `DT_STRING`. */
const stringType = 7;

function event({ time, step }: EventPlace): BinaryWriter {
  return new BinaryWriter()
    .tag(1, WireType.Bit64)
    .double(time / 1000)
    .tag(2, WireType.Varint)
    .int64(step);
}

/** The length in 8 bytes and its checksum, the message and its checksum; numbers are little-endian. */
function record(message: BinaryWriter): Uint8Array {
  const content = message.finish();
  const framed = new Uint8Array(content.length + 16);
  const view = new DataView(framed.buffer);
  view.setBigUint64(0, BigInt(content.length), true);
  view.setUint32(8, maskedChecksum(framed.subarray(0, 8)), true);
  framed.set(content, 12);
  view.setUint32(12 + content.length, maskedChecksum(content), true);
  return framed;
}

/** CRC-32C, rotated and shifted, so that checksums of data that hold checksums stay good. */
function maskedChecksum(bytes: Uint8Array): number {
  const checksum = crc32c.buf(bytes) >>> 0;
  return (((checksum >>> 15) | (checksum << 17)) + 0xa282ead8) >>> 0;
}
