//! Which of several exporters reads what.

use std::fmt;

use super::Id;

/// One of several exporters that share the scopes of a Losant account between them.
///
/// An id belongs to the shard for which its hash is highest (rendezvous hashing), so that one shard more takes its ids
/// evenly from the others, and no id moves between those. The hash is spelled out here and never changes: exporters of
/// two versions may run side by side, and must agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    number: u32,
    of: u32,
}

/// A shard that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidShard {
    /// Nobody would read anything.
    #[error("must be at least 1")]
    None,
    /// Looking for an owner takes a step for each shard.
    #[error("must be at most {}", Shard::MOST)]
    TooMany,
    /// There is no such shard: they are numbered from 0.
    #[error("{number} must be less than the number of shards, which is {of}: the first is 0")]
    OutOfRange {
        /// The number that was asked for.
        number: u32,
        /// How many shards there are.
        of: u32,
    },
}

impl Shard {
    /// More exporters than anybody runs. Also tells a shard from the digits that a pod of a Deployment may end in.
    pub const MOST: u32 = 1_000;

    /// Shard `number`, from 0, of `of` shards.
    pub const fn new(number: u32, of: u32) -> Result<Self, InvalidShard> {
        match of {
            0 => Err(InvalidShard::None),
            of if of > Self::MOST => Err(InvalidShard::TooMany),
            of if number >= of => Err(InvalidShard::OutOfRange { number, of }),
            of => Ok(Self { number, of }),
        }
    }

    /// The only shard, which owns everything.
    pub const fn whole() -> Self {
        Self { number: 0, of: 1 }
    }

    /// Its number, from 0.
    pub const fn number(self) -> u32 {
        self.number
    }

    /// How many shards there are.
    pub const fn of(self) -> u32 {
        self.of
    }

    /// Whether this shard reads what `id` stands for. Exactly one of the shards does.
    pub fn owns(self, id: &Id) -> bool {
        let state = fnv1a(FNV_OFFSET, id.as_bytes());
        let own = weight(state, self.number);
        // No two shards of up to 2^16 want an id equally much: from one state, bytes that differ lead to states that differ.
        (0..self.of).all(|other| weight(state, other) <= own)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "shard {} of {}", self.number, self.of)
    }
}

/// Offset basis of 64-bit FNV-1a.
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;

/// Prime of 64-bit FNV-1a.
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// Takes `bytes` into an FNV-1a hash.
fn fnv1a(state: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(state, |state, byte| (state ^ u64::from(*byte)).wrapping_mul(FNV_PRIME))
}

/// How much a shard wants an id whose bytes are in `state`: FNV-1a of the id's 12 bytes and the shard's 4, the
/// highest first. Losant's ids count upwards and FNV mixes its last bytes poorly, hence the last step of `MurmurHash3`
/// behind it.
fn weight(state: u64, shard: u32) -> u64 {
    let mut hash = fnv1a(state, &shard.to_be_bytes());
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ hash >> 33
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn id(number: u128) -> Id {
        format!("{number:024x}").parse().unwrap()
    }

    /// Ids as one busy instance hands them out: one after the other.
    fn in_a_row(count: usize) -> Vec<Id> {
        let first = 0x5ff8_9ff8_2501_3dc6_c285_6188;
        (first..).take(count).map(id).collect()
    }

    fn any_id() -> impl Strategy<Value = Id> {
        (0u128..1 << 96).prop_map(id)
    }

    /// The shards that own `id`, of `of`.
    fn owners(id: &Id, of: u32) -> Vec<u32> {
        (0..of).filter(|number| Shard::new(*number, of).unwrap().owns(id)).collect()
    }

    #[test]
    fn the_owner_of_an_id_is_the_same_for_ever() {
        // Worked out by a second implementation, in another language.
        for (id, owners) in [
            ("5ff89ff825013dc6c2856188", [0, 1, 1, 1, 1, 22]),
            ("60106426dc03c6aad06540bb", [0, 1, 1, 1, 8, 78]),
            ("575ed70c7ae143cd83dc4aa9", [0, 0, 2, 4, 6, 39]),
            ("000000000000000000000000", [0, 1, 1, 1, 9, 52]),
            ("ffffffffffffffffffffffff", [0, 1, 1, 1, 6, 45]),
        ] {
            let id = id.parse().unwrap();
            let found = [1, 2, 3, 5, 10, 100].map(|of| self::owners(&id, of));
            assert_eq!(found, owners.map(|owner| vec![owner]), "{id}");
        }
        let state = fnv1a(FNV_OFFSET, id(0x5ff8_9ff8_2501_3dc6_c285_6188).as_bytes());
        let weights = [0, 1, 2].map(|shard| weight(state, shard));
        assert_eq!(weights, [0x153d_02d8_f312_41a5, 0xf7c3_9c52_a01f_dd60, 0x2ea6_4937_716d_f0a5]);
    }

    #[test]
    fn the_whole_owns_everything() {
        assert_eq!(Shard::whole(), Shard::new(0, 1).unwrap());
        assert!(in_a_row(100).iter().all(|id| Shard::whole().owns(id)));
    }

    #[test]
    fn a_shard_is_called_by_its_number_and_how_many_there_are() {
        let shard = Shard::new(2, 5).unwrap();
        assert_eq!((shard.number(), shard.of()), (2, 5));
        assert_eq!(shard.to_string(), "shard 2 of 5");
    }

    #[test]
    fn shards_that_cannot_be_are_refused() {
        assert_eq!(Shard::new(0, 0), Err(InvalidShard::None));
        assert_eq!(Shard::new(3, 3), Err(InvalidShard::OutOfRange { number: 3, of: 3 }));
        assert_eq!(Shard::new(0, u32::MAX), Err(InvalidShard::TooMany));
        assert!(Shard::new(Shard::MOST - 1, Shard::MOST).is_ok());
    }

    #[test]
    fn shards_are_about_equal_in_size() {
        const IDS: usize = 20_000;
        let ids = in_a_row(IDS);
        for of in [2, 3, 7, 16] {
            let fair = IDS / of as usize;
            for number in 0..of {
                let shard = Shard::new(number, of).unwrap();
                let owned = ids.iter().filter(|id| shard.owns(id)).count();
                assert!(owned.abs_diff(fair) < fair / 10, "{shard} owns {owned}, a fair part is {fair}");
            }
        }
    }

    #[test]
    fn one_shard_more_takes_no_more_than_its_part() {
        const IDS: usize = 20_000;
        let ids = in_a_row(IDS);
        for of in [1, 2, 5, 15] {
            let new = Shard::new(of, of + 1).unwrap();
            let fair = IDS / (of as usize + 1);
            let moved = ids.iter().filter(|id| new.owns(id)).count();
            assert!(moved.abs_diff(fair) < fair / 10, "{moved} moved to {new}, a fair part is {fair}");
        }
    }

    proptest! {
        #[test]
        fn every_id_has_exactly_one_owner(ids in vec(any_id(), 1..20), of in 1u32..40) {
            for id in ids {
                prop_assert_eq!(owners(&id, of).len(), 1);
            }
        }

        #[test]
        fn one_shard_more_moves_ids_to_itself_only(id in any_id(), of in 1u32..40) {
            let (before, after) = (owners(&id, of), owners(&id, of + 1));
            prop_assert!(after == before || after == [of]);
        }
    }
}
