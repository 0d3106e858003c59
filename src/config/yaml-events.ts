/** What a run of YAML events says of its text: where its parts are, and how much they stand for. */
import { EVENT_ID, type Event, getScalarValue } from 'js-yaml';

/** Where a value begins, and the event behind it. */
interface Extent {
  readonly offset: number;
  readonly next: number;
}

/** The value at `at`, an event other than a document's or a pop. */
function extentOf(events: readonly Event[], at: number): Extent {
  const event = events[at]!;
  switch (event.type) {
    case EVENT_ID.SCALAR:
      return { offset: event.valueStart, next: at + 1 };
    case EVENT_ID.ALIAS:
      return { offset: event.anchorStart, next: at + 1 };
    case EVENT_ID.SEQUENCE:
    case EVENT_ID.MAPPING: {
      let next = at + 1;
      while (events[next]!.type !== EVENT_ID.POP) next = extentOf(events, next).next;
      return { offset: event.start, next: next + 1 };
    }
    default:
      throw new Error(`expected a value, got event ${event.type}`);
  }
}

/** The event of the value that `key` names in the collection at `at`, if it is there. */
function childOf(events: readonly Event[], text: string, at: number, key: string): number {
  const isMapping = events[at]!.type === EVENT_ID.MAPPING;
  if (!isMapping && events[at]!.type !== EVENT_ID.SEQUENCE) return -1;
  let next = at + 1;
  for (let index = 0; events[next]!.type !== EVENT_ID.POP; index++) {
    const event = events[next]!;
    let name = String(index);
    if (isMapping) {
      name = event.type === EVENT_ID.SCALAR ? getScalarValue(text, event) : '';
      next = extentOf(events, next).next;
    }
    if (name === key) return next;
    next = extentOf(events, next).next;
  }
  return -1;
}

/** Offset of the deepest part of a path of keys that is there; undefined for an empty text. */
export function offsetOf(
  events: readonly Event[],
  text: string,
  keys: readonly string[],
): number | undefined {
  let at = 1; // behind the document's own event
  if (events[at] === undefined || events[at].type === EVENT_ID.POP) return undefined;
  for (const key of keys) {
    const child = childOf(events, text, at, key);
    if (child < 0) break;
    at = child;
  }
  return extentOf(events, at).offset;
}

/**
 * Values that the aliases of a text stand for in all, aliases within them followed. Without
 * end for one within what it stands for.
 */
export function aliasedValues(events: readonly Event[], text: string): number {
  let aliased = 0;
  const weights = new Map<string, number>();
  const open: { name: string | undefined; weight: number }[] = [];
  const add = (name: string | undefined, weight: number): void => {
    if (name !== undefined) weights.set(name, weight);
    const parent = open.at(-1);
    if (parent) parent.weight += weight;
  };
  for (const event of events) {
    if (event.type === EVENT_ID.POP) {
      const done = open.pop()!;
      add(done.name, done.weight);
      continue;
    }
    if (event.type === EVENT_ID.DOCUMENT) {
      open.push({ name: undefined, weight: 0 });
      continue;
    }
    const name = event.anchorStart < 0 ? undefined : text.slice(event.anchorStart, event.anchorEnd);
    if (event.type === EVENT_ID.ALIAS) {
      const isWithin = open.some(value => value.name === name);
      const weight = isWithin ? Infinity : (weights.get(name!) ?? 1);
      aliased += weight;
      add(undefined, weight);
    } else if (event.type === EVENT_ID.SCALAR) {
      add(name, 1);
    } else {
      open.push({ name, weight: 1 });
    }
  }
  return aliased;
}
