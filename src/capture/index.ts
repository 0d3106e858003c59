export { CaptureError } from './capture-error.js';
export { MergedReader, openCaptures } from './merged-reader.js';
export type { CaptureCore, CaptureInput } from './merged-reader.js';
export type { CaptureStream } from './open-source.js';
export type { CaptureInterface, CaptureReader, MemorySpan, ReaderOptions } from './reader.js';
