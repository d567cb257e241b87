import { type DynamicSize, sizeProduct } from "../graph/dynamic-sizes.js";
import { type EmitOptions, elementTypes } from "../graph/lowering.js";
import { type Shape, sizeOf } from "../graph/types.js";
import { OnnxEmitter } from "./emitter.js";
import type { ElementType, OnnxTensor } from "./encode.js";

/** How the numbers of an exported model are held: quantised ones are whole numbers times a scale for each row of a matrix, or output of a convolution. */
export type OnnxPrecision = "float32" | "float16" | "int8";

/** What is stored of a parameter. */
export interface StoredParameter extends OnnxTensor {
  /** The function's input that it is. */
  readonly parameter: string;
  /** Its numbers as they are, or as multiples of a scale for each row, which are counted up to `levels`; or these scales. */
  readonly part: { readonly kind: "values" } | { readonly kind: "multiples" | "scales"; readonly levels: number };
}

/**
 * Products of 8-bit numbers are added in pairs of 16 bits by some processors: 2 * 255 * 64 is within their range, so that a model
 * gives the same everywhere.
 */
const productLevels = 64;
const lookupLevels = 127;

/** Half of the largest number of float16: what two masks add to a score stays finite, as a row of infinities alone is no number. */
const largestConstant = 32_752;

/**
 * Emits a function for any runtime: operators of ONNX alone, shapes that follow from the inputs, parameters that are a part
 * of the model, all in one precision.
 */
export class ExportEmitter extends OnnxEmitter {
  override readonly contributed = false;
  readonly #precision: OnnxPrecision;
  #isExact = false;
  readonly #sizes: readonly DynamicSize[];
  readonly #parameters: ReadonlyMap<string, Shape>;
  readonly #computed = new Map<string, string>();
  /** Parameters by the forms in which they are used. */
  readonly #uses = new Map<string, Set<"whole" | "product" | "lookup">>();

  constructor(precision: OnnxPrecision, sizes: readonly DynamicSize[], parameters: ReadonlyMap<string, Shape>) {
    super();
    this.#precision = precision;
    this.#sizes = sizes;
    this.#parameters = parameters;
  }

