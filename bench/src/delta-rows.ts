/** What a fine-tuning at 1 % takes beside its base, and how long it takes to write that and to rebuild the folder. */
import { existsSync, statSync } from "node:fs";
import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { applyDelta, openCheckpoint, writeDelta, writeSafetensors } from "nanoadam";
import { withModelFolder } from "./model-folder.js";
import { median, type Row } from "./row.js";

const bertBase = { layers: 12, hidden: 768, heads: 12, batch: 1, length: 1 };
const density = 0.01;

/** Random numbers of a fixed seed (Park and Miller 1988). */
function numbers(): () => number {
  let state = 42;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

/** Writes a copy of a checkpoint in which the smallest weights of each tensor are moved, as NanoAdam does. */
async function writeMoved(base: string, folder: string): Promise<void> {
  await cp(base, folder, { recursive: true });
  const checkpoint = await openCheckpoint(base);
  const random = numbers();
  const tensors = [...checkpoint.entries.values()].map(({ name, shape, dtype }) => ({
    name,
    shape,
    dtype: dtype === "BF16" ? ("BF16" as const) : ("F32" as const),
    async values() {
      const values = await checkpoint.readFloat32(name);
      const magnitudes = values.map(Math.abs).sort();
      const limit = magnitudes[Math.ceil(density * values.length) - 1] ?? 0;
      let left = Math.ceil(density * values.length);
      for (let i = 0; i < values.length && left > 0; i++) {
        const value = values[i] ?? 0;
        if (Math.abs(value) > limit) continue;
        values[i] = value + 2e-3 * (random() - 0.5);
        left--;
      }
      return values;
    },
  }));
  await writeSafetensors(join(folder, "model.safetensors"), tensors);
  await checkpoint.close();
}

export async function deltaRows({ rounds }: { readonly rounds: number }): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [format, dtype] of [
    ["float32", "F32"],
    ["bfloat16", "BF16"],
  ] as const) {
    rows.push(
      ...(await withModelFolder(
        bertBase,
        async (folder): Promise<Row[]> => {
          const [base, model] = [join(folder, "model"), join(folder, "moved")];
          const [output, rebuilt] = [join(folder, "delta.safetensors"), join(folder, "rebuilt")];
          await writeMoved(base, model);
          const [writing, applying]: [number[], number[]] = [[], []];
          for (let round = 0; round < rounds; round++) {
            const begun = performance.now();
            await writeDelta({ model, base, output, overwrite: true });
            writing.push(performance.now() - begun);
            const written = performance.now();
            if (existsSync(rebuilt)) await rm(rebuilt, { recursive: true });
            await applyDelta({ base, delta: output, output: rebuilt });
            applying.push(performance.now() - written);
          }
          const megabytes = statSync(output).size / 1e6;
          const whole = statSync(join(model, "model.safetensors")).size / 1e6;
          const name = `BERT-base in ${format}, 1 % changed: delta`;
          const seconds = { writing: median(writing) / 1e3, applying: median(applying) / 1e3 };
          return [{ name, value: megabytes, unit: "MB", parts: { "MB of the model": whole, ...seconds } }];
        },
        dtype,
      )),
    );
  }
  return rows;
}
