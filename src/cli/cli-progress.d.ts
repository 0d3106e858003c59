/** The part of cli-progress that we use. */
declare module 'cli-progress' {
  export class SingleBar {
    constructor(options: { format: string; hideCursor: boolean; clearOnComplete: boolean });
    start(total: number, value: number, payload: Record<string, unknown>): void;
    update(value: number, payload: Record<string, unknown>): void;
    stop(): void;
  }
  const cliProgress: { SingleBar: typeof SingleBar };
  export default cliProgress;
}
