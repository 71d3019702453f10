// The monitor's HTTP API, typed: everything that crosses the wire is in this file. Times are milliseconds since 1970.

export interface Named {
  name: string;
  count: number;
}

/** Wire to delivery of one source; `null` is unknown. */
export interface CaptureAccount {
  source: string;
  wire: number | null;
  nic_missed: number | null;
  nic_errors: number | null;
  kernel_drops: number | null;
  filtered: number | null;
  in_flight: number | null;
  delivered: number;
  delivered_bytes: number;
  unaccounted: number | null;
}

export interface FrameAccount {
  delivered: number;
  delivered_bytes: number;
  filtered: number;
  beyond_count: number;
  undecodable: number;
  undecodable_by: Named[];
  not_ip: number;
  not_ip_by: Named[];
  hand_over_full: number;
  in_hand_over: number;
  analysed: number;
  handed_over: number;
  unaccounted: number;
}

export interface FlowAccount {
  opened: number;
  active: number;
  ended_by: Named[];
  refused: number;
  duplicates: number;
  fragments_unmatched: number;
  fragments_held: number;
  facts_lost: number;
  absurd_timestamps: number;
  weirds_suppressed: number;
  unaccounted: number;
}

export interface ApplicationAccount {
  opened: number;
  open: number;
  recognised: number;
  refused: number;
  shed: number;
  given_up: number;
  outside_window: number;
  datagrams_whole: number;
  datagrams_given_up: number;
}

export interface RecordAccount {
  output: string;
  produced: number;
  queued: number;
  dropped: number;
  /** Of what was queued; older monitors tell it only of their outputs. */
  lost_by_output?: number;
  /** It is for screens only: what it did not get is no loss. */
  shown_only: boolean;
}

/** Where every packet, flow and record went. */
export interface Ledger {
  capture: CaptureAccount[];
  frames: FrameAccount;
  flows: FlowAccount;
  applications: ApplicationAccount;
  records: RecordAccount[];
  writer: { queued: number; dropped: number } | null;
}

/** One second of the whole monitor: rates per second. */
export interface Second {
  /** Its begin. */
  ts: number;
  packets: number;
  bits: number;
  in_bits: number;
  out_bits: number;
  internal_bits: number;
  other_bits: number;
  in_packets: number;
  out_packets: number;
  internal_packets: number;
  other_packets: number;
  /** The busiest millisecond, all workers summed, as a rate per second. */
  peak_bits: number;
  peak_packets: number;
  /** `null`: unknown. */
  lost: number | null;
  flows_active: number;
  flows_opened: number;
}

/** The two ends of a conversation, the client first. */
export interface Ends {
  'id.orig_h': string;
  'id.orig_p': number;
  'id.resp_h': string;
  'id.resp_p': number;
  proto: string;
  uid?: string | null;
}

/** What a host, a service … does now: bits and packets per second. */
export interface Talker {
  name: string;
  detail?: string | null;
  in_bits: number;
  out_bits: number;
  packets: number;
  flows?: number | null;
  ends?: Ends | null;
}

/** One worker over about the last second; shares are 0 to 1. */
export interface Worker {
  name: string;
  cpu: number;
  pinned: boolean;
  mode: string;
  packets: number;
  flows: number;
  busy: number;
  idle: number;
  sleep: number;
  in_line: number;
  wakes: number;
  latency_us: number | null;
  /** Times since the start that it left its ring alone for longer than that holds out; of these, those of the last second; the longest. */
  away: number;
  away_now: number;
  away_longest_us: number;
}

export interface Source {
  name: string;
  packets: number;
  bits: number;
  lost: number | null;
}

export interface Output {
  name: string;
  state: string;
  written: number;
  dropped: number;
  bytes: number;
  errors: number;
  last_error: string | null;
}

export interface MemoryArea {
  name: string;
  bytes: number;
  pages: string;
  page_size: number;
  node: number | null;
  missing: string | null;
}

export interface Alert {
  name: string;
  severity: string;
  text: string;
  /** Which interface, output …; older monitors only say it in the text. */
  object?: string;
  since: number;
}

export interface Tops {
  hosts: Talker[];
  services: Talker[];
  applications: Talker[];
  conversations: Talker[];
  countries: Talker[];
}

/** All that a screen shows now. */
export interface View {
  version: number;
  ts: number;
  uptime_ms: number;
  second: Second;
  local_nets: 'configured' | 'private';
  ledger: Ledger;
  balanced: boolean;
  lost_packets: number;
  /** Records that outputs could not keep, for any reason; older monitors do not tell. */
  lost_records?: number;
  lost_anything: boolean;
  workers: Worker[];
  sources: Source[];
  flow_memory: { capacity: number; bytes: number; application_bytes: number };
  memory: MemoryArea[];
  outputs: Output[];
  top: Tops;
  alerts: Alert[];
}

