//! The letters of a history: few, nearly always.

/// Letters that need no memory of their own.
const FEW: usize = 7;

/// Letters of ASCII, one after another.
#[derive(Debug, Default)]
pub(super) struct Letters {
    few: [u8; FEW],
    count: u8,
    /// Those behind them.
    #[expect(
        clippy::box_collection,
        reason = "a third of the size where it is empty, as it mostly is"
    )]
    more: Option<Box<String>>,
}

impl Letters {
    /// How many there are, up to 255.
    pub(super) fn len(&self) -> usize {
        self.count.into()
    }

    /// Adds one; what is no ASCII stands as `?`.
    pub(super) fn push(&mut self, letter: char) {
        let letter = if letter.is_ascii() { letter } else { '?' };
        match self.few.get_mut(usize::from(self.count)) {
            Some(place) => *place = letter as u8,
            None => self.more.get_or_insert_default().push(letter),
        }
        self.count = self.count.saturating_add(1);
    }

    /// All of them.
    pub(super) fn text(&self) -> Box<str> {
        let few = self.few.iter().take(self.len()).copied().map(char::from);
        let more = self.more.iter().flat_map(|more| more.chars());
        few.chain(more).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_stay_in_their_order_however_many_they_are() {
        let mut letters = Letters::default();
        assert_eq!(&*letters.text(), "");
        let all: String = ('a'..='z').chain('A'..='Z').collect();
        for (count, letter) in all.char_indices() {
            assert_eq!(letters.len(), count);
            letters.push(letter);
            assert_eq!(*letters.text(), all[..=count]);
        }
    }
}
