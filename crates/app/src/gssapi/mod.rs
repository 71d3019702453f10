//! GSS-API tokens and SPNEGO (RFC 2743 section 3.1, RFC 4178): how SMB, LDAP, HTTP, RDP and others carry NTLM and Kerberos.
//!
//! No protocol of its own: a session that comes upon a token gives it to its [`Gss`], which finds the mechanism inside, hands its message on and names the flow
//! after both. Kerberos tokens have the form of RFC 4121 section 4.1, or are the bare message: Windows leaves the frame away in DCE/RPC and LDAP (MS-KILE section 3.4.5.1).

use crate::Context;
use crate::ber::{ENUMERATED, Elements, OCTET_STRING, OID, SEQUENCE, application, context};
use crate::kerberos::Exchange;
use crate::ntlm::Authentication;

const SPNEGO: &[u8] = &[0x2b, 6, 1, 5, 5, 2];
const KERBEROS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 1, 2, 2];
/// Kerberos as Windows 2000 misspelt it.
const MS_KERBEROS: &[u8] = &[0x2a, 0x86, 0x48, 0x82, 0xf7, 0x12, 1, 2, 2];
/// Kerberos with the messages to the key distribution centre on the same way (draft-ietf-kitten-iakerb).
const IAKERB: &[u8] = &[0x2b, 6, 1, 5, 2, 5];
const ACCEPTED: i64 = 0;
const REJECTED: i64 = 2;

/// What authentications a conversation carries in GSS-API tokens.
#[derive(Debug, Default)]
pub struct Gss {
    ntlm: Authentication,
    kerberos: Exchange,
}

impl Gss {
    /// A token, whoever sent it: SPNEGO's, a mechanism's within GSS-API's frame, or NTLM's bare message.
    pub fn token(&mut self, token: &[u8], context: &mut Context<'_>) {
        if Authentication::is_message(token) {
            return self.mechanism(token, context);
        }
        let mut elements = Elements::new(token);
        if let Some(mut inner) = elements.inside(application(0)) {
            match inner.content(OID) {
                Some(SPNEGO) => {
                    context.also("gssapi");
                    self.negotiation(inner, context);
                }
                Some(KERBEROS | MS_KERBEROS | IAKERB) => self.kerberos(inner.rest(), context),
                _ => {}
            }
        } else if matches!(token.first(), Some(0xa0 | 0xa1)) {
            self.negotiation(elements, context);
        } else {
            self.kerberos_message(token, context);
        }
    }

    fn negotiation(&mut self, mut elements: Elements<'_>, context: &mut Context<'_>) {
        let Some((tag, content)) = elements.next() else {
            return;
        };
        let Some(inner) = Elements::new(content).inside(SEQUENCE) else {
            return;
        };
        let mut result = None;
        for (field, content) in inner {
            let mut content = Elements::new(content);
            // The mechanism's token is field 2 of both messages.
            if field == self::context(2) {
                if let Some(message) = content.content(OCTET_STRING) {
                    self.mechanism(message, context);
                }
            } else if tag == self::context(1) && field == self::context(0) {
                result = content.number(ENUMERATED);
            }
        }
        match result {
            Some(ACCEPTED) => self.result(true, context),
            Some(REJECTED) => self.result(false, context),
            _ => {}
        }
    }

    fn mechanism(&mut self, message: &[u8], context: &mut Context<'_>) {
        if Authentication::is_message(message) {
            return self.ntlm.message(message, context);
        }
        let Some(mut inner) = Elements::new(message).inside(application(0)) else {
            return self.kerberos_message(message, context);
        };
        if let Some(KERBEROS | MS_KERBEROS | IAKERB) = inner.content(OID) {
            self.kerberos(inner.rest(), context);
        }
    }

    /// The one who was asked accepts the client, or does not.
    pub fn result(&mut self, accepted: bool, context: &mut Context<'_>) {
        self.ntlm.result(accepted, context);
    }

    /// The conversation is over.
    pub fn end(&mut self, context: &mut Context<'_>) {
        self.ntlm.end(context);
        self.kerberos.end(context);
    }

    /// A message of Kerberos behind its token's identifier: 1 for AP-REQ, 2 for AP-REP, 3 for KRB-ERROR.
    fn kerberos(&mut self, token: &[u8], context: &mut Context<'_>) {
        if let Some((&[1..=3, 0], message)) = token.split_first_chunk::<2>() {
            self.kerberos_message(message, context);
        }
    }

    fn kerberos_message(&mut self, message: &[u8], context: &mut Context<'_>) {
        if self.kerberos.message(message, context) {
            context.also("krb");
        }
    }
}
