import js from '@eslint/js';
import prettier from 'eslint-config-prettier';
import tseslint from 'typescript-eslint';
import { layers, nodeLayers } from './layers.js';

/** What the engine may not reach for: the owner passes time and randomness in, and drives it. */
const impure = [
  ['Date', 'now'],
  ['Math', 'random'],
  ['performance', 'now'],
];
const ambient = [
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'console',
  'process',
  'Buffer',
  'crypto',
];

/** Imports run down the list of layers only, and enter a layer through its index.ts. */
function layerRules(layer) {
  const above = layers.slice(layers.indexOf(layer) + 1);
  const others = layers.filter((other) => other !== layer && !above.includes(other));
  const patterns = [];
  if (above.length > 0) {
    patterns.push({
      group: above.flatMap((other) => [`**/${other}/*`, `**/${other}/**`]),
      message: `src/${layer} imports only from the layers below it (see layers.js).`,
    });
  }
  if (others.length > 0) {
    patterns.push({
      regex: `^(\\.\\./)+(${others.join('|')})/(?!index\\.js$)`,
      message: 'Enter another layer through its index.ts.',
    });
  }
  const pure = !nodeLayers.includes(layer);
  return {
    files: [`src/${layer}/**/*.ts`],
    ignores: ['**/*.test.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: pure ? [...patterns, { group: ['node:*'], message: 'Sans-I/O.' }] : patterns },
      ],
      ...(pure && {
        'no-restricted-properties': ['error', ...impure.map(([object, property]) => ({ object, property }))],
        'no-restricted-globals': ['error', ...ambient],
      }),
    },
  };
}

/** The page imports the layers that run in a browser, through their index.ts, and shows what others wrote as text only. */
const webRules = {
  files: ['web/**/*.ts', 'web/**/*.tsx'],
  ignores: ['web/tools/**', 'web/vite.config.ts'],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          { group: nodeLayers.map((layer) => `**/src/${layer}/**`), message: 'It runs in no browser.' },
          { regex: '/src/[a-z]+/(?!index\\.js$)', message: 'Enter a layer through its index.ts.' },
        ],
      },
    ],
    'no-restricted-syntax': [
      'error',
      { selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']", message: 'Text only.' },
      { selector: "MemberExpression[property.name='innerHTML']", message: 'Text only.' },
    ],
  },
};

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'results/'] },
  js.configs.recommended,
  ...tseslint.configs.recommended,
  {
    files: ['src/**/*.ts', 'web/**/*.ts', 'web/**/*.tsx'],
    ignores: ['**/*.test.ts', 'web/tools/**', 'web/vite.config.ts'],
    extends: [...tseslint.configs.recommendedTypeCheckedOnly],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      'max-lines': ['error', { max: 500, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
      'max-params': ['error', 7],
    },
  },
  {
    rules: {
      eqeqeq: 'error',
      'no-console': 'off',
      // Indexing under noUncheckedIndexedAccess on a hot path needs the assertion: the bound was just checked.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-imports': 'error',
    },
  },
  { files: ['**/*.test.ts', 'test/**/*.ts'], rules: { '@typescript-eslint/no-unused-expressions': 'off' } },
  {
    files: ['bin/*.js', '*.js'],
    languageOptions: { globals: { process: 'readonly', console: 'readonly', URL: 'readonly' } },
  },
  ...layers.map(layerRules),
  webRules,
  prettier,
);
