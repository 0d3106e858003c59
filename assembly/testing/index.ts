/**
 * The core with doors to functions that the host does not call: a module of its own for
 * tests and benchmarks of single functions (build/unit.wasm, build/unit.test.wasm). Not part
 * of what is shipped.
 */
export * from '../index';
export * from './adjacency';
export * from './flow-address';
export * from './node';
export * from './port-hints';
export * from './rules';
export * from './route';
export * from './table';
export * from './tunnel';
export * from './wire';
