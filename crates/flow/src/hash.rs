//! The table's hash: seeded, so that nobody who cannot read our memory can aim at one bucket; two multiplications for IPv4.

use portreeve_packet::FlowKey;

/// A flow key as six words, which is how the table compares it. The upper 16 bits of the last are zero.
pub(crate) type KeyWords = [u64; 6];

/// The key as words.
#[inline(always)]
pub(crate) fn words(key: &FlowKey) -> KeyWords {
    let (low, high) = (
        u128::from_ne_bytes(key.low_addr),
        u128::from_ne_bytes(key.high_addr),
    );
    [
        low as u64,
        (low >> 64) as u64,
        high as u64,
        (high >> 64) as u64,
        u64::from(key.low_port)
            | u64::from(key.high_port) << 16
            | u64::from(key.vlan) << 32
            | u64::from(key.inner_vlan) << 48,
        // `reserved` is zero; with it the word is one load.
        u64::from(key.tunnel)
            | u64::from(key.protocol) << 32
            | u64::from(key.version) << 40
            | u64::from(key.reserved) << 48,
    ]
}

/// The key that [`words`] were made of.
pub(crate) fn key(words: &KeyWords) -> FlowKey {
    let address =
        |at: usize| (u128::from(words[at]) | u128::from(words[at + 1]) << 64).to_ne_bytes();
    FlowKey {
        low_addr: address(0),
        high_addr: address(2),
        low_port: words[4] as u16,
        high_port: (words[4] >> 16) as u16,
        vlan: (words[4] >> 32) as u16,
        inner_vlan: (words[4] >> 48) as u16,
        tunnel: words[5] as u32,
        protocol: (words[5] >> 32) as u8,
        version: (words[5] >> 40) as u8,
        reserved: 0,
    }
}

/// The secrets of one table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seeds([u64; 4]);

impl Seeds {
    /// Four words from one, each with enough bits set.
    pub(crate) fn new(seed: u64) -> Seeds {
        // The digits of pi, then SplitMix64 over seed and them: a seed of zero is as good as any.
        let mut state = seed ^ 0x243F_6A88_85A3_08D3;
        let mut next = || {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut x = state;
            x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            x ^ (x >> 31)
        };
        Seeds([next() | 1, next() | 1, next() | 1, next() | 1])
    }

    /// The hash of a key.
    #[inline(always)]
    pub(crate) fn hash(&self, words: &KeyWords) -> u64 {
        let s = &self.0;
        let context = words[5];
        if words[0] | words[2] == 0 {
            // IPv4 (or an IPv6 address that begins with 64 zero bits: as good).
            let addresses = words[1].rotate_left(32) ^ words[3];
            let both = mum(words[1] ^ s[0], words[3].rotate_left(17) ^ s[1]);
            return mum(both ^ context ^ s[2], words[4] ^ addresses ^ s[3]);
        }
        let low = mum(words[0] ^ s[0], words[1] ^ s[1]);
        let high = mum(words[2] ^ s[2], words[3] ^ s[3]);
        let both = mum(low ^ s[3], high.rotate_left(23) ^ s[2]);
        mum(both ^ context ^ s[1], words[4] ^ low ^ s[0])
    }
}

/// The two halves of the 128-bit product, folded.
#[inline(always)]
fn mum(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use portreeve_packet::key::mapped;

    fn v4(a: u32, p: u16, b: u32, q: u16) -> FlowKey {
        FlowKey::new(
            (mapped(a.to_be_bytes()), p),
            (mapped(b.to_be_bytes()), q),
            6,
            4,
        )
        .0
    }

    #[test]
    fn words_and_back() {
        let mut one = v4(0x0a00_0001, 1234, 0xc000_0201, 443);
        one.vlan = 7;
        one.inner_vlan = 4094;
        one.tunnel = 0xdead_beef;
        assert_eq!(key(&words(&one)), one);
    }

    #[test]
    fn every_part_of_the_key_counts() {
        let seeds = Seeds::new(1);
        let base = v4(0x0a00_0001, 1234, 0xc000_0201, 443);
        let hash = |k: &FlowKey| seeds.hash(&words(k));
        let mut others = vec![
            v4(0x0a00_0002, 1234, 0xc000_0201, 443),
            v4(0x0a00_0001, 1235, 0xc000_0201, 443),
        ];
        for change in [
            |k: &mut FlowKey| k.vlan = 1,
            |k: &mut FlowKey| k.inner_vlan = 1,
            |k: &mut FlowKey| k.tunnel = 1,
            |k: &mut FlowKey| k.protocol = 17,
            |k: &mut FlowKey| k.version = 6,
            |k: &mut FlowKey| k.low_addr[0] = 0x20,
            |k: &mut FlowKey| k.high_addr[7] = 0x20,
        ] {
            let mut k = base;
            change(&mut k);
            others.push(k);
        }
        for other in others {
            assert_ne!(hash(&other), hash(&base), "{other:?}");
        }
        assert_ne!(Seeds::new(2).hash(&words(&base)), hash(&base));
    }

    /// Sequential addresses and ports, as scanners make them, fill buckets as a random function would.
    #[test]
    fn spreads_sequential_keys() {
        let seeds = Seeds::new(42);
        let mut tags = vec![0u32; 1 << 12];
        let mut buckets = vec![0u32; 1 << 12];
        for i in 0..1u32 << 16 {
            let h = seeds.hash(&words(&v4(
                0x0a00_0000 + (i >> 8),
                (i & 255) as u16,
                0xc0a8_0001,
                80,
            )));
            buckets[(h >> 52) as usize] += 1;
            tags[(h & 0xfff) as usize] += 1;
        }
        for counts in [tags, buckets] {
            // Mean 16, standard deviation 4: eight of them away is no accident.
            assert!(counts.iter().all(|n| *n < 48), "{:?}", counts.iter().max());
            assert!(counts.iter().filter(|n| **n == 0).count() < 8);
        }
    }
}
