//! The hellos of a conversation over QUIC, and the record of `ssl` that is made of them.

use crate::tls::Findings;
use crate::tls::hello::{Carrier, ClientHello, ServerHello};
use crate::{Context, Peer};

/// What is known of the handshakes of a conversation: one record, as Zeek writes it, though a client that was asked to begin again sends its hello twice.
#[derive(Debug, Default)]
pub(super) struct Hellos {
    findings: Option<Box<Findings>>,
}

impl Hellos {
    fn findings(&mut self, context: &mut Context<'_>) -> &mut Findings {
        self.findings.get_or_insert_with(|| {
            context.also("ssl");
            let mut findings = Findings::default();
            findings.begin(context);
            Box::new(findings)
        })
    }

    /// The body of a client's hello.
    pub(super) fn client<'a>(
        &mut self,
        body: &'a [u8],
        context: &mut Context<'_>,
    ) -> Option<ClientHello<'a>> {
        let hello = ClientHello::parse(body, Carrier::Quic)?;
        let findings = self.findings(context);
        findings.note(Peer::Client, 'c');
        findings.client_hello(&hello, &mut context.seen.fingerprints);
        Some(hello)
    }

    /// The body of a server's hello. Whether it is the last: it may ask for another one of the client.
    pub(super) fn server(&mut self, body: &[u8], context: &mut Context<'_>) -> bool {
        let Some(hello) = ServerHello::parse(body) else {
            return true;
        };
        let findings = self.findings(context);
        findings.note(Peer::Server, if hello.retry { 'j' } else { 's' });
        findings.server_hello(&hello, &mut context.seen.fingerprints);
        !hello.retry
    }

    /// Writes the record.
    pub(super) fn write(&mut self, context: &mut Context<'_>) {
        if let Some(findings) = &mut self.findings {
            findings.write(context);
        }
    }
}
