import type { EmitOptions, Emitter } from "../graph/lowering.js";
import type { Shape } from "../graph/types.js";
import type { ElementType, OnnxNode, OnnxTensor } from "./encode.js";

/** A constant of the graph with its bytes. */
export interface OnnxConstant extends OnnxTensor {
  readonly bytes: Uint8Array;
}

/** Collects the nodes and constants of one ONNX graph, in the order of evaluation. */
export class OnnxEmitter implements Emitter {
  readonly contributed: boolean = true;
  readonly #nodes: OnnxNode[] = [];
  readonly #constants = new Map<string, OnnxConstant>();
  #names = 0;

  emit(operator: string, inputs: readonly string[], options: EmitOptions = {}): string {
    const [first] = this.emitSeveral(operator, inputs, options);
    if (first === undefined) throw new Error(`${operator} was emitted without outputs`);
    return first;
  }

  emitSeveral(operator: string, inputs: readonly string[], options: EmitOptions = {}): string[] {
    const outputs = Array.from({ length: options.outputs ?? 1 }, () => `v${this.#names++}`);
    this.#nodes.push({ operator, inputs, outputs, attributes: options.attributes ?? {}, domain: options.domain });
    return outputs;
  }

  floats(values: number | readonly number[], shape: Shape = typeof values === "number" ? [] : [values.length]): string {
    const data = Float32Array.from(typeof values === "number" ? [values] : values);
    return this.constant("float32", shape, new Uint8Array(data.buffer));
  }

  integers(values: readonly number[]): string {
    const data = BigInt64Array.from(values, BigInt);
    return this.constant("int64", [values.length], new Uint8Array(data.buffer));
  }

  widely(tensors: readonly string[], compute: (wide: readonly string[]) => string): string {
    return compute(tensors);
  }

  /** A constant, the same one for the same bytes. */
  protected constant(elementType: ElementType, shape: Shape, bytes: Uint8Array): string {
    const key = `${elementType}[${shape}]:${bytes.join(",")}`;
    const known = this.#constants.get(key);
    if (known !== undefined) return known.name;
    const name = `c${this.#constants.size}`;
    this.#constants.set(key, { name, elementType, shape, bytes });
    return name;
  }

  get nodes(): readonly OnnxNode[] {
    return this.#nodes;
  }

  get constants(): readonly OnnxConstant[] {
    return [...this.#constants.values()];
  }
}