  override emitSeveral(operator: string, inputs: readonly string[], options: EmitOptions = {}): string[] {
    const [first = "", second = "", third] = inputs;
    if (this.#precision === "int8") {
      if (operator === "Gemm" && this.#isMatrix(second)) return [this.#quantisedProduct(first, second, third)];
      if (operator === "Gather" && this.#isMatrix(first)) return [this.#quantisedRows(first, second)];
      if (operator === "Conv" && this.#parameters.has(second)) {
        return this.emitSeveral(operator, [first, this.#widened(second), ...inputs.slice(2)], options);
      }
    }
    for (const name of inputs) if (this.#parameters.has(name)) this.#use(name, "whole");
    const { to } = options.attributes ?? {};
    const isToFloat = operator === "Cast" && to !== undefined && "int" in to && to.int === elementTypes.float32;
    if (!isToFloat || !this.#isHalf) return super.emitSeveral(operator, inputs, options);
    return [this.#cast(first, "float16")];
  }

  override floats(values: number | readonly number[], shape?: Shape): string {
    if (!this.#isHalf) return super.floats(values, shape);
    const clamped = (typeof values === "number" ? [values] : values).map((value) =>
      Math.min(Math.max(value, -largestConstant), largestConstant),
    );
    const wide = super.floats(clamped, shape ?? (typeof values === "number" ? [] : [values.length]));
    return this.#once(`half ${wide}`, () => this.#cast(wide, "float16"));
  }

  /** Whole numbers, of which those that dynamic sizes are factors of are computed from the inputs. */
  override integers(values: readonly number[]): string {
    const products = values.map((value) => sizeProduct(value, this.#sizes));
    if (products.every(({ sizes }) => sizes.length === 0)) return super.integers(values);
    return this.#once(`sizes ${values}`, () => {
      const parts = products.map(({ factor, sizes }) =>
        sizes.reduce<string | undefined>(
          (product, size) =>
            product === undefined ? this.#sizeOf(size) : this.emit("Mul", [product, this.#sizeOf(size)]),
          factor === 1 && sizes.length > 0 ? undefined : super.integers([factor]),
        ),
      );
      const names = parts.map((part) => part ?? "");
      return names.length === 1 ? (names[0] ?? "") : this.emit("Concat", names, { attributes: { axis: { int: 0 } } });
    });
  }

  override widely(tensors: readonly string[], compute: (wide: readonly string[]) => string): string {
    if (!this.#isHalf) return compute(tensors);
    const wide = tensors.map((tensor) => this.#cast(tensor, "float32"));
    return this.fromFloat32(this.exactly(() => compute(wide)));
  }

  /** Emits in float32 whatever the precision, as places and angles need. */
  exactly<Result>(compute: () => Result): Result {
    this.#isExact = true;
    try {
      return compute();
    } finally {
      this.#isExact = false;
    }
  }

  /** What was emitted exactly, in the model's precision. */
  fromFloat32(tensor: string): string {
    return this.#precision === "float16" ? this.#cast(tensor, "float16") : tensor;
  }

  /** A tensor as float32, as which results are handed out. */
  asFloat32(tensor: string): string {
    return this.#precision === "float16" ? this.#cast(tensor, "float32") : tensor;
  }

  /** What is to be stored of the parameters that were used. */
  storedParameters(): StoredParameter[] {
    return [...this.#uses].flatMap(([parameter, uses]) => {
      const shape = this.#parameters.get(parameter) ?? [];
      const levels = uses.has("product") ? productLevels : lookupLevels;
      const elementType: ElementType = this.#precision === "float16" ? "float16" : "float32";
      const whole = { name: parameter, parameter, shape, elementType, part: { kind: "values" } } as const;
      const quantised = [
        { name: multiplesOf(parameter), parameter, shape, elementType: "int8", part: { kind: "multiples", levels } },
        {
          name: scalesOf(parameter),
          parameter,
          shape: shape.slice(0, 1),
          elementType: "float32",
          part: { kind: "scales", levels },
        },
      ] as const;
      const isQuantised = uses.has("product") || uses.has("lookup");
      return [...(uses.has("whole") ? [whole] : []), ...(isQuantised ? quantised : [])];
    });
  }

  get #isHalf(): boolean {
    return this.#precision === "float16" && !this.#isExact;
  }

  #isMatrix(name: string): boolean {
    return this.#parameters.get(name)?.length === 2;
  }

  #use(name: string, use: "whole" | "product" | "lookup"): void {
    this.#uses.set(name, (this.#uses.get(name) ?? new Set()).add(use));
  }

  #cast(tensor: string, to: ElementType): string {
    const [result = ""] = super.emitSeveral("Cast", [tensor], { attributes: { to: { int: elementTypes[to] } } });
    return result;
  }

  /** A tensor that is computed once, however often it is asked for. */
  #once(key: string, compute: () => string): string {
    const name = this.#computed.get(key) ?? compute();
    this.#computed.set(key, name);
    return name;
  }

  #sizeOf({ name, input, axis }: DynamicSize): string {
    return this.#once(`size ${name}`, () =>
      this.emit("Shape", [input], { attributes: { start: { int: axis }, end: { int: axis + 1 } } }),
    );
  }

  /** x W^T + b, where x is quantised as it comes and the sums are whole numbers. */
  #quantisedProduct(x: string, weight: string, bias: string | undefined): string {
    this.#use(weight, "product");
    const turned = this.#once(`turned ${weight}`, () =>
      this.emit("Transpose", [multiplesOf(weight)], { attributes: { perm: { ints: [1, 0] } } }),
    );
    const key = (part: string) => `quantised ${part} ${x}`;
    if (!this.#computed.has(key("multiples"))) {
      const parts = this.emitSeveral("DynamicQuantizeLinear", [x], { outputs: 3 });
      ["multiples", "scale", "zero"].forEach((part, index) => {
        this.#computed.set(key(part), parts[index] ?? "");
      });
    }
    const [multiples = "", scale = "", zero = ""] = ["multiples", "scale", "zero"].map((part) =>
      this.#computed.get(key(part)),
    );
    const sums = this.emit("MatMulInteger", [multiples, turned, zero]);
    const wide = this.#cast(sums, "float32");
    const product = this.emit("Mul", [wide, this.emit("Mul", [scale, scalesOf(weight)])]);
    return bias === undefined ? product : this.emit("Add", [product, bias]);
  }

  /**
   * A convolution's weight as it was, from whole numbers: runtimes do that once, as they load the model. ONNX's convolution of whole
   * numbers is not used: runtimes lack it for signed weights.
   */
  #widened(weight: string): string {
    this.#use(weight, "lookup");
    return this.#once(`widened ${weight}`, () => {
      const rank = this.#parameters.get(weight)?.length ?? 0;
      const axes = Array.from({ length: rank - 1 }, (_, axis) => axis + 1);
      const scales = this.emit("Unsqueeze", [scalesOf(weight), this.integers(axes)]);
      return this.emit("Mul", [this.#cast(multiplesOf(weight), "float32"), scales]);
    });
  }

  #quantisedRows(table: string, rows: string): string {
    this.#use(table, "lookup");
    const multiples = this.emit("Gather", [multiplesOf(table), rows], { attributes: { axis: { int: 0 } } });
    const wide = this.#cast(multiples, "float32");
    const scales = this.emit("Gather", [scalesOf(table), rows], { attributes: { axis: { int: 0 } } });
    return this.emit("Mul", [wide, this.emit("Unsqueeze", [scales, this.integers([1])])]);
  }
}

function multiplesOf(parameter: string): string {
  return `${parameter}.quantized`;
}

function scalesOf(parameter: string): string {
  return `${parameter}.scale`;
}

/** The bytes that a stored tensor takes. */
export function bytesOf({ elementType, shape }: OnnxTensor): number {
  const widths: Readonly<Record<ElementType, number>> = {
    float32: 4,
    int8: 1,
    int32: 4,
    int64: 8,
    bool: 1,
    float16: 2,
  };
  return sizeOf(shape) * widths[elementType];
}
