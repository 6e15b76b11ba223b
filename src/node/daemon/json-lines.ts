/** On which line of a JSON text a value stands, by its path: for errors that point at it. Knows nothing of what the values mean. */

/** Deepest nesting that is looked into. */
const maxDepth = 32;

/** Lines of values. */
export interface JsonLines {
  /** Line of the value at `path`, from 1; that of the nearest value around it that is there. */
  lineOf(path: readonly PropertyKey[]): number;
  /** Paths of names that stand twice in one object, with the line of the second one. */
  readonly repeated: readonly { readonly path: readonly string[]; readonly line: number }[];
}

/** Looks through `text`, which `JSON.parse` takes. */
export function jsonLines(text: string): JsonLines {
  const scanner = new Scanner(text);
  scanner.value([]);
  const { lines, repeated } = scanner;
  return {
    repeated,
    lineOf(path) {
      for (let length = path.length; length > 0; length--) {
        const line = lines.get(keyOf(path.slice(0, length)));
        if (line !== undefined) return line;
      }
      return lines.get(keyOf([])) ?? 1;
    },
  };
}

/** Line of the character at `offset`, from 1. */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

function keyOf(path: readonly PropertyKey[]): string {
  return path.map(String).join('\0');
}

class Scanner {
  readonly lines = new Map<string, number>();
  readonly repeated: { readonly path: readonly string[]; readonly line: number }[] = [];
  private readonly text: string;
  private at = 0;
  private line = 1;

  constructor(text: string) {
    this.text = text;
  }

  value(path: readonly string[]): void {
    this.skipSpace();
    this.lines.set(keyOf(path), this.line);
    const first = this.text[this.at];
    if (path.length < maxDepth && first === '{') this.object(path);
    else if (path.length < maxDepth && first === '[') this.array(path);
    else if (first === '"') this.string();
    else while (this.at < this.text.length && !/[,\]}\s]/.test(this.text[this.at]!)) this.at++;
  }

  private object(path: readonly string[]): void {
    const names = new Set<string>();
    this.at++;
    while (this.next() === '"') {
      const { line } = this;
      const name = this.string();
      const inner = [...path, name];
      if (names.has(name)) this.repeated.push({ path: inner, line });
      names.add(name);
      this.expect(':');
      this.value(inner);
      // The name stands for its value: it may be on a line of its own.
      this.lines.set(keyOf(inner), line);
      this.expect(',');
    }
    this.expect('}');
  }

  private array(path: readonly string[]): void {
    this.at++;
    for (let index = 0; this.at < this.text.length && this.next() !== ']'; index++) {
      this.value([...path, String(index)]);
      this.expect(',');
    }
    this.expect(']');
  }

  private string(): string {
    const start = this.at++;
    while (this.at < this.text.length && this.text[this.at] !== '"')
      this.at += this.text[this.at] === '\\' ? 2 : 1;
    this.at++;
    return JSON.parse(this.text.slice(start, this.at)) as string;
  }

  /** The next character that is no space, which is left where it is. */
  private next(): string | undefined {
    this.skipSpace();
    return this.text[this.at];
  }

  /** Goes past `character` where it is the next one. */
  private expect(character: string): void {
    if (this.next() === character) this.at++;
  }

  private skipSpace(): void {
    for (; this.at < this.text.length && /\s/.test(this.text[this.at]!); this.at++)
      if (this.text[this.at] === '\n') this.line++;
  }
}
