//! Whether a user was let in, from the sizes of what the server sends encrypted: Zeek's method.
//!
//! The server's first encrypted segment behind the client's first one accepts the service `ssh-userauth` (RFC 4253 section 10). If the next is 16 bytes shorter it
//! is `USERAUTH_SUCCESS` (RFC 4252 section 5.1), which has no content: the user needed no proof. Else it is a `USERAUTH_FAILURE` to the
//! request that only asks for the ways there are (or, much longer, a banner, behind which that comes). From then on, each segment of that size is an attempt that
//! failed, and one of the size of `USERAUTH_SUCCESS` is an attempt that succeeded.

/// A segment this much longer than the acceptance of the service is a banner.
const BANNER: usize = 256;
/// By how much a success is shorter than the acceptance of the service.
const SUCCESS: usize = 16;
/// A segment that is shorter than any packet (RFC 4253 section 6) is not what the server wrote in one go.
const SHORTEST: usize = 16;
/// After so many segments of the server nothing more is to be learnt.
const MAX_SEGMENTS: u8 = 64;

/// What was seen so far of the server's encrypted segments.
#[derive(Debug, Default)]
pub(super) struct Auth {
    client_spoke: bool,
    accept: Option<usize>,
    failure: Option<usize>,
    banner: bool,
    segments: u8,
}

/// What a segment says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// Nothing yet.
    Nothing,
    /// An attempt failed.
    Failed,
    /// An attempt succeeded: the last.
    Succeeded,
    /// Nothing, and nothing will.
    Over,
}

impl Auth {
    /// The client sent something encrypted.
    pub(super) fn client(&mut self) {
        self.client_spoke = true;
    }

    /// The server sent an encrypted segment of `len` bytes.
    pub(super) fn server(&mut self, len: usize) -> Says {
        self.segments = self.segments.saturating_add(1);
        if self.segments > MAX_SEGMENTS || len < SHORTEST {
            return Says::Over;
        }
        if !self.client_spoke {
            return Says::Nothing;
        }
        let Some(accept) = self.accept else {
            self.accept = Some(len);
            return Says::Nothing;
        };
        let success = len + SUCCESS == accept;
        let Some(failure) = self.failure else {
            if success {
                return Says::Succeeded;
            }
            if !self.banner && len > accept + BANNER {
                self.banner = true;
            } else {
                self.failure = Some(len);
            }
            return Says::Nothing;
        };
        if len == failure {
            Says::Failed
        } else if success {
            Says::Succeeded
        } else {
            Says::Nothing
        }
    }
}
