//! Losant's object ids.

use std::fmt;
use std::str::FromStr;

/// The id of an instance, org, sandbox user or application: 24 hexadecimal digits.
///
/// Held as its 12 bytes, since a process can hold hundreds of thousands of them, and shown in lower case, as
/// Losant writes it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id([u8; Self::BYTES]);

impl Id {
    const BYTES: usize = 12;

    /// Appends the 24 digits to `text`.
    pub fn write_hex(&self, text: &mut Vec<u8>) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let pairs = self.0.map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        text.extend_from_slice(pairs.as_flattened());
    }

    /// The bytes behind the digits, for hashing.
    pub fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

/// A text that is not an [`Id`].
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a Losant id: expected 24 hexadecimal digits")]
pub struct InvalidId(String);

impl InvalidId {
    /// How much of the text is repeated: it may be a token that stands in the wrong place.
    const SHOWN: usize = 12;

    fn new(text: &str) -> Self {
        let mut shown: String = text.chars().take(Self::SHOWN).collect();
        if shown.len() < text.len() {
            shown.push('…');
        }
        Self(shown)
    }
}

impl FromStr for Id {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let digits = text.as_bytes();
        let mut bytes = [0; Self::BYTES];
        if digits.len() != bytes.len() * 2 {
            return Err(InvalidId::new(text));
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let &[high, low] = pair else { return Err(InvalidId::new(text)) };
            match (hex(high), hex(low)) {
                (Some(high), Some(low)) => *byte = high * 16 + low,
                _ => return Err(InvalidId::new(text)),
            }
        }
        Ok(Self(bytes))
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl<'de> serde::Deserialize<'de> for Id {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl serde::Serialize for Id {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_id_survives_being_written_and_read(bytes: [u8; 12]) {
            let id = Id(bytes);
            prop_assert_eq!(id.to_string().parse::<Id>().unwrap(), id);
            prop_assert_eq!(format!("{id:?}"), id.to_string());
            let mut written = Vec::new();
            id.write_hex(&mut written);
            prop_assert_eq!(String::from_utf8(written).unwrap(), id.to_string());
            prop_assert_eq!(id.to_string().to_uppercase().parse::<Id>().unwrap(), id);
        }

        #[test]
        fn nothing_but_24_hex_digits_is_an_id(text in "\\PC{0,30}") {
            let well_formed = text.len() == 24 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
            prop_assert_eq!(text.parse::<Id>().is_ok(), well_formed);
        }
    }
}
