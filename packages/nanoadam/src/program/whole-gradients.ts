/**
 * The whole gradients of one backward pass, handed out stage by stage: what a stage gives and no other adds to goes on at once, from the
 * memory that the next stage has it back from. A tensor that comes in pieces (rows of an embedding, columns of a head, or shares of
 * several stages, where it is tied) is put together first, and let go of when it is whole.
 */
import { sizeOf } from "@nanoadam/engine";
import type { Model } from "../models/model.js";
import type { ParameterSpecification } from "../models/parameters.js";
import type { ParameterGradient } from "./gradient-form.js";
import { PackedGradient, PartBuffer } from "./packed-gradient.js";

/** Takes gradients that are whole now, by parameter name; valid until it returns. */
export type WholeGradientReceiver = (gradients: ReadonlyMap<string, Float32Array>) => void;

export class WholeGradients {
  readonly #parameters: ReadonlyMap<string, ParameterSpecification>;
  /** Of each parameter, how many stages are still to give a share of its gradient. */
  readonly #left = new Map<string, number>();
  readonly #gathered = new Map<string, PackedGradient>();
  readonly #buffer = new PartBuffer();
  readonly #receive: WholeGradientReceiver;

  constructor({ stages, parameters }: Pick<Model, "stages" | "parameters">, receive: WholeGradientReceiver) {
    this.#parameters = new Map(parameters.map((parameter) => [parameter.name, parameter]));
    this.#receive = receive;
    for (const { parameters: ofStage } of stages) {
      for (const name of new Set(Object.values(ofStage).map((parameter) => parameter.name))) {
        this.#left.set(name, (this.#left.get(name) ?? 0) + 1);
      }
    }
  }

  /** Takes the gradients of a stage, or of a piece of it. */
  readonly add = (gradients: readonly ParameterGradient[]): void => {
    const whole = new Map<string, Float32Array>();
    const ofStage = new Map<string, ParameterGradient[]>();
    for (const gradient of gradients) {
      const { parameterName } = gradient;
      ofStage.set(parameterName, [...(ofStage.get(parameterName) ?? []), gradient]);
    }
    for (const [name, given] of ofStage) {
      const parameter = this.#parameters.get(name);
      if (parameter === undefined) continue;
      // The first rows come last.
      const left = (this.#left.get(name) ?? 1) - (given.some(({ firstRow = 0 }) => firstRow === 0) ? 1 : 0);
      this.#left.set(name, left);
      const parts = given.flatMap((each) => each.parts.map((part) => ({ part, firstRow: each.firstRow ?? 0 })));
      const [only] = parts;
      const isAtOnce = left === 0 && parts.length === 1 && !this.#gathered.has(name);
      if (isAtOnce && only?.part.form === "dense" && only.part.values.length === sizeOf(parameter.shape)) {
        whole.set(name, only.part.values);
        continue;
      }
      const gathered = this.#gathered.get(name) ?? new PackedGradient(parameter, { kind: "whole" }, this.#buffer);
      for (const { part, firstRow } of parts) {
        if (part.form === "product")
          throw new Error(`the gradient of ${name} came as factors, which were not asked for`);
        gathered.add(part, firstRow);
      }
      if (left > 0) this.#gathered.set(name, gathered);
      else {
        this.#gathered.delete(name);
        whole.set(name, gathered.sum() as Float32Array);
      }
    }
    if (whole.size > 0) this.#receive(whole);
  };

  /** The backward pass is over: gives out what stages that were left out had no share in. */
  finish(): void {
    const rest = new Map([...this.#gathered].map(([name, gathered]) => [name, gathered.sum() as Float32Array]));
    this.#gathered.clear();
    if (rest.size > 0) this.#receive(rest);
  }
}
