import { useSignal } from '@preact/signals';
import { words } from '../i18n';
import { forInput, when, zone } from '../lib/format';
import { bounds, formatSpan, parseSpan, PRESETS, shift, zoomOut, type Range } from '../lib/range';
import { clock, now, range, setRange } from '../lib/url';
import { Icon } from './icons';
import { Menu } from './Menu';

function name(of: Range): string {
  const t = words.value.range;
  if (of.kind === 'fixed') return `${when(of.from, Date.now())} – ${when(of.to, of.from)}`;
  const span = formatSpan(of.ms);
  return t.last(t.spans[span] ?? span);
}

/** The time range that all pages share. */
export function RangePicker() {
  const t = words.value.range;
  const current = range.value;
  return (
    <div class="range" role="group" aria-label={t.title}>
      <button type="button" class="button icon-only" title={`${t.earlier} [`} aria-label={t.earlier} onClick={() => setRange(shift(current, -1, clock()))}>
        <Icon name="left" />
      </button>
      <Menu
        label={`${t.title}: ${name(current)}`}
        className="button range-name"
        button={
          <>
            <Icon name="clock" />
            <span class="num">{name(current)}</span>
          </>
        }
      >
        {(close) => <Choice close={close} />}
      </Menu>
      <button type="button" class="button icon-only" title={`${t.later} ]`} aria-label={t.later} disabled={current.kind === 'last'} onClick={() => setRange(shift(current, 1, clock()))}>
        <Icon name="right" />
      </button>
      <button type="button" class="button icon-only" title={`${t.zoomOut} z`} aria-label={t.zoomOut} onClick={() => setRange(zoomOut(current, now.value))}>
        <Icon name="out" />
      </button>
    </div>
  );
}

function Choice({ close }: { close: () => void }) {
  const t = words.value.range;
  const current = range.value;
  const { from, to } = bounds(current, clock());
  const begin = useSignal(forInput(from));
  const end = useSignal(forInput(to));
  const wrong = useSignal(false);
  const span = current.kind === 'last' ? formatSpan(current.ms) : null;

  const choose = (next: Range): void => {
    setRange(next);
    close();
  };
  const apply = (event: Event): void => {
    event.preventDefault();
    const first = new Date(begin.value).getTime();
    const last = new Date(end.value).getTime();
    wrong.value = !(first < last);
    if (!wrong.value) choose({ kind: 'fixed', from: first, to: last });
  };
  const custom = (event: KeyboardEvent & { currentTarget: HTMLInputElement }): void => {
    if (event.key !== 'Enter') return;
    event.preventDefault();
    const ms = parseSpan(event.currentTarget.value);
    if (ms !== null) choose({ kind: 'last', ms });
    else event.currentTarget.setAttribute('aria-invalid', 'true');
  };

  return (
    <div class="range-sheet">
      <div class="presets">
        {PRESETS.map((preset) => (
          <button type="button" key={preset} class={`choice${preset === span ? ' on' : ''}`} aria-pressed={preset === span} onClick={() => choose({ kind: 'last', ms: parseSpan(preset) ?? 0 })}>
            {t.last(t.spans[preset] ?? preset)}
          </button>
        ))}
        <input class="input" placeholder={t.custom} aria-label={t.custom} onKeyDown={custom} />
      </div>
      <form class="absolute" onSubmit={apply}>
        <label>
          {t.from}
          <input class="input" type="datetime-local" step="1" value={begin.value} onInput={(e) => (begin.value = e.currentTarget.value)} />
        </label>
        <label>
          {t.to}
          <input class="input" type="datetime-local" step="1" value={end.value} onInput={(e) => (end.value = e.currentTarget.value)} />
        </label>
        {wrong.value ? (
          <p class="bad" role="alert">
            {t.invalid}
          </p>
        ) : null}
        <button type="submit" class="button primary">
          {t.apply}
        </button>
        <p class="hint">{t.zone(zone(from))}</p>
      </form>
    </div>
  );
}
