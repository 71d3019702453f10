//! What a client said of variable length, in one piece of memory: handshakes are open by the thousand.

use super::hello::{Numbers, Texts};

/// Server name, application protocols, groups of key shares.
///
/// ```text
///  server name, cleaned | each protocol behind its length | each group in two bytes
/// ```
#[derive(Debug, Default)]
pub(super) struct Said {
    bytes: Box<[u8]>,
    /// Bytes of the server name, and one more if there is one.
    name: u16,
    /// Bytes of the protocols.
    alpn: u16,
}

impl Said {
    /// The host that is asked for, in the place of the one before.
    pub(super) fn name(&mut self, name: &str) {
        let mut end = name.len().min(usize::from(u16::MAX - 1));
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        self.bytes = [&name.as_bytes()[..end], self.behind_name()]
            .concat()
            .into();
        self.name = end as u16 + 1;
    }

    /// What else is offered: the protocols as they were sent, and groups.
    pub(super) fn offers(&mut self, alpn: &[u8], key_shares: impl Iterator<Item = u16> + Clone) {
        let alpn = if alpn.len() > usize::from(u16::MAX) {
            &[]
        } else {
            alpn
        };
        // What it had to grow for, an allocator might leave to it.
        let name = self.name_bytes();
        let all = name.len() + alpn.len() + 2 * key_shares.clone().count();
        let mut bytes = Vec::with_capacity(all);
        bytes.extend_from_slice(name);
        bytes.extend_from_slice(alpn);
        bytes.extend(key_shares.flat_map(u16::to_be_bytes));
        self.bytes = bytes.into();
        self.alpn = alpn.len() as u16;
    }

    fn name_bytes(&self) -> &[u8] {
        let end = usize::from(self.name.saturating_sub(1));
        self.bytes.get(..end).unwrap_or_default()
    }

    fn behind_name(&self) -> &[u8] {
        self.bytes
            .get(self.name_bytes().len()..)
            .unwrap_or_default()
    }

    /// The host that is asked for.
    pub(super) fn server_name(&self) -> Option<&str> {
        (self.name > 0).then(|| str::from_utf8(self.name_bytes()).unwrap_or_default())
    }

    /// The protocols that are offered.
    pub(super) fn alpn(&self) -> Texts<'_> {
        let bytes = self.behind_name();
        Texts::new(bytes.get(..self.alpn.into()).unwrap_or_default())
    }

    /// The groups of the key shares.
    pub(super) fn key_shares(&self) -> Numbers<'_> {
        let bytes = self.behind_name();
        Numbers::new(bytes.get(self.alpn.into()..).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_is_read_as_it_was() {
        let mut said = Said::default();
        assert_eq!((said.server_name(), said.alpn().count()), (None, 0));
        said.offers(b"\x02h2\x08http/1.1", [29, 0x11ec].into_iter());
        assert_eq!(said.server_name(), None);
        said.name("a.example");
        // The second hello, behind a retry.
        said.name("b.example");
        assert_eq!(said.server_name(), Some("b.example"));
        let alpn: Vec<&[u8]> = said.alpn().collect();
        assert_eq!(alpn, [b"h2".as_slice(), b"http/1.1"]);
        assert_eq!(said.key_shares().collect::<Vec<_>>(), [29, 0x11ec]);
        said.name("");
        assert_eq!(said.server_name(), Some(""));
        assert_eq!(said.key_shares().len(), 2);
        said.name(&"\u{e4}".repeat(40_000));
        assert_eq!(said.server_name().map(str::len), Some(65_534));
        assert_eq!(said.key_shares().len(), 2);
    }
}
