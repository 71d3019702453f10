//! Random numbers, the same on every run.

/// `splitmix64`: small, fast, good enough for traffic.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The sequence of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }

    /// The next 64 bits.
    #[inline]
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// A number below `bound` (which must not be 0).
    #[inline]
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(bound)) >> 64) as u64
    }

    /// A number in [0, 1).
    #[inline]
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// A bijection of 64-bit numbers that looks random.
#[inline]
#[must_use]
pub fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// Zipf's law with exponent 1 over the ranks 1 to `n`: rank k comes up in proportion to 1/k.
///
/// By rejection-inversion (Hörmann and Derflinger 1996, "Rejection-inversion to generate variates from monotone discrete
/// distributions"), so that no table of `n` numbers is needed. For exponent 1 the integral of 1/x is ln x.
#[derive(Clone, Debug)]
pub struct Zipf {
    n: f64,
    low: f64,
    high: f64,
    shortcut: f64,
}

impl Zipf {
    /// Ranks 1 to `n`, at least one.
    #[must_use]
    pub fn new(n: usize) -> Self {
        let n = n.max(1) as f64;
        Zipf {
            n,
            low: 1.5f64.ln() - 1.0,
            high: (n + 0.5).ln(),
            shortcut: 2.0 - (2.5f64.ln() - 0.5).exp(),
        }
    }

    /// The next rank, from 0 for the most popular.
    pub fn rank(&self, random: &mut Random) -> usize {
        loop {
            let u = self.high + random.unit() * (self.low - self.high);
            let x = u.exp();
            let k = x.round().clamp(1.0, self.n);
            if k - x <= self.shortcut || u >= (k + 0.5).ln() - 1.0 / k {
                return k as usize - 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zipf_is_zipf() {
        let (zipf, mut random) = (Zipf::new(1000), Random::new(1));
        let mut seen = vec![0u32; 1000];
        for _ in 0..1_000_000 {
            seen[zipf.rank(&mut random)] += 1;
        }
        // The harmonic number of 1000 is 7.4855.
        for rank in [1, 2, 5, 50] {
            let expected = 1_000_000.0 / 7.4855 / f64::from(rank);
            let found = f64::from(seen[rank as usize - 1]);
            assert!(
                (found / expected - 1.0).abs() < 0.05,
                "{rank}: {found} {expected}"
            );
        }
    }
}
