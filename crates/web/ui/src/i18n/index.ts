import { computed } from '@preact/signals';
import { language } from '../lib/settings';
import { en, type Dictionary } from './en';
import { zh } from './zh';

/** The texts in the language that is set. Components that read it change with it. */
export const words = computed<Dictionary>(() => (language.value === 'zh' ? zh : en));
