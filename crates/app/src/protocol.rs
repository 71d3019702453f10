//! What a protocol is: [`Protocol`] and [`Session`].

use crate::context::Context;

/// Who sent something, by the part it plays in the protocol. Mostly the client is the flow's originator; where only the middle of a connection was seen it need not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Peer {
    /// Asks.
    Client,
    /// Answers.
    Server,
}

impl Peer {
    /// 0 for the client, 1 for the server.
    #[inline]
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }

    /// The other one.
    #[inline]
    #[must_use]
    pub fn other(self) -> Peer {
        match self {
            Peer::Client => Peer::Server,
            Peer::Server => Peer::Client,
        }
    }
}

/// What carries a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A stream each way.
    Tcp,
    /// Datagrams.
    Udp,
}

/// What a protocol may be carried by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transports {
    /// TCP only.
    Tcp,
    /// UDP only.
    Udp,
    /// Either.
    Both,
}

impl Transports {
    /// Whether `transport` is one of them.
    #[must_use]
    pub fn has(self, transport: Transport) -> bool {
        matches!(
            (self, transport),
            (Transports::Both, _)
                | (Transports::Tcp, Transport::Tcp)
                | (Transports::Udp, Transport::Udp)
        )
    }
}

/// What is there to tell a protocol by: the beginning of a TCP stream each way, or the first datagrams.
#[derive(Clone, Copy, Debug)]
pub struct Probe<'a> {
    /// What carries it.
    pub transport: Transport,
    /// The first bytes of the flow's originator (UDP: its latest datagram), whole from the beginning.
    pub orig: &'a [u8],
    /// The first bytes of its responder (UDP: its latest datagram).
    pub resp: &'a [u8],
    /// Port of the originator.
    pub orig_p: u16,
    /// Port of the responder.
    pub resp_p: u16,
}

impl<'a> Probe<'a> {
    /// What each side sent, with the part it would play as the one who speaks so: the originator's as the client's, then the responder's, for a flow seen the wrong way round.
    pub fn as_client(&self) -> [(&'a [u8], Peer); 2] {
        [(self.orig, Peer::Client), (self.resp, Peer::Server)]
    }

    /// Whether either port is one of `ports`.
    #[must_use]
    pub fn on(&self, ports: &[u16]) -> bool {
        ports.contains(&self.resp_p) || ports.contains(&self.orig_p)
    }
}

/// What a protocol says of a flow's first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not mine, whatever comes.
    No,
    /// May be mine: more bytes will tell.
    More,
    /// Mine. The flow's originator plays the part of this peer.
    Yes(Peer),
}

/// A protocol, as the registry has it.
pub struct Protocol {
    /// Its name in `service`: Zeek's, where Zeek has one.
    pub name: &'static str,
    /// What carries it.
    pub transports: Transports,
    /// Ports its servers have by custom: on them it is asked first.
    pub ports: &'static [u16],
    /// Whether these first bytes are its. Content decides; a protocol without any mark in its content asks for its port too ([`Probe::on`]).
    /// Called again with more bytes while it says [`Verdict::More`].
    pub detect: fn(&Probe<'_>) -> Verdict,
    /// A session for a flow that is its.
    pub session: fn(Transport) -> Box<dyn Session>,
}

impl std::fmt::Debug for Protocol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// What a session wants next of one peer's stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// So many bytes, as one unit; at most [`crate::MAX_UNIT`] (more are cut to that).
    Bytes(usize),
    /// A line: bytes up to and with the next LF, or so many bytes if no LF is among them (at most [`crate::MAX_UNIT`]).
    Line(usize),
    /// A field of a message's head: a line with those behind it that begin with a blank and go on with it (RFC 9112 section 5.2), or so many bytes if its end is not
    /// among them (at most [`crate::MAX_UNIT`]). An empty line stands alone.
    Field(usize),
    /// Whatever comes next, at least one byte.
    Any,
    /// To be asked again when so many bytes have gone by: nobody looks at them. `u64::MAX`: the rest of the stream.
    Skip(u64),
    /// Nothing any more of this peer. When nothing is wanted of both, the session ends.
    Nothing,
}

/// One conversation in one protocol.
///
/// For TCP: [`Session::start`] is asked once for each peer, then units come as they are wanted. For UDP each unit is a datagram; of the
/// wants only [`Want::Nothing`] means anything.
pub trait Session: Send {
    /// What it wants first of `peer`'s stream.
    fn start(&mut self, peer: Peer) -> Want;

    /// The unit that was wanted of `peer`; what is wanted of it next.
    fn unit(&mut self, peer: Peer, unit: &[u8], context: &mut Context<'_>) -> Want;

    /// The bytes that were not to be looked at have gone by.
    fn skipped(&mut self, _peer: Peer, _context: &mut Context<'_>) -> Want {
        Want::Nothing
    }

    /// `missing` bytes of `peer`'s stream were never seen; `rest` is what had come of the unit before them. What is wanted of the bytes behind: nothing, if a
    /// protocol cannot find its place again. (A gap within bytes that are skipped is not told.)
    fn gap(
        &mut self,
        _peer: Peer,
        _rest: &[u8],
        _missing: u64,
        _context: &mut Context<'_>,
    ) -> Want {
        Want::Nothing
    }

    /// `peer`'s stream is over, by FIN or with the flow; `rest` is what had come of a unit.
    fn closed(&mut self, _peer: Peer, _rest: &[u8], _context: &mut Context<'_>) {}

    /// The conversation is over, or nothing more is wanted of it: the time to write what is not yet written. Always the last call.
    fn end(&mut self, _context: &mut Context<'_>) {}
}
