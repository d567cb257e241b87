import { describe, expect, it } from "vitest";
import { add } from "../graph/elementwise.js";
import { input, tensorFunction } from "../graph/function.js";
import { gather } from "../graph/gather.js";
import { cpuRuntime } from "./node.js";

const runtime = cpuRuntime({ threads: 1 });

describe("the CPU engine", () => {
  it("writes outputs where they are bound and makes no copy of them", async () => {
    const size = 1 << 20;
    const x = input("float32", [size]);
    const twice = await runtime.compile(
      tensorFunction("twice", [{ name: "x", value: x }], [{ name: "y", value: add(x, x) }]),
    );
    const [from, to] = [new Float32Array(size).fill(1.5), new Float32Array(size)];
    const run = twice.bind(new Map(Object.entries({ x: from, y: to })));
    const before = process.memoryUsage().arrayBuffers;
    await run();
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(to.byteLength / 2);
    expect(to.every((value) => value === 3)).toBe(true);
    await twice.release();
  });

  it("reports what goes wrong in a run", async () => {
    const [table, indices] = [input("float32", [2, 2]), input("int32", [1])];
    const rows = await runtime.compile(
      tensorFunction(
        "rows",
        [
          { name: "table", value: table },
          { name: "indices", value: indices },
        ],
        [{ name: "row", value: gather(table, indices) }],
      ),
    );
    const bindings = { table: new Float32Array(4), indices: Int32Array.of(7), row: new Float32Array(2) };
    await expect(rows.bind(new Map(Object.entries(bindings)))()).rejects.toThrow(/indices element out of data bounds/);
    await rows.release();
  });
});
