import { useEffect, useRef } from 'preact/hooks';
import { words } from '../i18n';
import { helpShown, PAGE_KEYS } from '../lib/keys';

/** The list of keys. */
export function Help() {
  const dialog = useRef<HTMLDialogElement>(null);
  const open = helpShown.value;
  useEffect(() => {
    const element = dialog.current;
    if (!element) return;
    if (open && !element.open) element.showModal();
    if (!open && element.open) element.close();
  }, [open]);
  const t = words.value;
  const keys: [string[], string][] = [
    [['/'], t.keys.search],
    ...Object.entries(PAGE_KEYS).map(([key, page]): [string[], string] => [['g', key], t.pages[page]]),
    [['[', ']'], t.keys.earlier],
    [['z'], t.keys.zoomOut],
    [['.'], t.keys.live],
    [['t'], t.keys.theme],
    [['Ctrl', 'Enter'], t.keys.run],
    [['Esc'], t.keys.close],
    [['?'], t.keys.help],
  ];
  return (
    <dialog ref={dialog} class="help" aria-label={t.keys.title} onClose={() => (helpShown.value = false)}>
      <h2>{t.keys.title}</h2>
      <dl>
        {keys.map(([list, meaning]) => (
          <div key={list.join()}>
            <dt>
              {list.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
      <button type="button" class="button" onClick={() => (helpShown.value = false)}>
        {t.keys.done}
      </button>
    </dialog>
  );
}
