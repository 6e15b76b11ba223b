/** Light or dark: as the system has it, unless a reader chose. */
import { computed, effect, signal } from '@preact/signals';

export const themeChoices = ['auto', 'light', 'dark'] as const;
export type ThemeChoice = (typeof themeChoices)[number];

const STORED = 'subflow-lab-theme';
const query = matchMedia('(prefers-color-scheme: dark)');
const systemIsDark = signal(query.matches);
query.addEventListener('change', () => (systemIsDark.value = query.matches));

export const themeChoice = signal<ThemeChoice>(readChoice());
export const isDark = computed(() =>
  themeChoice.value === 'auto' ? systemIsDark.value : themeChoice.value === 'dark',
);

effect(() => {
  document.documentElement.dataset['theme'] = isDark.value ? 'dark' : 'light';
});

/** Where a browser keeps nothing for a page, the choice holds until the page is closed. */
export function chooseTheme(choice: ThemeChoice): void {
  themeChoice.value = choice;
  try {
    localStorage.setItem(STORED, choice);
  } catch {
    return;
  }
}

function readChoice(): ThemeChoice {
  try {
    const stored = localStorage.getItem(STORED);
    return themeChoices.find((choice) => choice === stored) ?? 'auto';
  } catch {
    return 'auto';
  }
}
