//! Organizations.

use jiff::Timestamp;
use serde_json::Value;

use super::fields::{Fields, Unexpected, date};
use super::page::Listed;
use super::summary::{Limits, Summary, limits};
use crate::usage::{BillingPeriod, Id};

/// An organization of an instance.
#[derive(Clone, Debug, PartialEq)]
pub struct Org {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: Option<String>,
    /// When it came to be.
    pub created_at: Option<Timestamp>,
    /// The plan of a self-serve org.
    pub plan_id: Option<String>,
    /// The state of its subscription.
    pub subscription_status: Option<String>,
    /// A reference of the instance's owner.
    pub referral_id: Option<String>,
    /// Whether it may change anything.
    pub is_read_only: Option<bool>,
    /// Whether and since when it is disabled.
    pub disabled_at: Option<DisabledAt>,
    /// First moment of its billing period.
    pub current_period_start: Option<Timestamp>,
    /// Last moment of its billing period.
    pub current_period_end: Option<Timestamp>,
    /// Its limits.
    pub limits: Option<Limits>,
    /// What it has and uses.
    pub summary: Option<Summary>,
    /// Its tags.
    pub tags: Option<Vec<Tag>>,
}

/// `disabledAt`, which is `false` or a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisabledAt {
    /// The org is active.
    Never,
    /// The org is disabled from then on.
    Since(Timestamp),
}

/// A tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: String,
}

impl Org {
    /// Reads an org. Of an answer about one, `asked` is whose it has to be.
    pub fn decode(value: &Value, asked: Option<Id>) -> Result<Self, Unexpected> {
        let fields = Fields::of(value)?;
        Ok(Self {
            id: fields.own_id("orgId", asked)?,
            name: fields.text("name")?,
            created_at: fields.date("creationDate")?,
            plan_id: fields.text("planId")?,
            subscription_status: fields.text("subscriptionStatus")?,
            referral_id: fields.text("referralId")?,
            is_read_only: fields.flag("isReadOnly")?,
            disabled_at: fields.map("disabledAt", disabled_at)?,
            current_period_start: fields.date("currentPeriodStart")?,
            current_period_end: fields.date("currentPeriodEnd")?,
            limits: fields.map("limits", limits)?,
            summary: fields.map("summary", Summary::decode)?,
            tags: fields.map("tags", tags)?,
        })
    }

    /// The billing period, if its start was reported.
    pub fn billing_period(&self) -> Option<BillingPeriod> {
        Some(BillingPeriod { start: self.current_period_start?, end: self.current_period_end })
    }
}

impl Listed for Org {
    type Key = Id;

    fn key(&self) -> Id {
        self.id
    }
}

fn disabled_at(value: &Value) -> Result<DisabledAt, Unexpected> {
    match value {
        Value::Bool(false) => Ok(DisabledAt::Never),
        Value::Bool(true) => Err(Unexpected::new("expected false or a date, found true")),
        other => date(other).map(DisabledAt::Since),
    }
}

