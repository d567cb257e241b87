import { elementTypes } from "./lowering.js";
import { tensorType } from "./types.js";
import { applySingle, type Value } from "./value.js";

/** Integers or truth values as float32; they have no gradient. A float32 value is itself. */
export function toFloat32(x: Value): Value {
  if (x.type.dataType === "float32") return x;
  return applySingle(
    {
      name: "toFloat32",
      recompute: "view",
      lower: (emitter, inputs) => [emitter.emit("Cast", inputs, { attributes: { to: { int: elementTypes.float32 } } })],
      derivative: () => [],
    },
    [x],
    tensorType("float32", x.type.shape),
  );
}
