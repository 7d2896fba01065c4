//! Generated ids: UUIDs of version 7 that only grow (RFC 9562, sections 5.7 and 6.2; spec 2.3).

use crate::record::Timestamp;

/// The last id that an engine gave.
#[derive(Debug, Default)]
pub(super) struct IdSource {
    last_ms: u64,
    /// The 74 bits that are not time, version or variant: random at first, counted up within a millisecond.
    tail: u128,
}

const TAIL_BITS: u32 = 74;

impl IdSource {
    /// Gives an id that carries `now`, or the last id's time if that is later.
    pub fn next(&mut self, now: Timestamp) -> String {
        let now = now.as_millis().cast_unsigned();
        if now > self.last_ms {
            self.last_ms = now;
            // The top bit is left free, so that a millisecond has room for 2^73 more.
            self.tail = random_tail() >> 1;
        } else {
            // A random step keeps ids from being guessed from their neighbours.
            self.tail += 1 + (random_tail() >> (TAIL_BITS - 32));
            if self.tail >> TAIL_BITS != 0 {
                self.last_ms += 1;
                self.tail = random_tail() >> 1;
            }
        }
        format(self.last_ms, self.tail)
    }
}

fn random_tail() -> u128 {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    u128::from_ne_bytes(bytes) >> (128 - TAIL_BITS)
}

fn format(ms: u64, tail: u128) -> String {
    let (rand_a, rand_b) = (tail >> 62, tail & ((1 << 62) - 1));
    let value = (u128::from(ms) << 80) | (7 << 76) | (rand_a << 64) | (0b10 << 62) | rand_b;
    let hex = format!("{value:032x}");
    [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ]
    .join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_carry_the_time_and_only_grow_even_when_the_clock_goes_back() {
        let mut ids = IdSource::default();
        let mut last = String::new();
        for ms in [
            1_700_000_000_000,
            1_700_000_000_000,
            1_600_000_000_000,
            1_700_000_000_001,
            1_700_000_000_001,
        ] {
            let id = ids.next(Timestamp::from_millis(ms).expect("is in range"));
            assert!(id > last, "{id} {last}");
            assert_eq!((id.len(), &id[14..15]), (36, "7"));
            assert!(matches!(&id[19..20], "8" | "9" | "a" | "b"));
            last = id;
        }
        assert!(last.starts_with("018bcfe5-6801-7"));
    }
}
