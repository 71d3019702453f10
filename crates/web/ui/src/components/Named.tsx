// The name of a row in a list of the greatest, as a link to its page or to its flows.

import type { Ends, TopKind } from '../api';
import { href } from '../lib/url';
import { term } from '../lib/filter';

/** `tcp/443` → `proto:tcp port:443`; a name → `service:dns`. */
export function serviceFilter(name: string): string {
  const match = /^(\w+)\/(\d+)$/.exec(name);
  return match ? `${term('proto', match[1] ?? '')} ${term('port', match[2] ?? '')}` : term('service', name);
}

export function conversationFilter(ends: Ends): string {
  return `${term('orig', ends['id.orig_h'])} ${term('resp', ends['id.resp_h'])} ${term('port', String(ends['id.resp_p']))}`;
}

function filterOf(kind: TopKind, name: string): string {
  switch (kind) {
    case 'service':
      return serviceFilter(name);
    case 'app':
      return term('app', name);
    case 'country':
      return term('country', name);
    case 'proto':
      return term('proto', name);
    case 'port':
      return /^\w+\/\d+$/.test(name) ? serviceFilter(name) : term('port', name);
    case 'conn_state':
      return term('state', name);
    case 'host':
      return name;
    case 'conversation': {
      const [from = '', to = ''] = name.split(/\s*(?:>|→|<->|↔|–)\s*/);
      const bare = (end: string): string => end.replace(/\s.*$/, '').replace(/^\[?(.*?)\]?:\d+$/, '$1');
      return to === '' ? bare(from) : `${bare(from)} ${bare(to)}`;
    }
  }
}

export function NameLink({ kind, name, ends }: { kind: TopKind; name: string; ends?: Ends | null | undefined }) {
  if (kind === 'host') return <a href={href('hosts', name)}>{name}</a>;
  const filter = ends ? conversationFilter(ends) : filterOf(kind, name);
  return <a href={href('flows', null, { filter })}>{name}</a>;
}
