//! The kinds of payload that Losant counts.

use std::borrow::Cow;

/// A payload type: one of those that Losant documents, or one that was added since.
///
/// Losant adds a type about once a year, so an unknown one is carried through as it is. Whether a type is billable
/// is not known here on purpose: Losant's own billable counts say so, a list of ours would go stale.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PayloadType(Cow<'static, str>);

/// The types of the `payloadStats` schema, API version 1.30.
const KNOWN: [&str; 19] = [
    "appFile",
    "dataTable",
    "deviceCommand",
    "deviceConnect",
    "deviceCreate",
    "deviceDisconnect",
    "deviceState",
    "endpoint",
    "event",
    "flowError",
    "inboundEmail",
    "integration",
    "mqttIn",
    "mqttOut",
    "notebook",
    "resourceJob",
    "timer",
    "virtualButton",
    "webhook",
];

impl PayloadType {
    /// Reads a type's name. A known one costs no memory.
    pub fn new(name: &str) -> Self {
        Self(match KNOWN.binary_search(&name) {
            Ok(index) => Cow::Borrowed(KNOWN[index]),
            Err(_) => Cow::Owned(name.to_owned()),
        })
    }

    /// Whether Losant documents this type.
    pub fn is_known(&self) -> bool {
        matches!(self.0, Cow::Borrowed(_))
    }

    /// The name as Losant spells it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as a label value.
    pub fn into_label(self) -> Cow<'static, str> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_names_stand_in_the_order_that_the_search_needs() {
        assert!(KNOWN.is_sorted());
    }

    #[test]
    fn a_known_type_is_recognised_and_a_new_one_is_kept_as_it_is() {
        assert!(KNOWN.iter().all(|name| PayloadType::new(name).is_known()));
        assert_eq!(PayloadType::new("timer").into_label(), "timer");
        let new = PayloadType::new("quantumState");
        assert!(!new.is_known());
        assert_eq!(new.as_str(), "quantumState");
        assert_eq!(new.into_label(), "quantumState");
    }
}
