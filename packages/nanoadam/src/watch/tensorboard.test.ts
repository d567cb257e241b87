/** Event files, read back by a reader that has nothing in common with the writer. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { pythonHas, runPython } from "../testing/python.js";
import { expectRefusal } from "../testing/refusal.js";
import { interruptedRun } from "../testing/resumed-run.js";
import { tinyInput, tinyPlace, tinyRun } from "../testing/tiny-run.js";
import type { EvaluationRecord, StepRecord } from "../train/observer.js";

/** CRC-32C, bit by bit. */
function crc32c(bytes: Uint8Array): number {
  let rest = 0xffffffff;
  for (const byte of bytes) {
    rest ^= byte;
    for (let bit = 0; bit < 8; bit++) rest = (rest & 1) === 1 ? (rest >>> 1) ^ 0x82f63b78 : rest >>> 1;
  }
  return (rest ^ 0xffffffff) >>> 0;
}

function masked(bytes: Uint8Array): number {
  const checksum = crc32c(bytes);
  return (((checksum >>> 15) | (checksum << 17)) + 0xa282ead8) >>> 0;
}

/** The messages of a file of records, whose checksums have to be right. */
function recordsOf(file: Buffer): Buffer[] {
  const records: Buffer[] = [];
  for (let place = 0; place < file.length; ) {
    const length = Number(file.readBigUInt64LE(place));
    expect(file.readUInt32LE(place + 8)).toBe(masked(file.subarray(place, place + 8)));
    const content = file.subarray(place + 12, place + 12 + length);
    expect(file.readUInt32LE(place + 12 + length)).toBe(masked(content));
    records.push(content);
    place += length + 16;
  }
  return records;
}

type Field = { readonly number: number; readonly value: number | Buffer };

/** The fields of a protocol-buffer message. */
function fieldsOf(message: Buffer): Field[] {
  const fields: Field[] = [];
  let place = 0;
  const varint = () => {
    let [value, shift] = [0, 0];
    for (;;) {
      const byte = message.readUInt8(place++);
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
      shift += 7;
    }
  };
  while (place < message.length) {
    const tag = varint();
    const [number, wire] = [tag >> 3, tag & 7];
    if (wire === 0) fields.push({ number, value: varint() });
    else if (wire === 1) fields.push({ number, value: message.readDoubleLE(place) });
    else if (wire === 5) fields.push({ number, value: message.readFloatLE(place) });
    else {
      const length = varint();
      fields.push({ number, value: message.subarray(place, place + length) });
      place += length;
    }
    place += wire === 1 ? 8 : wire === 5 ? 4 : 0;
  }
  return fields;
}

const field = (message: Buffer, number: number) => fieldsOf(message).find((each) => each.number === number)?.value;

/** Every scalar by its tag: steps and values. */
function scalarsOf(records: readonly Buffer[]): Map<string, [step: number, value: number][]> {
  const scalars = new Map<string, [number, number][]>();
  for (const record of records) {
    const summary = field(record, 5);
    if (!Buffer.isBuffer(summary)) continue;
    for (const { value } of fieldsOf(summary)) {
      const number = Buffer.isBuffer(value) ? field(value, 2) : undefined;
      if (typeof number !== "number" || !Buffer.isBuffer(value)) continue;
      const tag = String(field(value, 1));
      scalars.set(tag, [...(scalars.get(tag) ?? []), [Number(field(record, 2) ?? 0), number]]);
    }
  }
  return scalars;
}

test("a run's event file has its steps and evaluations under the names that transformers' Trainer gives them", async () => {
  const place = await tinyPlace();
  const folder = join(place.folder, "logs", "one");
  const { steps, evaluations } = await tinyRun({ tensorboard: folder, steps: 4, logEvery: 1, evalEvery: 2 }, place);
  const [name = ""] = await readdir(folder);
  expect(name).toMatch(/^events\.out\.tfevents\.\d{10}\./);
  const records = recordsOf(await readFile(join(folder, name)));
  expect(String(field(records[0] ?? Buffer.alloc(0), 3))).toBe("brain.Event:2");
  const scalars = scalarsOf(records);
  const single = ([step, value]: readonly [number, number | undefined]) => [step, Math.fround(value ?? Number.NaN)];
  const expected = {
    "train/loss": steps.map(({ step, loss }) => [step, loss] as const),
    "train/grad_norm": steps.map(({ step, gradientNorm }) => [step, gradientNorm] as const),
    "train/learning_rate": steps.map(({ step, learningRate }) => [step, learningRate] as const),
    "train/density": steps.map(({ step, density }) => [step, density] as const),
    "train/epoch": steps.map(({ step, epoch }) => [step, epoch] as const),
    "train/samples_per_second": steps.map(({ step, examplesPerSecond }) => [step, examplesPerSecond] as const),
    "train/changed_share": evaluations.map(({ step, changedShare }) => [step, changedShare] as const),
    "eval/loss": evaluations.map((each) => [each.step, each.eval.loss] as const),
    "eval/accuracy": evaluations.map((each) => [each.step, each.eval.accuracy] as const),
  };
  for (const [tag, values] of Object.entries(expected)) expect(scalars.get(tag), tag).toEqual(values.map(single));
  expect(records.some((record) => record.includes("args") && record.includes('"optimizer": "nanoadam"'))).toBe(true);
});

const readByTensorBoard = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1])
events.Reload()
scalars = {tag: [[each.step, each.value] for each in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
texts = {tag: events.Tensors(tag)[0].tensor_proto.string_val[0].decode() for tag in events.Tags()["tensors"]}
print(json.dumps({"scalars": scalars, "texts": texts}))
`;

test.skipIf(!pythonHas("tensorboard"))(
  "TensorBoard itself reads it, and of a run that went on one curve (needs PEER_HF)",
  async () => {
    const place = await tinyPlace();
    const tensorboard = join(place.folder, "logs");
    const input = tinyInput(place, { tensorboard, steps: 8, logEvery: 1, evalEvery: 2 });
    await interruptedRun(input, [3, 6]);
    const lines = (await readFile(join(input.output, "metrics.jsonl"), "utf8")).trimEnd().split("\n");
    const records = lines.map((line) => JSON.parse(line) as Partial<StepRecord & EvaluationRecord>);
    const { scalars, texts } = JSON.parse(await runPython(readByTensorBoard, [tensorboard])) as {
      readonly scalars: Readonly<Record<string, readonly [number, number][]>>;
      readonly texts: Readonly<Record<string, string>>;
    };
    const curve = (value: (record: (typeof records)[number]) => number | undefined) =>
      records.flatMap((record) => {
        const number = value(record);
        return number === undefined ? [] : [[record.step, Math.fround(number)]];
      });
    expect(scalars["train/loss"]).toEqual(curve(({ loss }) => loss));
    expect(scalars["train/grad_norm"]).toEqual(curve(({ gradientNorm }) => gradientNorm));
    expect(scalars["train/density"]).toEqual(curve(({ density }) => density));
    expect(scalars["train/changed_share"]).toEqual(curve(({ changedShare }) => changedShare));
    expect(scalars["eval/accuracy"]).toEqual(curve((record) => record.eval?.accuracy));
    expect(Object.values(texts).join()).toContain('"optimizer": "nanoadam"');
  },
);

test("a folder that cannot be written is refused before the first step", async () => {
  const place = await tinyPlace();
  await expectRefusal(tinyRun({ tensorboard: join(place.train, "logs") }, place), "`tensorboard`", place.train);
});
