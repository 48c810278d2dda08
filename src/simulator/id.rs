//! Ids of the simulated instances, orgs and sandbox users.

use std::fmt;
use std::str::FromStr;

use super::chance;

/// The id of an instance, org or sandbox user: 24 hexadecimal digits, shown in lower case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId([u8; 12]);

impl ObjectId {
    /// The id of a thing made at `second`. As with Losant's own ids, the first four bytes are the moment of creation,
    /// so ids sort by age.
    pub(super) fn minted(seed: u64, second: i64) -> Self {
        let mut bytes = [0; 12];
        let age = u32::try_from(second).unwrap_or(0).to_be_bytes();
        for (byte, value) in bytes.iter_mut().zip(age.into_iter().chain(chance::draw(&[seed]).to_be_bytes()))
        {
            *byte = value;
        }
        Self(bytes)
    }

    /// A number that stands for this id in draws.
    pub(super) fn key(self) -> u64 {
        self.0.iter().fold(0, |key: u64, byte| key.rotate_left(8) ^ u64::from(*byte))
    }
}

/// A text that is not an [`ObjectId`].
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not an id: expected 24 hexadecimal digits")]
pub struct InvalidObjectId(String);

impl FromStr for ObjectId {
    type Err = InvalidObjectId;

    fn from_str(text: &str) -> Result<Self, InvalidObjectId> {
        let invalid = || InvalidObjectId(text.to_owned());
        if text.len() != 24 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(invalid());
        }
        let number = u128::from_str_radix(text, 16).map_err(|_| invalid())?;
        let mut bytes = [0; 12];
        for (byte, value) in bytes.iter_mut().rev().zip(number.to_le_bytes()) {
            *byte = value;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_id_survives_being_written_and_read(bytes: [u8; 12]) {
            let id = ObjectId(bytes);
            prop_assert_eq!(id.to_string().parse::<ObjectId>().unwrap(), id);
            prop_assert_eq!(id.to_string().to_uppercase().parse::<ObjectId>().unwrap(), id);
        }

        #[test]
        fn a_text_that_is_not_24_hex_digits_is_no_id(text in "\\PC{0,30}") {
            let well_formed = text.len() == 24 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
            prop_assert_eq!(text.parse::<ObjectId>().is_ok(), well_formed);
        }
    }
}
