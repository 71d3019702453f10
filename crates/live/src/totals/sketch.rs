//! Small stand-ins for what would take too much room: sets of which only the size is wanted, and numbers of which only quantiles are.

use std::hash::{DefaultHasher, Hash, Hasher};

/// Up to so many different ones are counted exactly, more are estimated (within about an eighth).
const MOST_HASHES: usize = 64;
/// Each power of two is told apart into so many parts: a quantile is right within a sixteenth.
const PARTS: u32 = 8;

/// How many different ones there are: the least of their hashes (Bar-Yossef et al., "Counting distinct elements in a data stream", 2002).
#[derive(Clone, Debug, Default)]
pub(super) struct Distinct {
    /// Ascending.
    least: Vec<u32>,
}

impl Distinct {
    /// One more, or one again.
    pub fn see(&mut self, what: &impl Hash) {
        let mut hasher = DefaultHasher::new();
        what.hash(&mut hasher);
        self.put((hasher.finish() >> 32) as u32);
    }

    /// One.
    pub fn of(what: &impl Hash) -> Self {
        let mut one = Distinct::default();
        one.see(what);
        one
    }

    fn put(&mut self, hash: u32) {
        if self.least.len() == MOST_HASHES && self.least.last().is_some_and(|last| *last <= hash) {
            return;
        }
        if let Err(place) = self.least.binary_search(&hash) {
            self.least.truncate(MOST_HASHES - 1);
            self.least.insert(place, hash);
        }
    }

    /// Those of both.
    pub fn add(&mut self, other: &Distinct) {
        for hash in &other.least {
            self.put(*hash);
        }
    }

    /// How many.
    pub fn count(&self) -> u64 {
        match self.least.last() {
            Some(last) if self.least.len() == MOST_HASHES => {
                let all = (MOST_HASHES as u64 - 1) << 32;
                all / u64::from(*last).max(1)
            }
            _ => self.least.len() as u64,
        }
    }

    /// Bytes on the heap.
    pub fn heap(&self) -> usize {
        self.least.capacity() * size_of::<u32>()
    }
}

/// Intervals in nanoseconds: how many, their quantiles, the longest.
#[derive(Clone, Debug, Default)]
pub(super) struct Spread {
    /// How many are in each part of a power of two; ascending, those that have any.
    parts: Vec<(u16, u32)>,
    count: u64,
    max: i64,
}

/// The part that a number is in.
fn part(value: u64) -> u16 {
    let value = value.max(u64::from(PARTS));
    let power = value.ilog2() - PARTS.ilog2();
    let within = (value >> power) as u32 - PARTS;
    (power * PARTS + within) as u16
}

/// The middle of a part.
fn middle(part: u16) -> u64 {
    let (power, within) = (u32::from(part) / PARTS, u32::from(part) % PARTS);
    let begin = u64::from(PARTS + within) << power;
    begin + (1u64 << power) / 2
}

impl Spread {
    /// One more; a negative one is none.
    pub fn put(&mut self, interval: i64) {
        let Ok(value) = u64::try_from(interval) else {
            return;
        };
        self.put_many(part(value), 1);
        self.count += 1;
        self.max = self.max.max(interval);
    }

    fn put_many(&mut self, part: u16, more: u32) {
        match self.parts.binary_search_by_key(&part, |known| known.0) {
            Ok(at) => self.parts[at].1 = self.parts[at].1.saturating_add(more),
            Err(at) => self.parts.insert(at, (part, more)),
        }
    }

    /// Those of both.
    pub fn add(&mut self, other: &Spread) {
        for (part, count) in &other.parts {
            self.put_many(*part, *count);
        }
        self.count = self.count.saturating_add(other.count);
        self.max = self.max.max(other.max);
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The longest, if there is any.
    pub fn max(&self) -> Option<i64> {
        (self.count > 0).then_some(self.max)
    }

    /// So long that this share of them is not longer, about.
    pub fn quantile(&self, share: f64) -> Option<i64> {
        let rank = (share * self.count as f64).ceil().max(1.0) as u64;
        let mut below = 0;
        let found = self.parts.iter().find(|(_, count)| {
            below += u64::from(*count);
            below >= rank
        });
        let (part, _) = found.or(self.parts.last())?;
        Some(i64::try_from(middle(*part)).map_or(self.max, |middle| middle.min(self.max)))
    }

    /// Bytes on the heap.
    pub fn heap(&self) -> usize {
        self.parts.capacity() * size_of::<(u16, u32)>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_are_counted_and_many_estimated_whoever_saw_them() {
        let (mut one, mut other) = (Distinct::default(), Distinct::default());
        for number in 0..40u32 {
            one.see(&number);
            one.see(&number);
            other.see(&(number + 20));
        }
        assert_eq!((one.count(), other.count()), (40, 40));
        one.add(&other);
        assert_eq!(one.count(), 60);
        for number in 0..100_000u32 {
            other.see(&number);
        }
        assert!(
            (75_000..125_000).contains(&other.count()),
            "{}",
            other.count()
        );
        assert!(other.heap() <= 2 * MOST_HASHES * 4);
    }

    #[test]
    fn quantiles_are_near_and_the_longest_exact() {
        let mut all = Spread::default();
        let mut halves = [Spread::default(), Spread::default()];
        for number in 1..=1000i64 {
            let interval = number * 1_000_000 + 7;
            all.put(interval);
            halves[usize::from(number % 2 == 0)].put(interval);
        }
        let [mut sum, other] = halves;
        sum.add(&other);
        for (share, wanted) in [(0.5, 500e6), (0.95, 950e6), (0.99, 990e6)] {
            for spread in [&all, &sum] {
                let found = spread.quantile(share).expect("there are some") as f64;
                assert!((found / wanted - 1.0).abs() < 0.07, "{share}: {found}");
            }
        }
        assert_eq!((sum.max(), sum.count()), (Some(1_000_000_007), 1000));
        assert_eq!(Spread::default().quantile(0.5), None);
        let mut odd = Spread::default();
        for interval in [-1, 0, 1, i64::MAX] {
            odd.put(interval);
        }
        assert_eq!((odd.count(), odd.max()), (3, Some(i64::MAX)));
        assert!(odd.quantile(1.0).is_some_and(|found| found > i64::MAX / 2));
    }
}
