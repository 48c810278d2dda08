//! Instances.

use jiff::Timestamp;
use serde_json::Value;

use super::fields::{Fields, Unexpected};
use super::page::Listed;
use super::summary::{Limits, limits};
use crate::usage::Id;

/// An instance. Holds no usage and no billing period.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: Option<String>,
    /// When it came to be.
    pub created_at: Option<Timestamp>,
    /// Its limits.
    pub limits: Option<Limits>,
}

impl Instance {
    /// Reads an instance. Of an answer about one, `asked` is whose it has to be.
    pub fn decode(value: &Value, asked: Option<Id>) -> Result<Self, Unexpected> {
        let fields = Fields::of(value)?;
        Ok(Self {
            id: fields.own_id("instanceId", asked)?,
            name: fields.text("name")?,
            created_at: fields.date("creationDate")?,
            limits: fields.map("limits", limits)?,
        })
    }
}

impl Listed for Instance {
    type Key = Id;

    fn key(&self) -> Id {
        self.id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_instance_has_an_id_a_name_and_limits() {
        let id = "5ff89ff825013dc6c2856188";
        let instance = Instance::decode(
            &json!({ "id": id, "instanceId": id, "name": "B", "allowAuditLogging": false,
                "creationDate": "2021-01-08T18:10:00.054Z", "limits": { "organization": 2000, "payload": 75_000_000 },
                "members": [{ "userId": "5ff89ff825013dc6c2856184", "role": "admin" }], "_type": "instance" }),
            None,
        )
        .unwrap();
        assert_eq!(instance.id, id.parse().unwrap());
        assert_eq!(instance.name.as_deref(), Some("B"));
        assert_eq!(instance.created_at.unwrap().to_string(), "2021-01-08T18:10:00.054Z");
        assert_eq!(instance.limits.unwrap().get("organization"), Some(&2000.0));
    }

    #[test]
    fn an_instance_may_be_nothing_but_its_id() {
        let bare = Instance::decode(&json!({ "instanceId": "5FF89FF825013DC6C2856188", "name": null }), None);
        let id = "5ff89ff825013dc6c2856188".parse().unwrap();
        let expected = Instance { id, name: None, created_at: None, limits: None };
        assert_eq!(bare, Ok(expected));
        assert!(Instance::decode(&json!({}), None).is_err());
    }
}
