/** What an optimizer holds of each tensor of a model, found out from optimizers over one tensor at a time. */
import { sizeOf } from "@nanoadam/engine";
import type { GradientNeed } from "@nanoadam/optim";
import type { ParameterSpecification } from "../models/parameters.js";
import type { OptimizerContext, RunLength } from "../options/optimizer-entry.js";
import type { OptimizerOptions } from "../options/optimizer-options.js";
import { optimizers } from "../options/optimizers.js";

/** A parameter as an estimate knows it. */
export interface EstimatedParameter extends ParameterSpecification {
  readonly isFresh: boolean;
  readonly isTrained: boolean;
  readonly isInBfloat16: boolean;
}

/** What a tensor's update takes. */
export interface TensorCost {
  readonly stateBytes: number;
  /** What is needed of its gradient; of a selection, only its numbers count. */
  readonly need: GradientNeed;
}

/** Tables larger than this are estimated by a part of their rows: what is held grows with the rows. */
const mostEntries = 2 ** 22;

const untrained: TensorCost = { stateBytes: 0, need: { kind: "nothing" } };

/** What each tensor's update takes, by its name. Tensors of one kind take the same, so one of each kind is looked at. */
export function optimizerCosts(
  options: OptimizerOptions,
  parameters: readonly EstimatedParameter[],
  length: RunLength,
): ReadonlyMap<string, TensorCost> {
  const known = new Map<string, TensorCost>();
  return new Map(
    parameters.map((parameter) => {
      const { name, shape, role, isFresh, isTrained, isInBfloat16 } = parameter;
      if (!isTrained) return [name, untrained] as const;
      const key = `${role} ${shape} ${isFresh} ${isInBfloat16}`;
      const cost = known.get(key) ?? costOf(options, parameter, length);
      known.set(key, cost);
      return [name, cost] as const;
    }),
  );
}

function costOf(options: OptimizerOptions, parameter: EstimatedParameter, length: RunLength): TensorCost {
  const { name, shape, role, isFresh, isInBfloat16 } = parameter;
  const [rows = 1, ...row] = shape;
  const isTable = (role === "embedding" || role === "head") && sizeOf(shape) > mostEntries;
  const taken = isTable ? Math.max(1, Math.floor(mostEntries / sizeOf(row))) : rows;
  const size = taken * sizeOf(row);
  const values = isInBfloat16 ? new Uint16Array(size) : new Float32Array(size);
  const one = { name, shape: shape.length === 0 ? [] : [taken, ...row], values, role, isFresh };
  const context: OptimizerContext = { parameters: [one], length, seed: 0 };
  const optimizer = optimizers[options.optimizer].create(options, context);
  optimizer.prepare();
  return {
    stateBytes: (optimizer.stateBytes() * rows) / taken,
    need: withoutEntries(optimizer.need(name), rows / taken),
  };
}

/** A selection's numbers: its entries are as many bytes again, and nobody asks for them. */
function withoutEntries(need: GradientNeed, times: number): GradientNeed {
  if (need.kind !== "entries") return need;
  const { length, chunkSize, count, starts } = need.selection;
  return {
    ...need,
    selection: {
      length: Math.round(length * times),
      chunkSize,
      count: Math.round(count * times),
      starts: new Uint32Array(Math.round((starts.length - 1) * times) + 1),
      offsets: new Uint16Array(),
    },
  };
}
