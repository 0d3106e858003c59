/** What we use of benchmark.js 2.1, which brings no types. */
declare module 'benchmark' {
  export interface Options {
    /** `fn` takes a Deferred and says by it when it is done. */
    defer?: boolean;
    /** Least samples of one `run`. */
    minSamples?: number;
    /** Seconds a sample must last before its count of calls is raised. */
    minTime?: number;
    /** Seconds after which `run` takes no more samples than `minSamples`. */
    maxTime?: number;
  }

  export interface Deferred {
    resolve(): void;
  }

  export default class Benchmark {
    constructor(name: string, fn: (deferred: Deferred) => void, options?: Options);
    /** `sample`: seconds a call, one a sample. */
    readonly stats: { readonly sample: number[] };
    /** What `fn` threw, if it did. */
    readonly error?: unknown;
    /** Events, separated by blanks: start, cycle (after each sample), complete. */
    on(events: string, listener: () => void): this;
    /** Forgets the samples of the last run. */
    reset(): this;
    run(options?: { async?: boolean }): this;
  }
}
