/** The optimizer's own work on the 7.08 M weights of a BERT-base layer: an update, and a refresh of the selection. */
import { createNanoAdam } from "@nanoadam/optim";
import { measuredRow, type Round, type Row } from "./row.js";
import { type TorchPeer, torchStep } from "./step.js";

const entries = 12 * 768 * 768;
const layer = { layers: 1, hidden: 768, heads: 12, batch: 1, length: 8 };

/** PyTorch's fused AdamW per 7.08 M weights, from a step over a layer and its embeddings. */
function torchMilliseconds(torch: TorchPeer, threads: number): number {
  const trained = entries + (30_522 + 512) * 768;
  return (torchStep(torch, layer, { threads, steps: 10 }, "float32").optimizerMilliseconds * entries) / trained;
}

/** Rows of an update and of a refresh at several densities, against PyTorch's fused AdamW update of all weights. */
export function optimizerRows(options: {
  readonly rounds: number;
  readonly threads: number;
  readonly torch: TorchPeer | undefined;
}): Row[] {
  const { torch } = options;
  return [0.01, 0.04, 0.1].flatMap((density): Row[] => {
    const names = {
      update: `NanoAdam's update of ${100 * density} % of 7.08 M weights against PyTorch's fused AdamW`,
      refresh: `a selection of ${100 * density} % of 7.08 M weights against PyTorch's fused AdamW`,
    };
    if (torch === undefined) {
      const absent = "there is no PyTorch here (--torch, --shared)";
      return [
        { name: names.update, absent },
        { name: names.refresh, absent },
      ];
    }
    const values = Float32Array.from({ length: entries }, (_, index) => Math.sin(index + 1));
    const rounds: { readonly update: Round; readonly refresh: Round }[] = [];
    for (let round = 0; round <= options.rounds; round++) {
      const parameters = [{ name: "weight", shape: [entries], values }];
      const optimizer = createNanoAdam({ parameters, density, maskInterval: 2, totalSteps: 100 });
      const timed = (work: () => void): number => {
        const started = performance.now();
        work();
        return performance.now() - started;
      };
      optimizer.prepare();
      const need = optimizer.need("weight");
      if (need.kind !== "entries") throw new Error("expected a selection");
      const gradients = new Map([["weight", new Float32Array(need.selection.count).fill(1e-3)]]);
      const step = () => {
        optimizer.prepare();
        optimizer.apply(gradients, 1e-5);
      };
      step();
      const update = timed(step);
      const refresh = timed(() => optimizer.prepare());
      const peer = torchMilliseconds(torch, options.threads);
      if (round > 0) rounds.push({ update: { ours: update, peer }, refresh: { ours: refresh, peer } });
    }
    const meaning = { unit: "ms", ratioMeans: "times as fast" };
    return [
      measuredRow(
        { name: names.update, ...meaning },
        rounds.map(({ update }) => update),
      ),
      measuredRow(
        { name: names.refresh, ...meaning },
        rounds.map(({ refresh }) => refresh),
      ),
    ];
  });
}
