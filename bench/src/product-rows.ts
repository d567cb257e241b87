/**
 * The matrix product that a step is made of (1,024 tokens through a 768 x 3,072 layer): ONNX Runtime's in float32 against
 * PyTorch's in float32 and in bfloat16. The last row is what a processor with bfloat16 products would bring if ONNX Runtime's CPU
 * engine had them.
 */
import { boundProduct } from "./bound-product.js";
import { outputOf } from "./child-process.js";
import { measuredRow, median, type Row } from "./row.js";
import type { TorchPeer } from "./step.js";

const [tokens, inputs, outputs] = [1024, 768, 3072];
const repetitions = 40;

/** Prints the median milliseconds of a product of `argv[2]` numbers on `argv[1]` threads. */
const torchScript = `
import statistics, sys, time, torch
torch.set_num_threads(int(sys.argv[1]))
kind = getattr(torch, sys.argv[2])
x, w = torch.randn(${tokens}, ${inputs}).to(kind), torch.randn(${outputs}, ${inputs}).to(kind)
times = []
for _ in range(${repetitions}):
    started = time.perf_counter()
    torch.nn.functional.linear(x, w)
    times.append(time.perf_counter() - started)
print(statistics.median(times) * 1000)
`;

function torchMilliseconds({ python }: TorchPeer, threads: number, kind: "float32" | "bfloat16"): number {
  return Number(outputOf(python, ["-c", torchScript, String(threads), kind]));
}

/** A row for each of PyTorch's types. */
export async function productRows({
  rounds,
  threads,
  torch,
}: {
  readonly rounds: number;
  readonly threads: number;
  readonly torch: TorchPeer | undefined;
}): Promise<Row[]> {
  const title = (kind: string) => `product of 1,024 x 768 and 768 x 3,072 in float32 against PyTorch's in ${kind}`;
  const kinds = ["float32", "bfloat16"] as const;
  if (torch === undefined) {
    return kinds.map((kind) => ({ name: title(kind), absent: "there is no PyTorch here (--torch, --shared)" }));
  }
  const sides = [
    [tokens, inputs],
    [outputs, inputs],
  ] as const;
  const { run, release } = await boundProduct(sides, { transposeB: true }, threads);
  const ourMilliseconds = async () => {
    const times: number[] = [];
    for (let repetition = 0; repetition < repetitions; repetition++) {
      const started = performance.now();
      await run();
      times.push(performance.now() - started);
    }
    return median(times);
  };
  const rows: Row[] = [];
  for (const kind of kinds) {
    const measured = [];
    for (let round = 0; round < rounds; round++) {
      const peer = torchMilliseconds(torch, threads, kind);
      measured.push({ ours: await ourMilliseconds(), peer });
    }
    rows.push(measuredRow({ name: title(kind), unit: "ms", ratioMeans: "times as fast" }, measured));
  }
  await release();
  return rows;
}
