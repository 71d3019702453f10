//! What a session may know and do beside its bytes: [`Context`].

use std::net::IpAddr;

use portreeve_record::app::tunnel::{Tunnel, TunnelAction, TunnelType};
use portreeve_record::{App, Fuid, Head, Record, RecordSink, Uid, Weird, When};

use crate::encrypted_dns;
use crate::file::Hashes;
use crate::file::coding::Inflaters;
use crate::products::Products;
use crate::protocol::{Peer, Protocol, Transport, Want};
use crate::seen::Seen;

/// What is known of the flow that a session is about.
pub trait Facts {
    /// What its records begin with, for something that was seen at `ts`.
    fn head(&self, ts: i64) -> Head;

    /// Ports of originator and responder.
    fn ports(&self) -> [u16; 2];

    /// Whether an address is in the networks that are ours; `None` if none are configured.
    fn is_local(&self, addr: IpAddr) -> Option<bool>;
}

impl Facts for portreeve_flow::Flow<'_> {
    fn head(&self, ts: i64) -> Head {
        portreeve_flow::Flow::head(self, ts)
    }

    fn ports(&self) -> [u16; 2] {
        let (_, orig_p, _, resp_p) = self.endpoints();
        [orig_p, resp_p]
    }

    fn is_local(&self, addr: IpAddr) -> Option<bool> {
        portreeve_flow::Flow::is_local(self, addr)
    }
}

/// What a session asked for, to be done when it returns.
#[derive(Default)]
pub(crate) struct Requests {
    /// What is wanted of a peer whose unit it was not.
    pub(crate) wants: [Option<Want>; 2],
    pub(crate) hand_over: Option<&'static Protocol>,
    pub(crate) detect_again: bool,
    pub(crate) done: bool,
    pub(crate) not_mine: bool,
    pub(crate) services: [Option<&'static str>; 2],
    /// The product that a name in a record tells, or 0.
    pub(crate) product: u16,
}

/// What is around a session while it is called.
pub struct Context<'a> {
    pub(crate) now: i64,
    /// When the first byte of the unit at hand came.
    pub(crate) since: i64,
    pub(crate) transport: Transport,
    pub(crate) facts: &'a dyn Facts,
    pub(crate) sink: &'a mut dyn RecordSink,
    pub(crate) requests: &'a mut Requests,
    pub(crate) skipped: [u64; 2],
    pub(crate) client_is_orig: bool,
    pub(crate) limits: &'a mut Limits,
    /// How many files each sender has begun: client, server.
    pub(crate) files: &'a mut [u32; 2],
    pub(crate) products: &'a Products,
    pub(crate) seen: &'a mut Seen,
    pub(crate) truncated: bool,
}

