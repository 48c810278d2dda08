//! Chance without memory: draws that are a pure function of their keys.
//!
//! Owns: the one hash behind everything that looks random in the world. A generator with state would make the
//! answer to a question depend on the questions before it.

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// A draw that depends on `keys` alone, evenly spread over all 64 bits.
pub(super) fn draw(keys: &[u64]) -> u64 {
    keys.iter().fold(GOLDEN, |state, key| mix(state ^ mix(key.wrapping_add(GOLDEN))))
}

/// A draw from `low` to `high`, both included.
pub(super) fn between(low: u64, high: u64, keys: &[u64]) -> u64 {
    let width = high.saturating_sub(low).saturating_add(1);
    low + draw(keys) % width
}

/// A draw from `list`, which must not be empty.
pub(super) fn pick<'a, T>(list: &'a [T], keys: &[u64]) -> Option<&'a T> {
    let length = u64::try_from(list.len()).unwrap_or(u64::MAX).max(1);
    usize::try_from(draw(keys) % length).ok().and_then(|index| list.get(index))
}

/// A key for a text.
pub(super) fn key(text: &str) -> u64 {
    text.bytes().fold(GOLDEN, |state, byte| mix(state ^ u64::from(byte)))
}

/// A key for a day or a second, which may lie before 1970.
pub(super) fn moment(at: i64) -> u64 {
    at.cast_unsigned()
}

/// The finaliser of `SplitMix64`.
fn mix(mut state: u64) -> u64 {
    state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_keys_give_the_same_draw_and_their_order_matters() {
        assert_eq!(draw(&[1, 2]), draw(&[1, 2]));
        assert_ne!(draw(&[1, 2]), draw(&[2, 1]));
    }

    #[test]
    fn draws_spread_over_the_whole_range() {
        let mut seen = [0u32; 10];
        for key in 0..10_000 {
            seen[usize::try_from(between(0, 9, &[key])).unwrap()] += 1;
        }
        assert!(seen.iter().all(|&times| (850..1150).contains(&times)), "{seen:?}");
    }
}
