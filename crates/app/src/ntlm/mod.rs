//! NTLM ([MS-NLMP]): who authenticates, from the three messages that SMB, HTTP, LDAP, RDP and others carry. No protocol of its own: what carries it keeps an
//! [`Authentication`] and gives it the messages; the record `ntlm` comes of that.

use portreeve_record::app::ntlm::Ntlm;

use crate::text::text;
use crate::utf16::utf16;
use crate::{Context, Reader};

const SIGNATURE: &[u8] = b"NTLMSSP\0";
const NEGOTIATE: u32 = 1;
const CHALLENGE: u32 = 2;
const AUTHENTICATE: u32 = 3;
/// Texts are in UTF-16, not in the client's code page.
const UNICODE: u32 = 1;
/// The most facts of a server that are read out of a challenge.
const MAX_FACTS: usize = 32;

/// Authentications of one conversation, one after the other.
#[derive(Debug, Default)]
pub struct Authentication {
    /// The one that goes on.
    record: Option<Box<Ntlm>>,
}

impl Authentication {
    /// Whether these bytes are a message of NTLM.
    #[must_use]
    pub fn is_message(bytes: &[u8]) -> bool {
        bytes.starts_with(SIGNATURE)
    }

    /// A message, whoever sent it.
    pub fn message(&mut self, message: &[u8], context: &mut Context<'_>) {
        let mut reader = Reader::new(message);
        let Some(SIGNATURE) = reader.take(SIGNATURE.len()) else {
            return;
        };
        let Some(kind) = reader.u32_le() else {
            return;
        };
        if !(NEGOTIATE..=AUTHENTICATE).contains(&kind) {
            return;
        }
        context.also("ntlm");
        if kind == NEGOTIATE && self.record.as_ref().is_some_and(|r| r.username.is_some()) {
            self.end(context);
        }
        let record = self.record.get_or_insert_with(|| {
            Box::new(Ntlm {
                head: context.head(context.now()),
                ..Ntlm::default()
            })
        });
        // What is not there stays unknown.
        let _ = match kind {
            CHALLENGE => challenge(record, message),
            AUTHENTICATE => authenticate(record, message),
            _ => None,
        };
    }

    /// The server accepts the client, or does not.
    pub fn result(&mut self, accepted: bool, context: &mut Context<'_>) {
        if let Some(record) = &mut self.record {
            record.success = Some(accepted);
            self.end(context);
        }
    }

    /// Nothing more comes: what is not yet written is.
    pub fn end(&mut self, context: &mut Context<'_>) {
        if let Some(record) = self.record.take() {
            context.emit(*record);
        }
    }
}

/// Length, room, and offset from the message's beginning ([MS-NLMP] section 2.2.1).
fn field<'a>(message: &'a [u8], reader: &mut Reader<'_>) -> Option<&'a [u8]> {
    let len = usize::from(reader.u16_le()?);
    reader.u16_le()?;
    let from = usize::try_from(reader.u32_le()?).ok()?;
    message.get(from..from.checked_add(len)?)
}

/// CHALLENGE_MESSAGE (section 2.2.1.2): what the server says of itself.
fn challenge(record: &mut Ntlm, message: &[u8]) -> Option<()> {
    let mut reader = Reader::new(message.get(40..)?);
    let mut facts = Reader::new(field(message, &mut reader)?);
    for _ in 0..MAX_FACTS {
        let (id, len) = (facts.u16_le()?, facts.u16_le()?);
        let value = facts.take(len.into())?;
        match id {
            0 => break,
            1 => record.server_nb_computer_name = Some(utf16(value)),
            3 => record.server_dns_computer_name = Some(utf16(value)),
            5 => record.server_tree_name = Some(utf16(value)),
            _ => {}
        }
    }
    Some(())
}

/// AUTHENTICATE_MESSAGE (section 2.2.1.3): who it is.
fn authenticate(record: &mut Ntlm, message: &[u8]) -> Option<()> {
    let flags = message
        .get(60..)
        .and_then(|rest| Reader::new(rest).u32_le())
        .unwrap_or(UNICODE);
    let name = |bytes: &[u8]| match bytes {
        [] => None,
        bytes if flags & UNICODE != 0 => Some(utf16(bytes)),
        bytes => Some(text(bytes)),
    };
    let mut reader = Reader::new(message.get(28..)?);
    record.domainname = name(field(message, &mut reader)?);
    record.username = name(field(message, &mut reader)?);
    record.hostname = name(field(message, &mut reader)?);
    Some(())
}