export interface Status {
  version: string;
  sensor: string;
  started: number;
  uptime_ms: number;
  sources: string[];
  local_nets: string[];
  /** Whether a run goes on: without one there is history only. */
  live: boolean;
  store: { path: string; bytes: number; oldest: number | null; newest: number | null } | null;
  geo: boolean;
  auth: boolean;
  user: string | null;
}

export interface Session {
  authenticated: boolean;
  /** Whether one has to log in here at all. */
  required: boolean;
  user: string | null;
  csrf: string | null;
}

export type Cell = string | number | boolean | null | Cell[] | { [name: string]: Cell };

export interface Column {
  name: string;
  kind: string;
}

export interface Table {
  columns: Column[];
  rows: Cell[][];
}

/** What is asked of a range. */
export interface RangeAsk {
  from: number;
  to: number;
}

/** Where an answer comes from: the store, or what the run itself keeps of its last minutes. */
export type Origin = 'store' | 'live';

/** How much of the range an answer is about. */
export interface Extent {
  from: Origin;
  /** Whether all of the range was looked at. */
  complete: boolean;
  /** The begin of what was looked at. */
  since: number;
}

/** Named tables of a page. */
export type Tables = Extent & { [name: string]: Table | Origin | boolean | number };

export interface Rates {
  step_ms: number;
  /** Means of each step, per second; an empty name: of what has none. */
  series: { name: string; points: [ts: number, bits: number, packets: number, conns: number][] }[];
  from: Origin;
  complete: boolean;
  /** The range that it answers: not on the wire, and the page's has moved on when the answer comes. */
  asked: RangeAsk;
}

export const TOP_KINDS = ['host', 'service', 'app', 'conversation', 'country', 'proto', 'port', 'conn_state'] as const;
export type TopKind = (typeof TOP_KINDS)[number];

export interface TopRow {
  name: string;
  detail?: string | null;
  bytes: number;
  sent: number;
  received: number;
  packets: number;
  conns: number;
}

export interface Top extends Extent {
  rows: TopRow[];
}

/** A record by Zeek's names. */
export type LogRecord = Record<string, Cell>;

export interface Flows {
  rows: LogRecord[];
  next: string | null;
  searched_to: number;
  complete: boolean;
  from: Origin;
}

export interface Flow {
  conn: LogRecord | null;
  open: boolean;
  updates: LogRecord[];
  records: ({ log: string } & LogRecord)[];
}

export interface Host {
  address: string;
  names: string[];
  first_seen: number | null;
  last_seen: number | null;
  services: LogRecord[];
  peers: TopRow[];
  software: LogRecord[];
  dhcp: LogRecord[];
  totals: { sent: number; received: number; packets: number; conns: number };
  step_ms: number;
  history: [ts: number, sent: number, received: number][];
  geo?: { country?: string | null; asn?: number | null; as_org?: string | null } | null;
  complete: boolean;
  from: Origin;
  /** As in `Rates`. */
  asked: RangeAsk;
}

export interface QueryResult {
  columns: Column[];
  rows: Cell[][];
  truncated: boolean;
  elapsed_ms: number;
  files?: { read: number; total: number } | null;
}

export interface TableInfo {
  name: string;
  doc: string;
  columns: { name: string; kind: string; doc: string }[];
}

export interface FilterField {
  name: string;
  doc: string;
  example: string;
}

export interface FilterCheck {
  ok: boolean;
  error?: string;
  position?: number;
}

/** What the monitor, or the way to it, says instead of an answer. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint: string | null = null,
  ) {
    super(message);
    this.name = 'ApiError';
  }

  /** No answer at all. */
  get unreachable(): boolean {
    return this.status === 0;
  }
}

/** Called when an answer says that one has to log in. */
let onLoginNeeded: () => void = () => {};
export function whenLoginNeeded(callback: () => void): void {
  onLoginNeeded = callback;
}

let csrf: string | null = null;
let csrfKnown = false;

const ROOT = '/api/v1/';
/** Where the live stream is: server-sent events. */
export const LIVE = `${ROOT}live`;

type Query = Record<string, string | number | null | undefined>;

function address(path: string, query: Query): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === null || value === undefined || value === '') continue;
    params.set(name, typeof value === 'number' && Number.isFinite(value) ? String(Math.round(value)) : String(value));
  }
  const text = params.toString();
  return ROOT + path + (text === '' ? '' : `?${text}`);
}

async function send(url: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { ...init, credentials: 'same-origin' });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError(0, 'unreachable', 'The monitor does not answer.');
  }
  if (response.ok) return response;
  const error = await refusal(response);
  if (response.status === 401 && !url.endsWith('/login')) onLoginNeeded();
  throw error;
}

