import { join } from "node:path";
import type { WeightArray } from "@nanoadam/optim";
import { describe, expect, test } from "vitest";
import { type Checkpoint, openCheckpoint } from "../checkpoint/checkpoint.js";
import { asFloat32, narrowToBfloat16 } from "../checkpoint/floats.js";
import { loadPretrained, type Pretrained } from "../checkpoint/pretrained.js";
import { withLora } from "../models/lora.js";
import type { Model } from "../models/model.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { floatsOf } from "../testing/tensors.js";
import { type TinyCheckpointOptions, writeTinyCheckpoint } from "../testing/tiny-checkpoint.js";
import { tinyPlace, tinyRun, weightsOf } from "../testing/tiny-run.js";
import { measureChange } from "./weight-shift.js";

const seed = 3;
const query = "bert.encoder.layer.1.attention.self.query";
const words = "bert.embeddings.word_embeddings.weight";

/** Calls `work` with a tiny BERT and its checkpoint, which lacks the head. */
async function withModel(
  options: TinyCheckpointOptions & { readonly adapt?: (model: Model) => Model },
  work: (checkpoint: Checkpoint, pretrained: Pretrained) => Promise<void>,
): Promise<void> {
  const { adapt, ...tiny } = options;
  const checkpoint = await openCheckpoint(await writeTinyCheckpoint(join(await temporaryFolder(), "model"), tiny));
  const head = { kind: "outputs", per: "example", outputs: 2 } as const;
  const pretrained = await loadPretrained(checkpoint, head, seed, adapt === undefined ? {} : { adapt });
  await work(checkpoint, pretrained).finally(() => checkpoint.close());
}

function toBfloat16(values: Float32Array): Uint16Array {
  const bits = new Uint16Array(values.length);
  narrowToBfloat16(values, bits);
  return bits;
}

const formats = [
  ["float32", (values: Float32Array): WeightArray => values],
  ["bfloat16", toBfloat16],
] as const;

/** The weights in a format. */
function held<Held extends WeightArray>({ weights }: Pretrained, hold: (values: Float32Array) => Held) {
  return new Map([...weights].map(([name, values]) => [name, hold(Float32Array.from(values))]));
}

function tensor(weights: ReadonlyMap<string, WeightArray>, name: string): WeightArray {
  const values = weights.get(name);
  if (values === undefined) throw new Error(`there is no ${name}`);
  return values;
}

test.each(formats)("nothing has changed just after loading as %s", async (_, hold) => {
  await withModel({}, async (checkpoint, pretrained) => {
    const weights = held(pretrained, hold);
    const found = await measureChange({ checkpoint, pretrained: { ...pretrained, weights }, lora: undefined, seed });
    expect(found).toMatchObject({ changed: 0, meanShift: 0 });
  });
});

test.each(formats)(
  "changed entries are counted, and the checkpoint's tensors' shifts averaged, in %s",
  async (_, hold) => {
    // More word embeddings than are compared at a time.
    await withModel({ vocabularySize: 70_000 }, async (checkpoint, pretrained) => {
      const weights = held(pretrained, hold);
      const move = (name: string, index: number): number => {
        const values = tensor(weights, name);
        const before = asFloat32(values.slice(index, index + 1), new Float32Array(1))[0] ?? 0;
        values.set(hold(Float32Array.of(before + 3)), index);
        return (asFloat32(values.slice(index, index + 1), new Float32Array(1))[0] ?? 0) - before;
      };
      const wordShift = Math.hypot(
        move(words, 0),
        move(words, 2 ** 20 - 1),
        move(words, 2 ** 20),
        move(words, 1_119_999),
      );
      const queryShift = Math.abs(move(`${query}.weight`, 5));
      move("classifier.weight", 1);
      const found = await measureChange({ checkpoint, pretrained: { ...pretrained, weights }, lora: undefined, seed });
      expect(found.changed).toBe(6);
      const start = (name: string) => pretrained.weights.get(name) ?? new Float32Array();
      expect(start(words).length).toBe(1_120_000);
      expect(found.meanShift).toBeCloseTo((wordShift + queryShift) / pretrained.sources.size, 5);
    });
  },
);

test.each(formats)("an adapter's product counts as its layer's shift, in %s", async (_, hold) => {
  const lora = { rank: 2, alpha: 3, dropout: 0, targets: [query] };
  await withModel({ adapt: (model) => withLora(model, lora) }, async (checkpoint, pretrained) => {
    const weights = held(pretrained, hold);
    tensor(weights, `${query}.lora_B.weight`).set(hold(new Float32Array(16 * 2).fill(0.5)));
    const down = tensor(weights, `${query}.lora_A.weight`);
    const wide = asFloat32(down, new Float32Array(down.length));
    const column = Array.from({ length: 16 }, (_, input) => 1.5 * 0.5 * ((wide[input] ?? 0) + (wide[16 + input] ?? 0)));
    const found = await measureChange({ checkpoint, pretrained: { ...pretrained, weights }, lora, seed });
    expect(found.changed).toBe(32);
    expect(found.meanShift).toBeCloseTo((4 * Math.hypot(...column)) / pretrained.sources.size, 6);
  });
});

describe("the mean shift of a summary", () => {
  test("is the mean l2 norm of what each of the checkpoint's tensors moved by", async () => {
    const place = await tinyPlace();
    const { folder, summary } = await tinyRun({}, place);
    const [before, after] = [await weightsOf(place.model), await weightsOf(folder)];
    const shifts = [...before].map(([name, tensor]) => {
      const written = after.get(name);
      if (written === undefined) throw new Error(`${name} was not written`);
      const start = floatsOf(tensor);
      return Math.hypot(...Array.from(floatsOf(written), (value, i) => value - (start[i] ?? 0)));
    });
    const mean = shifts.reduce((sum, shift) => sum + shift, 0) / shifts.length;
    expect(mean).toBeGreaterThan(0);
    expect(summary.parameters.meanShift).toBeCloseTo(mean, 8);
  });

  test("is 0 for a run that took no weights from the checkpoint", async () => {
    const { summary } = await tinyRun({ fromScratch: true });
    expect(summary.parameters.everChanged.count).toBeGreaterThan(0);
    expect(summary.parameters.meanShift).toBe(0);
  });
});
