//! Bytes that come in pieces which say where they belong, put in order: QUIC's CRYPTO frames, DTLS' fragments of messages.
//!
//! Browsers shuffle the pieces of their hello on purpose, within a packet and over several; packets get lost, overtake each other and are sent again.

/// The most bytes that are put in order, and that wait for others: the largest hello is far below that.
pub(crate) const MAX_BYTES: usize = 64 << 10;
/// The most pieces that may wait for what is before them.
const MAX_PIECES: usize = 256;

/// What has come so far.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    /// What is there from the beginning, without a hole.
    ready: Vec<u8>,
    /// What waits, by its place; they may overlap.
    waiting: Vec<(usize, Box<[u8]>)>,
    waiting_bytes: usize,
}

impl Pieces {
    /// What is there from the beginning, without a hole.
    pub(crate) fn ready(&self) -> &[u8] {
        &self.ready
    }

    /// How many bytes are held.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.ready.len()
            + self
                .waiting
                .iter()
                .map(|(_, data)| data.len())
                .sum::<usize>()
    }

    /// Takes a piece. What came first stays; what goes beyond the bounds is dropped. Whether there is more to read now.
    pub(crate) fn take(&mut self, offset: u64, data: &[u8]) -> bool {
        let Ok(offset) = usize::try_from(offset) else {
            return false;
        };
        let fits = offset
            .checked_add(data.len())
            .is_some_and(|end| end <= MAX_BYTES);
        if !fits || data.is_empty() {
            return false;
        }
        if offset > self.ready.len() {
            self.wait(offset, data);
            return false;
        }
        let before = self.ready.len();
        self.append(offset, data);
        while let Some((offset, _)) = self.waiting.first() {
            if *offset > self.ready.len() {
                break;
            }
            let (offset, data) = self.waiting.remove(0);
            self.waiting_bytes -= data.len();
            self.append(offset, &data);
        }
        self.ready.len() > before
    }

    fn append(&mut self, offset: usize, data: &[u8]) {
        let known = self.ready.len().saturating_sub(offset);
        self.ready
            .extend_from_slice(data.get(known..).unwrap_or_default());
    }

    fn wait(&mut self, offset: usize, data: &[u8]) {
        if self.waiting.len() >= MAX_PIECES || self.waiting_bytes + data.len() > MAX_BYTES {
            return;
        }
        let at = self.waiting.partition_point(|(other, _)| *other <= offset);
        // The same once more, as when a packet is sent again.
        if at
            .checked_sub(1)
            .and_then(|before| self.waiting.get(before))
            .is_some_and(|(other, bytes)| *other == offset && bytes.len() >= data.len())
        {
            return;
        }
        self.waiting_bytes += data.len();
        self.waiting.insert(at, (offset, data.into()));
    }
}
