// node types.mjs DECLARATIONS SAMPLE...: every sample is one of the declared events, and what is none is refused.

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import ts from 'typescript';

const [declarations, ...files] = process.argv.slice(2);
const all = await Promise.all(files.map(async (file) => JSON.parse(await readFile(file, 'utf8'))));
// The types are of the newest majors.
const newest = new Map();
for (const { subject, schemaVersion } of all) {
  newest.set(subject, Math.max(schemaVersion, newest.get(subject) ?? 0));
}
const samples = all.filter(({ subject, schemaVersion }) => schemaVersion === newest.get(subject));
const subjects = [...newest.keys()];

// One line each, so that `@ts-expect-error` is about all of it.
const event = (type, value) => `{ const sample: ${type} = ${JSON.stringify(value)}; }`;
const refused = (type, value) => lines.push('// @ts-expect-error', event(type, value));

const lines = ["import type { AuthEvent, Custom, EventOf, LoggedIn } from './auth-events';"];
for (const sample of samples) {
  const { data, ...rest } = sample;
  const own = `EventOf<${JSON.stringify(sample.subject)}>`;
  lines.push(event('AuthEvent', sample), event(own, sample));
  refused('AuthEvent', { ...sample, subject: 'auth.user.nothing' });
  refused(own, { ...sample, schemaVersion: 0 });
  refused(own, { ...sample, data: { ...data, timestamp: 5 } });
  refused(own, { ...sample, data: { ...data, notAField: true } });
  refused(own, { ...rest, data: { timestamp: data.timestamp } });
}
// Every subject has a sample and every sample a type: nothing is left when all subjects are. Applications choose those of
// custom events.
lines.push(
  'export function rest(event: Exclude<AuthEvent, Custom>): never {',
  '  switch (event.subject) {',
  ...subjects.filter((subject) => !subject.startsWith('auth.custom.')).map((subject) => `    case ${JSON.stringify(subject)}: throw event.data.timestamp;`),
  '    default: return event;',
  '  }',
  '}',
  // A value that is not known yet is a value, in enumerations and in the actor.
  'export function unknown(event: LoggedIn): boolean {',
  '  return event.data.method === "telepathy" || event.data.actor?.type === "organization";',
  '}',
  'export function narrowed(event: AuthEvent): LoggedIn["data"]["amr"] {',
  '  if (event.subject === "auth.user.logged_in") return event.data.amr;',
  '  // @ts-expect-error',
  '  return event.data.amr;',
  '}',
);

const source = path.resolve(path.dirname(declarations), 'samples.ts');
const text = lines.join('\n');
const options = {
  strict: true,
  noEmit: true,
  types: [],
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
};

// The file with the samples is in memory alone.
const host = ts.createCompilerHost(options);
const { fileExists, getSourceFile } = host;
host.fileExists = (name) => name === source || fileExists(name);
host.getSourceFile = (name, version, ...others) =>
  name === source ? ts.createSourceFile(name, text, version) : getSourceFile(name, version, ...others);

const found = ts.getPreEmitDiagnostics(ts.createProgram([path.resolve(declarations), source], options, host));
if (found.length > 0) {
  console.error(ts.formatDiagnostics(found, { ...host, getCurrentDirectory: () => process.cwd() }));
  process.exit(1);
}
console.error(`    ${declarations}: ${samples.length} samples of ${subjects.length} events`);
