// The filter language, as far as the browser has a part in it: finding the word to complete, adding and taking away terms.
// What a filter means is the server's to say (`/api/v1/filter/check`).

/** The word at the caret. */
export interface Word {
  begin: number;
  end: number;
  negated: boolean;
  /** `service` of `-service:dns`; `null` where there is no field yet. */
  field: string | null;
  /** What stands behind the field, or the whole word. */
  value: string;
}

const OPERATOR = /^([a-z_.]+)(:|>=|<=|>|<|=)/i;

/** Cuts a text into its terms; quoted texts and what is in parentheses stay whole words each. */
export function terms(text: string): { begin: number; end: number; text: string }[] {
  const found: { begin: number; end: number; text: string }[] = [];
  let at = 0;
  while (at < text.length) {
    const c = text.charAt(at);
    if (/\s/.test(c)) {
      at += 1;
      continue;
    }
    const begin = at;
    if (c === '(' || c === ')') {
      at += 1;
    } else if (text.startsWith('-(', at)) {
      at += 2;
    } else {
      let quoted = false;
      while (at < text.length) {
        const d = text.charAt(at);
        if (d === '"') quoted = !quoted;
        else if (d === '\\' && quoted) at += 1;
        else if (!quoted && /[\s()]/.test(d)) break;
        at += 1;
      }
      at = Math.min(at, text.length);
    }
    found.push({ begin, end: at, text: text.slice(begin, at) });
  }
  return found;
}

export function wordAt(text: string, caret: number): Word {
  const term = terms(text).find((t) => t.begin < caret && caret <= t.end && !/^-?[()]$/.test(t.text));
  if (!term) return { begin: caret, end: caret, negated: false, field: null, value: '' };
  const negated = term.text.startsWith('-');
  const rest = negated ? term.text.slice(1) : term.text;
  const operator = OPERATOR.exec(rest);
  return {
    begin: term.begin,
    end: term.end,
    negated,
    field: operator?.[1] ?? null,
    value: operator ? rest.slice(operator[0].length) : rest,
  };
}

/** A value as it must be written: in quotes if it has spaces, quotes or parentheses, or would be read as something else. */
export function quoted(value: string): string {
  if (value !== '' && !/[\s"(),]/.test(value) && !value.startsWith('-') && !/^(or|and|not)$/i.test(value)) return value;
  return `"${value.replace(/[\\"]/g, '\\$&')}"`;
}

export function term(field: string, value: string, negated = false): string {
  return `${negated ? '-' : ''}${field}:${quoted(value)}`;
}

/** The text with the term; its opposite is taken away, and nothing is said twice. A text with `or` is put in parentheses. */
export function withTerm(text: string, field: string, value: string, negated = false): string {
  const wanted = term(field, value, negated);
  const opposite = term(field, value, !negated);
  const kept = terms(text);
  if (kept.some((t) => t.text === wanted)) return text.trim();
  const rest = kept.filter((t) => t.text !== opposite).map((t) => t.text);
  const alternatives = topLevelOr(rest);
  const joined = join(rest);
  if (joined === '') return wanted;
  return `${alternatives ? `(${joined})` : joined} ${wanted}`;
}

/** The text without the term at that place. */
export function withoutTerm(text: string, index: number): string {
  return join(terms(text).filter((_, i) => i !== index).map((t) => t.text));
}

function topLevelOr(list: string[]): boolean {
  let depth = 0;
  for (const item of list) {
    if (item === '(' || item === '-(') depth += 1;
    else if (item === ')') depth -= 1;
    else if (depth === 0 && /^or$/i.test(item)) return true;
  }
  return false;
}

function join(list: string[]): string {
  return list.join(' ').replace(/\( /g, '(').replace(/ \)/g, ')');
}
