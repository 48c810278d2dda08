//! Sandbox users.

use jiff::Timestamp;
use serde_json::Value;

use super::fields::{Fields, Unexpected};
use super::page::Listed;
use super::summary::{Limits, Summary, limits};
use crate::usage::{BillingPeriod, Id};

/// A sandbox user of an instance. `email` and `full_name` are personal data: exported only when asked for, never logged.
#[derive(Clone, Debug, PartialEq)]
pub struct Sandbox {
    /// The id of the user.
    pub id: Id,
    /// The e-mail address.
    pub email: Option<String>,
    /// The full name.
    pub full_name: Option<String>,
    /// When the account came to be.
    pub created_at: Option<Timestamp>,
    /// When the user last logged in.
    pub last_successful_login: Option<Timestamp>,
    /// Failed attempts to log in.
    pub failed_login_count: Option<f64>,
    /// Whether logging in takes a second factor.
    pub two_factor_auth_enabled: Option<bool>,
    /// When a deleted user is gone for good.
    pub permanent_deletion: Option<Timestamp>,
    /// When the data of a deleted user is gone.
    pub data_deletion: Option<Timestamp>,
    /// First moment of the billing period.
    pub current_period_start: Option<Timestamp>,
    /// Last moment of the billing period.
    pub current_period_end: Option<Timestamp>,
    /// The limits.
    pub limits: Option<Limits>,
    /// What the user has and uses.
    pub summary: Option<Summary>,
}

impl Sandbox {
    /// Reads a sandbox user. Of an answer about one, `asked` is whose it has to be.
    pub fn decode(value: &Value, asked: Option<Id>) -> Result<Self, Unexpected> {
        let fields = Fields::of(value)?;
        Ok(Self {
            id: fields.own_id("instanceSandboxId", asked)?,
            email: fields.text("email")?,
            full_name: fields.text("fullName")?,
            created_at: fields.date("creationDate")?,
            last_successful_login: fields.date("lastSuccessfulLogin")?,
            failed_login_count: fields.count("failedLoginCount")?,
            two_factor_auth_enabled: fields.flag("twoFactorAuthEnabled")?,
            permanent_deletion: fields.date("permanentDeletion")?,
            data_deletion: fields.date("dataDeletion")?,
            current_period_start: fields.date("currentPeriodStart")?,
            current_period_end: fields.date("currentPeriodEnd")?,
            limits: fields.map("limits", limits)?,
            summary: fields.map("summary", Summary::decode)?,
        })
    }

    /// The billing period, if its start was reported.
    pub fn billing_period(&self) -> Option<BillingPeriod> {
        Some(BillingPeriod { start: self.current_period_start?, end: self.current_period_end })
    }
}

impl Listed for Sandbox {
    type Key = Id;

    fn key(&self) -> Id {
        self.id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ID: &str = "575ed70c7ae143cd83dc4aa9";

    fn sandbox() -> Value {
        json!({ "id": ID, "instanceSandboxId": ID, "email": "email@example.com", "fullName": "Example Name",
            "creationDate": "2016-06-13T04:00:00.000Z",
            "lastSuccessfulLogin": "2016-06-13T04:00:00.000Z", "failedLoginCount": 2, "twoFactorAuthEnabled": false,
            "permanentDeletion": "2026-07-01T00:00:00.000Z", "dataDeletion": "2026-08-01T00:00:00.000Z",
            "currentPeriodStart": "2016-06-01T00:00:00.000Z", "currentPeriodEnd": "2016-06-30T23:59:59.999Z",
            "limits": { "payload": 1_000_000 }, "summary": { "appCount": 8, "orgCount": 2 },
            "orgs": [{ "id": ID, "name": "Example", "iconColor": "red" }], "ssoLinked": false })
    }

    #[test]
    fn a_sandbox_is_read_whole() {
        let sandbox = Sandbox::decode(&sandbox(), Some(ID.parse().unwrap())).unwrap();
        assert_eq!(sandbox.email.as_deref(), Some("email@example.com"));
        assert_eq!(sandbox.full_name.as_deref(), Some("Example Name"));
        assert_eq!(sandbox.created_at.unwrap().to_string(), "2016-06-13T04:00:00Z");
        assert_eq!(sandbox.last_successful_login.unwrap().to_string(), "2016-06-13T04:00:00Z");
        assert_eq!(sandbox.failed_login_count, Some(2.0));
        assert_eq!(sandbox.two_factor_auth_enabled, Some(false));
        assert_eq!(sandbox.permanent_deletion.unwrap().to_string(), "2026-07-01T00:00:00Z");
        assert_eq!(sandbox.data_deletion.unwrap().to_string(), "2026-08-01T00:00:00Z");
        assert_eq!(sandbox.billing_period().unwrap().start.to_string(), "2016-06-01T00:00:00Z");
        assert_eq!(sandbox.limits.unwrap().get("payload"), Some(&1e6));
        assert_eq!(sandbox.summary.unwrap().counts.get("orgCount"), Some(&2.0));
    }

    #[test]
    fn each_field_may_be_missing_or_null_and_the_others_stay() {
        let whole = sandbox();
        for key in whole.as_object().unwrap().keys() {
            let mut without = whole.clone();
            without.as_object_mut().unwrap().remove(key);
            let mut null = whole.clone();
            null[key] = Value::Null;
            let read = Sandbox::decode(&without, None).unwrap();
            assert_eq!(read, Sandbox::decode(&null, None).unwrap(), "{key}");
            assert_eq!(read.email.is_none(), key == "email");
        }
    }

    #[test]
    fn a_mistake_names_the_field_and_not_the_person() {
        let mut wrong = sandbox();
        wrong["lastSuccessfulLogin"] = json!("email@example.com");
        assert_eq!(
            Sandbox::decode(&wrong, None).unwrap_err().to_string(),
            "lastSuccessfulLogin: not an RFC 3339 date"
        );
    }
}
