/** Which chain calls which: the hooks that reach a chain, and circles. */
import type { Chain, Hook, Place, RuleTable } from './model.js';
import { HOOKS, TABLE_HOOKS } from './tables.js';

export interface Loop {
  /** The chains of the circle in order, the first again at the end. */
  readonly chains: readonly string[];
  /** Of the jump that closes it. */
  readonly place: Place;
}

interface Call {
  readonly to: string;
  readonly place: Place;
}

/** Each chain once, with one place. */
function callsOf(chain: Chain): Call[] {
  const calls = new Map<string, Call>();
  for (const { target, targetPlace } of chain.rules) {
    if (target.kind !== 'jump' && target.kind !== 'goto') continue;
    if (!calls.has(target.chain)) calls.set(target.chain, { to: target.chain, place: targetPlace });
  }
  return [...calls.values()];
}

/** For each chain the built-in chains whose packets may come to it, itself too. */
export function hooksOfChains(table: RuleTable): Map<string, Hook[]> {
  const calls = new Map(table.chains.map(chain => [chain.name, callsOf(chain)]));
  const hooks = new Map<string, Hook[]>(table.chains.map(chain => [chain.name, []]));
  for (const hook of HOOKS.filter(each => TABLE_HOOKS[table.name].includes(each))) {
    const waiting: string[] = [hook];
    for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
      const known = hooks.get(name);
      if (known === undefined || known.includes(hook)) continue;
      known.push(hook);
      waiting.push(...calls.get(name)!.map(call => call.to));
    }
  }
  return hooks;
}

/** One circle for each jump that closes one, found by a walk from every chain. */
export function loopsOf(table: RuleTable): Loop[] {
  const calls = new Map(table.chains.map(chain => [chain.name, callsOf(chain)]));
  const done = new Set<string>();
  const loops: Loop[] = [];
  for (const { name } of table.chains) walk(name, { calls, done, loops });
  return loops;
}

interface Walk {
  readonly calls: ReadonlyMap<string, readonly Call[]>;
  readonly done: Set<string>;
  readonly loops: Loop[];
}

/** Depth first with a stack of its own: a chain of calls may be as long as there are chains. */
function walk(start: string, { calls, done, loops }: Walk): void {
  const path: { name: string; next: number }[] = [];
  const onPath = new Map<string, number>();
  const enter = (name: string): void => {
    if (done.has(name) || !calls.has(name)) return;
    onPath.set(name, path.length);
    path.push({ name, next: 0 });
  };
  enter(start);
  for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
    const call = calls.get(top.name)![top.next++];
    if (call === undefined) {
      done.add(top.name);
      onPath.delete(top.name);
      path.pop();
      continue;
    }
    const from = onPath.get(call.to);
    if (from === undefined) enter(call.to);
    else {
      const chains = [...path.slice(from).map(({ name }) => name), call.to];
      loops.push({ chains, place: call.place });
    }
  }
}