fn tags(value: &Value) -> Result<Vec<Tag>, Unexpected> {
    let list = value.as_array().ok_or_else(|| Unexpected::new("expected a list"))?;
    let tags = list.iter().enumerate().map(|(index, tag)| {
        let read = Fields::of(tag).and_then(|tag| Ok((tag.text("key")?, tag.text("value")?)));
        read.map_err(|error| error.within(format!("[{index}]")))
    });
    // A tag without a key is none; without a value it still marks the org.
    let tags = tags.filter_map(|tag| match tag {
        Ok((key, value)) => key.map(|key| Ok(Tag { key, value: value.unwrap_or_default() })),
        Err(error) => Some(Err(error)),
    });
    tags.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ID: &str = "60106426dc03c6aad06540bb";

    fn org() -> Value {
        json!({ "id": ID, "orgId": ID, "instanceId": "60106426dc03c6aad06560ba", "name": "My Org",
            "creationDate": "2021-01-26T18:49:10.054Z",
            "currentPeriodStart": "2023-01-01T00:00:00.000Z", "currentPeriodEnd": "2023-01-31T11:59:59.999Z",
            "disabledAt": false, "isReadOnly": false, "planId": "p1", "subscriptionStatus": "active",
            "referralId": "ref", "tags": [{ "key": "my", "value": "tag" }], "limits": { "device": 1000 },
            "summary": { "deviceCount": 6, "memberCount": 1 }, "banner": { "message": "hi", "level": "info" } })
    }

    #[test]
    fn an_org_is_read_whole() {
        let org = Org::decode(&org(), None).unwrap();
        assert_eq!(org.id, ID.parse().unwrap());
        assert_eq!(org.name.as_deref(), Some("My Org"));
        assert_eq!(org.created_at.unwrap().to_string(), "2021-01-26T18:49:10.054Z");
        assert_eq!(org.plan_id.as_deref(), Some("p1"));
        assert_eq!(org.subscription_status.as_deref(), Some("active"));
        assert_eq!(org.referral_id.as_deref(), Some("ref"));
        assert_eq!(org.is_read_only, Some(false));
        assert_eq!(org.disabled_at, Some(DisabledAt::Never));
        let period = org.billing_period().unwrap();
        assert_eq!(period.start.to_string(), "2023-01-01T00:00:00Z");
        assert_eq!(period.end.unwrap().to_string(), "2023-01-31T11:59:59.999Z");
        assert_eq!(org.limits.unwrap().get("device"), Some(&1000.0));
        assert_eq!(org.summary.unwrap().counts.get("memberCount"), Some(&1.0));
        assert_eq!(org.tags.unwrap(), [Tag { key: "my".to_owned(), value: "tag".to_owned() }]);
    }

    #[test]
    fn each_field_may_be_missing_or_null_and_the_others_stay() {
        let whole = org();
        for key in whole.as_object().unwrap().keys() {
            let mut without = whole.clone();
            without.as_object_mut().unwrap().remove(key);
            let mut null = whole.clone();
            null[key] = Value::Null;
            let read = Org::decode(&without, None).unwrap();
            assert_eq!(read, Org::decode(&null, None).unwrap(), "{key}");
            assert_eq!(read.name.is_none(), key == "name");
            assert_eq!(read.summary.is_none(), key == "summary");
        }
    }

    #[test]
    fn each_field_of_a_wrong_type_is_named() {
        for key in [
            "id",
            "name",
            "creationDate",
            "planId",
            "subscriptionStatus",
            "referralId",
            "isReadOnly",
            "disabledAt",
            "currentPeriodStart",
            "currentPeriodEnd",
            "limits",
            "summary",
            "tags",
        ] {
            let mut wrong = org();
            wrong[key] = json!(17);
            let problem = Org::decode(&wrong, None).unwrap_err().to_string();
            assert!(problem.starts_with(&format!("{key}: ")), "{problem}");
        }
    }

    #[test]
    fn disabled_is_a_date_or_false_and_never_true() {
        let disabled = |value| {
            let mut org = org();
            org["disabledAt"] = value;
            Org::decode(&org, None).map(|org| org.disabled_at)
        };
        let since = DisabledAt::Since("2026-01-02T03:04:05Z".parse().unwrap());
        assert_eq!(disabled(json!("2026-01-02T03:04:05.000Z")), Ok(Some(since)));
        assert_eq!(disabled(json!(null)), Ok(None));
        assert!(disabled(json!(true)).is_err());
    }

    #[test]
    fn a_tag_without_a_key_is_none() {
        let read = tags(&json!([{ "value": "x" }, { "key": "tier" }, { "key": "a", "value": "b", "c": 1 }]))
            .unwrap();
        assert_eq!(read.iter().map(|tag| tag.key.as_str()).collect::<Vec<_>>(), ["tier", "a"]);
        assert_eq!(
            tags(&json!([{ "key": 1 }])).unwrap_err().to_string(),
            "[0].key: expected a text, found a number"
        );
    }
}