async function refusal(response: Response): Promise<ApiError> {
  try {
    const body = (await response.json()) as { error?: { code?: string; message?: string; hint?: string | null } };
    const { code, message, hint } = body.error ?? {};
    return new ApiError(response.status, code ?? String(response.status), message ?? response.statusText, hint ?? null);
  } catch {
    return new ApiError(response.status, String(response.status), response.statusText || `HTTP ${response.status}`);
  }
}

async function get<T>(path: string, query: Query, signal?: AbortSignal): Promise<T> {
  const response = await send(address(path, query), signal ? { signal } : {});
  return (await response.json()) as T;
}

/** An answer that tells for which range it was asked. */
async function getOf<T extends { asked: RangeAsk }>(path: string, query: Query & RangeAsk, signal?: AbortSignal): Promise<T> {
  const answer = await get<Omit<T, 'asked'>>(path, query, signal);
  return { ...answer, asked: { from: query.from, to: query.to } } as T;
}

async function post(path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
  if (!csrfKnown) await api.session();
  const ask = (): Promise<Response> =>
    send(ROOT + path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...(csrf === null ? {} : { 'X-CSRF-Token': csrf }) },
      body: JSON.stringify(body),
      ...(signal ? { signal } : {}),
    });
  try {
    return await ask();
  } catch (error) {
    // The monitor was restarted, and its tokens with it.
    if (!(error instanceof ApiError) || error.status !== 403) throw error;
    await api.session();
    return ask();
  }
}

export interface FlowsAsk extends RangeAsk {
  filter: string;
  limit: number;
  cursor: string | null;
  order: string;
  columns: string;
}

export type QueryEvent =
  | { event: 'schema'; columns: Column[] }
  | { event: 'rows'; rows: Cell[][] }
  | { event: 'progress'; done: number; total: number }
  | { event: 'done'; truncated: boolean; elapsed_ms: number; files?: { read: number; total: number } | null }
  | { event: 'error'; code: string; message: string; hint?: string | null };

export const api = {
  status: (signal?: AbortSignal) => get<Status>('status', {}, signal),
  seconds: (since: number, signal?: AbortSignal) => get<Second[]>('seconds', { since }, signal),
  rates: (ask: RangeAsk & { points: number; by: string }, signal?: AbortSignal) => getOf<Rates>('rates', { ...ask }, signal),
  top: (ask: RangeAsk & { kind: TopKind; limit: number; filter?: string }, signal?: AbortSignal) => get<Top>('top', { ...ask }, signal),
  flows: (ask: FlowsAsk, signal?: AbortSignal) => get<Flows>('flows', { ...ask }, signal),
  flow: (uid: string, ts: number | null, signal?: AbortSignal) => get<Flow>(`flows/${encodeURIComponent(uid)}`, { ts }, signal),
  host: (host: string, ask: RangeAsk, signal?: AbortSignal) => getOf<Host>(`hosts/${encodeURIComponent(host)}`, { ...ask }, signal),
  /** All tables of a page, or the one that is named. */
  tables: (page: 'applications' | 'tcp' | 'dns' | 'tls', ask: RangeAsk & { table?: string }, signal?: AbortSignal) => get<Tables>(page, { ...ask }, signal),
  schema: (signal?: AbortSignal) => get<TableInfo[]>('tables', {}, signal),
  filterFields: (signal?: AbortSignal) => get<FilterField[]>('filter/fields', {}, signal),
  filterCheck: (text: string, signal?: AbortSignal) => get<FilterCheck>('filter/check', { text }, signal),
  alerts: (signal?: AbortSignal) => get<Alert[]>('alerts', {}, signal),

  async session(signal?: AbortSignal): Promise<Session> {
    const session = await get<Session>('session', {}, signal);
    csrf = session.csrf;
    csrfKnown = true;
    return session;
  },
  async login(by: { token: string } | { password: string; user?: string }): Promise<void> {
    await post('login', by);
    await api.session();
  },
  async logout(): Promise<void> {
    await post('logout', {});
    csrfKnown = false;
  },

  /** Runs a statement; `onEvent` is told of rows and progress as they come. */
  async query(sql: string, maxRows: number, onEvent: (event: QueryEvent) => void, signal: AbortSignal): Promise<void> {
    const response = await post('query?stream=1', { sql, max_rows: maxRows }, signal);
    if (!response.body) return;
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '';
    for (;;) {
      const { done, value } = await reader.read();
      rest += value ?? '';
      const lines = rest.split('\n');
      rest = done ? '' : (lines.pop() ?? '');
      for (const line of lines) if (line.trim() !== '') onEvent(JSON.parse(line) as QueryEvent);
      if (done) return;
    }
  },

  /** The same result as a CSV file. */
  async csv(sql: string, maxRows: number, signal?: AbortSignal): Promise<Blob> {
    const response = await post('query', { sql, max_rows: maxRows, format: 'csv' }, signal);
    return response.blob();
  },
};
