// orval reads its options from a file.
const { DOCUMENT } = process.env;

export default {
  watchword: {
    input: DOCUMENT,
    output: { target: 'orval/api.ts', client: 'fetch', mode: 'single' },
  },
};
