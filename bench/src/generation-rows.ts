/** Greedy generation with the cache, ours and transformers': the time of a token after the first, and of a prompt. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadTextGenerator } from "nanoadam";
import { outputOf } from "./child-process.js";
import { type DecoderShape, withDecoderFolder } from "./decoder-folder.js";
import { type FigureRow, measuredRow, median, type Row } from "./row.js";

const shapes: Readonly<Record<string, DecoderShape>> = {
  "5 layers, 64 wide": { layers: 5, hidden: 64, heads: 8, keyHeads: 4, feedForward: 172, vocabulary: 30_522 },
  "SmolLM2-135M": { layers: 30, hidden: 576, heads: 9, keyHeads: 3, feedForward: 1536, vocabulary: 49_152 },
};

const newTokens = 64;
const script = fileURLToPath(new URL("../peers/transformers_generate.py", import.meta.url));
const prompt = "the film was good ".repeat(16).trim();
const dtypes = ["float32", "bfloat16"] as const;

interface Pace {
  readonly millisecondsPerToken: number;
  readonly promptMilliseconds: number;
}

export interface GenerationSettings {
  readonly rounds: number;
  readonly threads: number;
  /** A Python that has PyTorch and transformers. */
  readonly python: string | undefined;
}

export async function generationRows({ rounds, threads, python }: GenerationSettings): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [name, shape] of Object.entries(shapes)) {
    await withDecoderFolder(shape, async (folder) => {
      const model = join(folder, "model");
      for (const dtype of dtypes) {
        const measured: { readonly ours: Pace; readonly peer: Pace | undefined }[] = [];
        for (let round = 0; round < rounds; round++) {
          const { pace, promptTokens } = await ourPace(model, dtype, threads);
          const arguments_ = [script, model, promptTokens, newTokens, threads, dtype].map(String);
          const peer = python === undefined ? undefined : (JSON.parse(outputOf(python, arguments_)) as Pace);
          measured.push({ ours: pace, peer });
        }
        rows.push(...rowsOf(`${name}, ${dtype}`, measured));
      }
    });
  }
  return rows;
}

function rowsOf(name: string, measured: readonly { readonly ours: Pace; readonly peer: Pace | undefined }[]): Row[] {
  return (["millisecondsPerToken", "promptMilliseconds"] as const).map((figure): Row => {
    const title = `${name}: ${figure === "millisecondsPerToken" ? "a token" : "the prompt"}`;
    const pairs = measured.flatMap(({ ours, peer }) =>
      peer === undefined ? [] : [{ ours: ours[figure], peer: peer[figure] }],
    );
    if (pairs.length > 0) return measuredRow({ name: title, unit: "ms", ratioMeans: "times as fast" }, pairs);
    return { name: title, value: median(measured.map(({ ours }) => ours[figure])), unit: "ms" } satisfies FigureRow;
  });
}

/** Ours, the programs compiled beforehand. */
async function ourPace(folder: string, weights: (typeof dtypes)[number], threads: number) {
  const writer = await loadTextGenerator(folder, { weights, threads });
  try {
    let times: number[] = [];
    for (let run = 0; run < 2; run++) {
      times = [performance.now()];
      for await (const _ of writer.generate(prompt, { maxNewTokens: newTokens })) times.push(performance.now());
    }
    const [started = 0, first = 0] = times;
    const millisecondsPerToken = ((times.at(-1) ?? 0) - first) / (times.length - 2);
    const pace: Pace = { millisecondsPerToken, promptMilliseconds: first - started };
    return { pace, promptTokens: writer.encode(prompt).length };
  } finally {
    await writer.close();
  }
}
