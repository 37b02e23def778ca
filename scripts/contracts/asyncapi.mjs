// node asyncapi.mjs FILE: the official parser finds neither an error nor a warning in the document.

import { readFile } from 'node:fs/promises';
import parser from '@asyncapi/parser';

const SEVERITY = ['error', 'warning', 'information', 'hint'];
// That there is a newer AsyncAPI than the one chosen is no news.
const KNOWN = new Set(['asyncapi-latest-version']);

const [file] = process.argv.slice(2);
const { document, diagnostics } = await new parser.Parser().parse(await readFile(file, 'utf8'));

const found = diagnostics.filter(({ code, severity }) => severity <= 1 || !KNOWN.has(code));
for (const { severity, code, message, path } of found) {
  console.error(`${file}: ${SEVERITY[severity]} ${code} at /${path.join('/')}: ${message}`);
}
if (!document || found.length > 0) {
  process.exit(1);
}
console.error(`    ${file}: AsyncAPI ${document.version()}, ${document.channels().length} channels, ${document.messages().length} messages`);