impl Context<'_> {
    /// Whether something is asked for that is to be done before the next unit.
    pub(crate) fn has_requests(&self) -> bool {
        let requests = &self.requests;
        requests.done
            || requests.not_mine
            || requests.detect_again
            || requests.hand_over.is_some()
            || requests.product != 0
            || requests.services[0].is_some()
            || requests.wants.iter().any(Option::is_some)
    }

    /// The time of the packet at hand, nanoseconds since 1970-01-01 UTC.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.now
    }

    /// When the first byte of the unit at hand came, nanoseconds since 1970-01-01 UTC: it may have waited for the others.
    pub(crate) fn since(&self) -> i64 {
        self.since
    }

    /// What carries the conversation.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// What a record begins with, for something that was seen at `ts`.
    #[must_use]
    pub fn head(&self, ts: i64) -> Head {
        self.facts.head(ts)
    }

    /// Whether the datagram at hand is not whole: the capture ends before it does, or fragments never came. What breaks off then is nobody's fault.
    #[must_use]
    pub fn truncated(&self) -> bool {
        self.truncated
    }

    /// Notes that the conversation is a tunnel, by a proxy's leave. As in Zeek the port of the client is no part of it.
    pub fn tunnel(&mut self, kind: TunnelType) {
        let mut head = self.head(self.now);
        if self.client_is_orig {
            head.orig_p = 0;
        } else {
            head.resp_p = 0;
        }
        self.emit(Tunnel {
            head,
            kind,
            action: TunnelAction::Discover,
        });
    }

    /// Which hashes of files are asked for.
    #[must_use]
    pub fn hashes(&self) -> Hashes {
        self.limits.hashes
    }

    pub(crate) fn inflaters(&self) -> &Inflaters {
        &self.limits.inflaters
    }

    /// The identifier of the next file that `peer` sends in the flow `uid`, which is this one's.
    pub(crate) fn next_fuid(&mut self, peer: Peer, uid: Uid) -> Fuid {
        let count = &mut self.files[peer.index()];
        let ordinal = *count;
        *count = count.wrapping_add(1);
        Fuid::new(uid, !self.is_orig(peer), ordinal)
    }

    /// Whether `peer` is the flow's originator.
    #[must_use]
    pub fn is_orig(&self, peer: Peer) -> bool {
        (peer == Peer::Client) == self.client_is_orig
    }

    /// Whether an address is in the networks that are ours; `None` if none are configured.
    #[must_use]
    pub fn is_local(&self, address: IpAddr) -> Option<bool> {
        self.facts.is_local(address)
    }

    /// Whether the client is the flow's originator, as it should be.
    #[must_use]
    pub fn client_is_orig(&self) -> bool {
        self.client_is_orig
    }

    /// Bytes of `peer` that went by in the last [`Want::Skip`], as far as they were seen.
    #[must_use]
    pub fn skipped(&self, peer: Peer) -> u64 {
        self.skipped[peer.index()]
    }

    /// Writes a record.
    pub fn emit(&mut self, record: impl Into<App>) {
        self.limits.records += 1;
        let record = record.into();
        // What a conversation is says more than who it is with.
        let carried = encrypted_dns::product(&record);
        if carried != 0 {
            self.requests.product = carried;
        }
        if let Some(host) = host(&record) {
            self.is_with(host);
        }
        self.sink.emit(Record::App(record), When::packet(self.now));
    }

    /// Notes that the conversation is with a host of that name: the first name that tells a product decides, since a proxy's later ones are others' business.
    pub(crate) fn is_with(&mut self, host: &str) {
        if self.requests.product == 0 {
            self.requests.product = self.products.of_host(host);
        }
    }

    /// Notes something odd, by Zeek's name where it has one. Rate-limited: samples, not a count. Nothing is odd about a datagram that is not whole ([`Context::truncated`]).
    pub fn weird(&mut self, name: &'static str) {
        if self.truncated || !self.limits.may_be_weird(self.now) {
            return;
        }
        let head = self.facts.head(self.now);
        let weird = Record::Weird(Weird {
            ts: self.now,
            uid: Some(head.uid),
            endpoints: Some((head.orig_h, head.orig_p, head.resp_h, head.resp_p)),
            name,
            addl: None,
            source: head.source,
        });
        self.sink.emit(weird, When::packet(self.now));
    }

    /// Names the flow after another protocol too: one that is carried inside (`ntlm` in `smb`).
    pub fn also(&mut self, service: &'static str) {
        if let Some(place) = self.requests.services.iter_mut().find(|s| s.is_none()) {
            *place = Some(service);
        }
    }

    /// Changes what is wanted of a peer whose unit this is not. Bytes held of its present unit count for the new one.
    pub fn want(&mut self, peer: Peer, want: Want) {
        self.requests.wants[peer.index()] = Some(want);
    }

    /// From the next bytes on this is another protocol (STARTTLS): its session begins when this call returns.
    pub fn hand_over(&mut self, protocol: &'static Protocol) {
        self.requests.hand_over = Some(protocol);
    }

    /// From the next bytes on this is something, nobody knows what (a proxy's CONNECT): to be found out anew. Of datagrams, from the one at hand on.
    pub fn detect_again(&mut self) {
        self.requests.detect_again = true;
    }

    /// Nothing more is needed of this flow.
    pub fn done(&mut self) {
        self.requests.done = true;
    }

    /// It is not this protocol after all: the flow is not named after it.
    pub fn not_mine(&mut self) {
        self.requests.not_mine = true;
    }
}

/// The name of the host that a record says the conversation is with.
fn host(record: &App) -> Option<&str> {
    match record {
        App::Http(http) => http.host.as_deref(),
        App::Ssl(ssl) => ssl.server_name.as_deref(),
        App::Quic(quic) => quic.server_name.as_deref(),
        _ => None,
    }
}

/// What all conversations of a worker share in bounds and counts.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    pub(crate) records: u64,
    pub(crate) weirds: u64,
    pub(crate) weirds_suppressed: u64,
    weirds_per_second: u32,
    /// Which hashes of files are asked for.
    pub(crate) hashes: Hashes,
    pub(crate) inflaters: Inflaters,
    /// Conversations that there was no room for any more.
    pub(crate) given_up: u64,
    /// Segments that no window of their stream reaches.
    pub(crate) outside_window: u64,
    second: i64,
    this_second: u32,
}

const SECOND: i64 = 1_000_000_000;

impl Limits {
    pub(crate) fn new(weirds_per_second: u32, hashes: Hashes) -> Limits {
        Limits {
            weirds_per_second,
            hashes,
            ..Limits::default()
        }
    }

    fn may_be_weird(&mut self, now: i64) -> bool {
        self.weirds += 1;
        let second = now.div_euclid(SECOND);
        if second != self.second {
            self.second = second;
            self.this_second = 0;
        }
        if self.this_second >= self.weirds_per_second {
            self.weirds_suppressed += 1;
            return false;
        }
        self.this_second += 1;
        true
    }
}
