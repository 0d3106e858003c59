/**
 * Progress of long work on standard error: a bar on a terminal, a line now and then
 * elsewhere.
 */
import cliProgress from 'cli-progress';

const LINE_MS = 5000;

export interface Progress {
  /** `done` of the total in bytes, and packets so far. */
  update(done: number, packets: number): void;
  stop(): void;
}

/** `totalBytes` is undefined when nobody knows it. */
export function startProgress(title: string, totalBytes: number | undefined): Progress {
  if (process.stderr.isTTY && totalBytes !== undefined) return bar(title, totalBytes);
  return lines(title, totalBytes);
}

function bar(title: string, totalBytes: number): Progress {
  const single = new cliProgress.SingleBar({
    format: `${title} {bar} {percentage} %, {packets} packets, {eta} s left`,
    hideCursor: true,
    clearOnComplete: true,
  });
  single.start(totalBytes, 0, { packets: 0 });
  return {
    update: (done, packets) => single.update(done, { packets }),
    stop: () => single.stop(),
  };
}

function lines(title: string, totalBytes: number | undefined): Progress {
  let saidMs = performance.now();
  return {
    update(done, packets) {
      if (performance.now() - saidMs < LINE_MS) return;
      saidMs = performance.now();
      const part = totalBytes === undefined ? '' : `${Math.floor((100 * done) / totalBytes)} %, `;
      process.stderr.write(`${title}: ${part}${packets} packets\n`);
    },
    stop: () => undefined,
  };
}
