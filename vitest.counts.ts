import type { Reporter, TestModule } from "vitest/node";

/** Prints one plain line of counts after everything else, for readers that are not people. */
export default class CountsReporter implements Reporter {
  onTestRunEnd(testModules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0, pending: 0 };
    for (const testModule of testModules) {
      if (testModule.errors().length > 0) counts.failed++;
      for (const test of testModule.children.allTests()) counts[test.result().state]++;
    }
    const { passed, failed, skipped } = counts;
    process.on("exit", () => console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`));
  }
}
