//! Somebody else's sessions beside ours: [`StreamSubscriber`], for users of the library who want the bytes of conversations themselves.

use crate::context::Facts;
use crate::protocol::{Protocol, Session, Transport, Transports, Verdict};

/// Wants to see what is said in conversations, in order.
///
/// Each worker has one of its own. It is asked once for each TCP or UDP flow, at its first payload; a [`Session`] that it gives then gets the conversation as those of our own protocols do:
/// lines, so many bytes, whole datagrams, gaps told, from the first byte that was seen. It runs beside the protocol that is found in the flow, each with its own order of the stream. As long as
/// it wants something the flow stays in the application stage; [`crate::Want::Nothing`] for both peers, or [`crate::Context::done`], lets it go.
///
/// The client is the originator: nothing was found out of the flow yet.
pub trait StreamSubscriber: Send {
    /// A conversation begins. A session for it, if it is wanted.
    fn begin(&mut self, flow: &dyn Facts, transport: Transport) -> Option<Box<dyn Session>>;
}

/// Stands for the protocol of a subscriber's session, which no flow is named after.
pub(crate) static SUBSCRIBED: Protocol = Protocol {
    name: "",
    transports: Transports::Both,
    ports: &[],
    detect: |_| Verdict::No,
    session: |_| Box::new(Nobody),
};

struct Nobody;

impl Session for Nobody {
    fn start(&mut self, _: crate::Peer) -> crate::Want {
        crate::Want::Nothing
    }

    fn unit(&mut self, _: crate::Peer, _: &[u8], _: &mut crate::Context<'_>) -> crate::Want {
        crate::Want::Nothing
    }
}
