/**
 * Checks a parsed file against schema/sluice.schema.json, fills in its defaults, and says
 * what is wrong in our form: path, expected, got.
 */
import { readFileSync } from 'node:fs';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { packagePath } from '../package-path.js';
import type { Problem } from './config-error.js';
import { nearest } from './nearest.js';
import type { RawConfig } from './raw.js';

const SCHEMA_FILE = 'schema/sluice.schema.json';
/** Says in words what a value must be, where the keywords alone would not. */
const EXPECTED = 'x-expected';
const MAX_SHOWN_CHARACTERS = 60;

type Schema = Record<string, unknown>;

interface Compiled {
  schema: Schema;
  validate: ValidateFunction<RawConfig>;
}

/** Compiling takes a hundred times as long as checking. */
const compiled = new Map<string, Compiled>();

function compile(schemaFile: string): Compiled {
  const known = compiled.get(schemaFile);
  if (known !== undefined) return known;
  const ajv = new Ajv({
    allErrors: true,
    verbose: true,
    useDefaults: true,
    allowUnionTypes: true,
    strictSchema: false,
  });
  const schema = JSON.parse(readFileSync(packagePath(schemaFile), 'utf8')) as Schema;
  const made = { schema, validate: ajv.compile<RawConfig>(schema) };
  compiled.set(schemaFile, made);
  return made;
}

/**
 * Fills in the defaults of `data`, which becomes a `RawConfig`, or what another schema of
 * the package describes, if there is no problem.
 */
export function checkSchema(data: unknown, schemaFile = SCHEMA_FILE): Problem[] {
  const { schema, validate } = compile(schemaFile);
  if (validate(data)) return [];
  const errors = (validate.errors ?? []).filter(isOurs);
  return errors.map(error => problemOf(error, schema)).filter(isFirst);
}

/** Not the branches of a choice, which the error of the choice itself covers. */
function isOurs(error: ErrorObject): boolean {
  return !/\/anyOf\/\d/.test(error.schemaPath) && error.propertyName === undefined;
}

/** One problem a path is enough. */
function isFirst(problem: Problem, index: number, all: Problem[]): boolean {
  return all.findIndex(other => other.path === problem.path) === index;
}

function problemOf(error: ErrorObject, root: Schema): Problem {
  const path = pathOf(error.instancePath);
  const schema = error.parentSchema as Schema;
  switch (error.keyword) {
    case 'additionalProperties': {
      const key = String(error.params['additionalProperty']);
      return { path: join(path, key), problem: unknownKey(key, schema) };
    }
    case 'required': {
      const key = String(error.params['missingProperty']);
      const properties = schema['properties'] as Record<string, Schema>;
      const expected = expectedOf(resolve(properties[key], root));
      return { path: join(path, key), problem: `expected ${expected}, got nothing` };
    }
    case 'propertyNames': {
      const key = String(error.params['propertyName']);
      const expected = expectedOf(resolve(error.schema as Schema, root));
      const problem = `expected ${expected}, got ${show(key)}`;
      return { path: join(path, key), problem };
    }
    default:
      return { path, problem: `expected ${expectedOf(schema)}, got ${show(error.data)}` };
  }
}

function unknownKey(key: string, schema: Schema): string {
  const known = Object.keys((schema['properties'] as object | undefined) ?? {});
  const meant = nearest(key, known);
  const hint = meant === undefined ? '' : ` (did you mean ${meant}?)`;
  return `expected one of ${known.join(', ')}, got the unknown key ${show(key)}${hint}`;
}

/** What a schema stands for: itself, or the definition it refers to. */
function resolve(schema: Schema | undefined, root: Schema): Schema {
  const reference = schema?.['$ref'];
  if (typeof reference !== 'string') return schema ?? {};
  const definitions = root['definitions'] as Record<string, Schema>;
  return definitions[reference.replace('#/definitions/', '')] ?? {};
}

/** What a schema asks for, in words. */
function expectedOf(schema: Schema): string {
  if (typeof schema[EXPECTED] === 'string') return schema[EXPECTED];
  if (Array.isArray(schema['enum'])) return oneOf(schema['enum']);
  if (schema['minimum'] !== undefined) return `${schema['minimum']}..${schema['maximum']}`;
  switch (schema['type']) {
    case 'boolean':
      return 'true or false';
    case 'string':
      return 'a string';
    case 'integer':
      return 'a whole number';
    case 'object':
      return 'a mapping';
    case 'array':
      return 'a list';
    default:
      return 'a value';
  }
}

function oneOf(values: unknown[]): string {
  const words = values.map(String);
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

/** A value as it would stand in a file, cut when long. */
export function show(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  const text = JSON.stringify(value);
  if (text.length <= MAX_SHOWN_CHARACTERS) return text;
  return `${text.slice(0, MAX_SHOWN_CHARACTERS)}…`;
}

/** `/ports/p1/fdb/0` → `ports.p1.fdb[0]`. */
function pathOf(pointer: string): string {
  const parts = pointer.split('/').slice(1);
  return parts.map(part => part.replaceAll('~1', '/').replaceAll('~0', '~')).reduce(join, '');
}

/** Keys of lists. */
const LISTS =
  /(^|\.)(fdb|neighbours|match|push|allowed|peers|addresses|gateways|routes|vteps|ends|routers|partitions|frames|captures|expect)$/;

/** Appends a key or an index to a path. */
function join(path: string, part: string): string {
  if (path === '') return part;
  const isIndex = /^\d+$/.test(part) && LISTS.test(path);
  return isIndex ? `${path}[${part}]` : `${path}.${part}`;
}
