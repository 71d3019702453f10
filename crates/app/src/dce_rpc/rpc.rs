//! What is bound and called over one connection or pipe.

use portreeve_record::app::dce_rpc::DceRpc;

use super::names::{self, Interface};
use super::pdu::{
    ALTER_CONTEXT, ALTER_CONTEXT_ACK, AUTH3, BIND, BIND_ACK, FAULT, HEADER, Header, Numbers,
    REQUEST, RESPONSE, header, needs,
};
use crate::gssapi::Gss;
use crate::text::text;
use crate::{Context, Peer};

/// The most interfaces that are bound at a time.
const MAX_CONTEXTS: usize = 32;
/// The most calls that are not yet answered.
const MAX_CALLS: usize = 32;
/// The most packets of one piece of a pipe's data that are looked at.
const MAX_PACKETS: usize = 64;
/// Bytes before a packet's credentials.
const AUTH_TRAILER: usize = 8;
/// Kinds of credentials: SPNEGO, NTLM, Kerberos.
const AUTH_KINDS: [u8; 3] = [9, 10, 16];

#[derive(Debug)]
struct Call {
    call: u32,
    context: u16,
    operation: u16,
    ts: i64,
}

/// One connection or pipe: what is bound, and what is called.
#[derive(Debug, Default)]
pub struct Rpc {
    /// The pipe's name as it was opened: tells the interface where no binding was seen.
    opened_as: Option<Box<str>>,
    named_pipe: Option<Box<str>>,
    contexts: Vec<(u16, Interface)>,
    calls: Vec<Call>,
    /// What of a packet is still to come, each way.
    left: [usize; 2],
    gss: Gss,
}

impl Rpc {
    /// What goes through a pipe of that name.
    #[must_use]
    pub fn on_pipe(name: Option<&str>) -> Rpc {
        Rpc {
            opened_as: name.map(Into::into),
            ..Rpc::default()
        }
    }

    /// What `peer` wrote: packets, or parts of them.
    pub fn data(&mut self, peer: Peer, mut data: &[u8], context: &mut Context<'_>) {
        let left = &mut self.left[peer.index()];
        let behind = (*left).min(data.len());
        *left -= behind;
        data = data.get(behind..).unwrap_or_default();
        for _ in 0..MAX_PACKETS {
            let Some(header) = header(data) else {
                return;
            };
            let here = header.len.min(data.len());
            let (packet, rest) = data.split_at_checked(here).unwrap_or((data, &[]));
            self.left[peer.index()] = header.len - here;
            let body = packet.get(HEADER..).unwrap_or_default();
            let body = body.get(..needs(&header)).unwrap_or(body);
            self.packet(&header, body, context);
            data = rest;
        }
    }

    /// A packet; `body` is what of it is to be looked at behind its header.
    pub(super) fn packet(&mut self, header: &Header, body: &[u8], context: &mut Context<'_>) {
        context.also("dce_rpc");
        // A body that ends too early gives what it has.
        let _ = match header.kind {
            BIND | ALTER_CONTEXT => self.bind(header, body),
            BIND_ACK => self.bound(header, body),
            REQUEST => self.request(header, body, context),
            RESPONSE => self.response(header, body, context),
            FAULT => {
                self.calls.retain(|call| call.call != header.call);
                None
            }
            _ => None,
        };
        let may_authenticate = matches!(
            header.kind,
            BIND | BIND_ACK | ALTER_CONTEXT | ALTER_CONTEXT_ACK | AUTH3
        );
        if may_authenticate && header.auth_len > 0 {
            let _ = self.credentials(header, body, context);
        }
    }

    fn bind(&mut self, header: &Header, body: &[u8]) -> Option<()> {
        let mut numbers = Numbers::new(body, header.little);
        numbers.reader.take(8)?;
        let count = numbers.reader.u8()?;
        numbers.reader.take(3)?;
        for _ in 0..count {
            let id = numbers.u16()?;
            let transfers = usize::from(numbers.reader.u8()?);
            numbers.reader.u8()?;
            let uuid = numbers.uuid()?;
            numbers.reader.take(4 + 20 * transfers)?;
            self.contexts.retain(|(known, _)| *known != id);
            if self.contexts.len() >= MAX_CONTEXTS {
                self.contexts.remove(0);
            }
            self.contexts.push((id, names::interface(uuid)));
        }
        Some(())
    }

    fn bound(&mut self, header: &Header, body: &[u8]) -> Option<()> {
        let mut numbers = Numbers::new(body, header.little);
        numbers.reader.take(8)?;
        let len = numbers.u16()?;
        let address = numbers.reader.take(len.into())?;
        let address = address.split(|byte| *byte == 0).next()?;
        if !address.is_empty() {
            self.named_pipe = Some(text(address));
        }
        Some(())
    }

    fn request(&mut self, header: &Header, body: &[u8], context: &mut Context<'_>) -> Option<()> {
        let mut numbers = Numbers::new(body, header.little);
        numbers.reader.take(4)?;
        let (bound, operation) = (numbers.u16()?, numbers.u16()?);
        if !header.is_last {
            return None;
        }
        if self.calls.len() >= MAX_CALLS {
            self.calls.remove(0);
        }
        self.calls.push(Call {
            call: header.call,
            context: bound,
            operation,
            ts: context.now(),
        });
        Some(())
    }

    fn response(&mut self, header: &Header, body: &[u8], context: &mut Context<'_>) -> Option<()> {
        let mut numbers = Numbers::new(body, header.little);
        numbers.reader.take(4)?;
        let bound = numbers.u16()?;
        if !header.is_last {
            return None;
        }
        let at = self
            .calls
            .iter()
            .position(|call| call.call == header.call)?;
        let call = self.calls.remove(at);
        let of = |id: u16| self.contexts.iter().find(|(known, _)| *known == id);
        let interface = match of(bound).or_else(|| of(call.context)) {
            Some((_, interface)) => *interface,
            None => names::of_pipe(self.named_pipe.as_deref().or(self.opened_as.as_deref())?)?,
        };
        if interface.is_ignored(call.operation) {
            return None;
        }
        context.emit(DceRpc {
            head: context.head(call.ts),
            rtt: Some(context.now() - call.ts),
            named_pipe: self.named_pipe.clone(),
            endpoint: Some(interface.name()),
            operation: Some(interface.operation(call.operation)),
        });
        Some(())
    }

    fn credentials(
        &mut self,
        header: &Header,
        body: &[u8],
        context: &mut Context<'_>,
    ) -> Option<()> {
        if body.len() + HEADER < header.len {
            return None;
        }
        let from = body.len().checked_sub(header.auth_len + AUTH_TRAILER)?;
        let (trailer, token) = body.get(from..)?.split_at_checked(AUTH_TRAILER)?;
        if AUTH_KINDS.contains(trailer.first()?) {
            self.gss.token(token, context);
        }
        Some(())
    }

    /// The connection or pipe is closed.
    pub fn end(&mut self, context: &mut Context<'_>) {
        self.gss.end(context);
    }
}
