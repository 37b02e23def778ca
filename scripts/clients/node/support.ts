// What the programs of all TypeScript clients share.

const { BASE_URL, CLIENT } = process.env;
if (!BASE_URL || !CLIENT) {
  throw new Error('BASE_URL and CLIENT are needed');
}

export const baseUrl = BASE_URL;
export const email = `${CLIENT}@example.com`;
export const password = 'correct horse battery 7';

/** Fail, and show what was there instead. */
export function assert(condition: unknown, found: unknown): asserts condition {
  if (!condition) {
    throw new Error(`unexpected: ${JSON.stringify(found)}`);
  }
}
