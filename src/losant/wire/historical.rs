//! What was had and used in a month.

use std::fmt;

use jiff::Timestamp;
use serde_json::Value;

use super::fields::{Fields, Unexpected};
use super::page::Listed;
use crate::usage::Id;

/// What one resource had and used in one billing period, as far as it is of use here. Losant tells five times as much, of
/// hundreds of thousands of applications: all other numbers, details by type and source, limits, and names of owners.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoricalSummary {
    /// What kind of resource it is.
    pub resource_type: Option<ResourceType>,
    /// Its id.
    pub resource_id: Id,
    /// Its name, at the time of the summary.
    pub resource_name: Option<String>,
    /// The share of the period that it existed, from 0 to 1.
    pub resource_proration: Option<f64>,
    /// What kind of owner it has.
    pub owner_type: Option<OwnerType>,
    /// The id of its owner.
    pub owner_id: Option<Id>,
    /// First moment of the period.
    pub current_period_start: Option<Timestamp>,
    /// Last moment of the period.
    pub current_period_end: Option<Timestamp>,
    /// Payloads that are billed.
    pub payload_billable_count: Option<f64>,
    /// Payloads that are not.
    pub payload_nonbillable_count: Option<f64>,
    /// Size of the payloads that are billed, in Losant's Mb; may be a fraction.
    pub payload_billable_size_mb: Option<f64>,
    /// Size of those that are not.
    pub payload_nonbillable_size_mb: Option<f64>,
    /// Devices.
    pub device_count: Option<f64>,
    /// Devices, each by the share of the period that it existed.
    pub device_count_prorated: Option<f64>,
    /// Notebooks.
    pub notebook_count: Option<f64>,
    /// Notebook runs.
    pub notebook_run_count: Option<f64>,
    /// Minutes that notebooks ran.
    pub notebook_minutes_count: Option<f64>,
}

/// What kind of resource a summary is of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceType {
    /// An application.
    Application,
    /// An org.
    Organization,
    /// An instance, by its old name.
    Whitelabel,
    /// Something else.
    Other(String),
}

/// What kind of owner a resource has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OwnerType {
    /// An org.
    Organization,
    /// A sandbox user.
    User,
    /// Something else.
    Other(String),
}

impl HistoricalSummary {
    /// Reads what one resource had and used.
    pub fn decode(value: &Value) -> Result<Self, Unexpected> {
        let fields = Fields::of(value)?;
        Ok(Self {
            resource_type: fields.text("resourceType")?.map(ResourceType::from),
            resource_id: fields
                .id("resourceId")?
                .ok_or_else(|| Unexpected::new("missing").within("resourceId"))?,
            resource_name: fields.text("resourceName")?,
            resource_proration: fields.count("resourceProration")?,
            owner_type: fields.text("ownerType")?.map(OwnerType::from),
            owner_id: fields.id("ownerId")?,
            current_period_start: fields.date("currentPeriodStart")?,
            current_period_end: fields.date("currentPeriodEnd")?,
            payload_billable_count: fields.count("payloadBillableCount")?,
            payload_nonbillable_count: fields.count("payloadNonbillableCount")?,
            payload_billable_size_mb: fields.count("payloadBillableSizeMb")?,
            payload_nonbillable_size_mb: fields.count("payloadNonbillableSizeMb")?,
            device_count: fields.count("deviceCount")?,
            device_count_prorated: fields.count("deviceCountProrated")?,
            notebook_count: fields.count("notebookCount")?,
            notebook_run_count: fields.count("notebookRunCount")?,
            notebook_minutes_count: fields.count("notebookMinutesCount")?,
        })
    }
}

impl Listed for HistoricalSummary {
    /// A resource may have two periods in a month.
    type Key = (Option<ResourceType>, Id, Option<Timestamp>);

    fn key(&self) -> Self::Key {
        (self.resource_type.clone(), self.resource_id, self.current_period_start)
    }
}

impl ResourceType {
    /// Losant's word for it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Application => "application",
            Self::Organization => "organization",
            Self::Whitelabel => "whitelabel",
            Self::Other(word) => word,
        }
    }
}

impl From<String> for ResourceType {
    fn from(word: String) -> Self {
        match word.as_str() {
            "application" => Self::Application,
            "organization" => Self::Organization,
            "whitelabel" => Self::Whitelabel,
            _ => Self::Other(word),
        }
    }
}

impl fmt::Display for ResourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl OwnerType {
    /// Losant's word for it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Organization => "organization",
            Self::User => "user",
            Self::Other(word) => word,
        }
    }
}

impl From<String> for OwnerType {
    fn from(word: String) -> Self {
        match word.as_str() {
            "organization" => Self::Organization,
            "user" => Self::User,
            _ => Self::Other(word),
        }
    }
}

impl fmt::Display for OwnerType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_may_be_fractions_and_new_words_are_kept() {
        let summary = HistoricalSummary::decode(&json!({
            "resourceId": "575ed18f7ae143cd83dc4aa6", "resourceType": "galaxy", "ownerType": "alien",
            "payloadBillableCount": 437.0, "payloadBillableSizeMb": 2.5, "deviceCountProrated": 6.57,
            "workflowCount": 3, "note": "text",
        }))
        .unwrap();
        assert_eq!(summary.resource_type, Some(ResourceType::Other("galaxy".to_owned())));
        assert_eq!(summary.owner_type.as_ref().map(OwnerType::as_str), Some("alien"));
        assert_eq!(summary.payload_billable_count, Some(437.0));
        assert_eq!(summary.payload_billable_size_mb, Some(2.5));
        assert_eq!(summary.payload_nonbillable_count, None);
        assert_eq!(summary.device_count_prorated, Some(6.57));
    }

    #[test]
    fn a_summary_of_nobody_or_with_a_negative_count_is_refused_by_name() {
        let problem = |value| HistoricalSummary::decode(&value).unwrap_err().to_string();
        assert_eq!(problem(json!({})), "resourceId: missing");
        assert_eq!(
            problem(json!({ "resourceId": "575ed18f7ae143cd83dc4aa6", "deviceCount": -1 })),
            "deviceCount: expected a count, found -1"
        );
    }

    #[test]
    fn words_survive_being_read_and_written() {
        for word in ["application", "organization", "whitelabel", "user", "galaxy"] {
            assert_eq!(ResourceType::from(word.to_owned()).to_string(), word);
            assert_eq!(OwnerType::from(word.to_owned()).to_string(), word);
        }
    }
}
