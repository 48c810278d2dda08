//! What can be set on instances and orgs beside usage: members, banners, report plans.
//!
//! Owns: these things as they are kept in the world, and the form in which they are written and read.

use serde::{Deserialize, Serialize};

use super::id::ObjectId;

/// Who needs a second factor to log in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MfaMode {
    /// Nobody.
    #[default]
    NotRequired,
    /// Admins.
    AdminRequired,
    /// Everybody.
    Required,
}

impl MfaMode {
    /// As it is written.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::NotRequired => "notRequired",
            Self::AdminRequired => "adminRequired",
            Self::Required => "required",
        }
    }
}

/// A message that all members of an org see.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Banner {
    /// Any text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// `info`, `warning` or `critical`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
}

/// Somebody who belongs to an org, or is invited to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// None for those who are invited only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// Address of the invitation, or of the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Of a user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    /// Of a user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    /// `admin`, `edit`, `collaborate`, `view` or `none`.
    pub role: String,
    /// Roles in single applications.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application_roles: Option<Vec<ResourceRole>>,
    /// Roles on single dashboards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dashboard_roles: Option<Vec<ResourceRole>>,
}

impl Member {
    /// Gives the user behind `id` a name and an address, where there is none.
    pub(super) fn named(mut self, index: usize) -> Self {
        if self.user_id.is_some() {
            let (first, last) = super::names::person(index);
            self.first_name.get_or_insert_with(|| first.to_owned());
            self.last_name.get_or_insert_with(|| last.to_owned());
            self.email.get_or_insert_with(|| super::names::email(first, last, index));
        }
        self
    }
}

/// A role in one application or on one dashboard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceRole {
    /// Id of the application or dashboard.
    pub resource_id: String,
    /// `collaborate`, `view` or `none`.
    pub role: String,
}

/// A report that is made again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportConfig {
    /// Given when it is set for the first time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// When it is made.
    pub cron: String,
    /// Time zone of `cron`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// Who gets it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emails: Option<Vec<String>>,
    /// Where it is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<String>,
    /// `application` or `organization`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_group_by: Option<String>,
    /// `day` or `month`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date_group_by: Option<String>,
    /// Days or months, 1 to 90.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub periods: Option<u8>,
    /// Whether sandboxes are in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_sandbox: Option<bool>,
}

/// The members an org has when nobody has set others.
pub(super) fn founding_members(org: ObjectId) -> Vec<Member> {
    use super::chance::{between, draw};
    let users = between(1, 12, &[org.key(), 41]);
    let invited = between(0, 2, &[org.key(), 42]);
    let person = |index: u64, what| usize::try_from(draw(&[org.key(), what, index]) % 110).unwrap_or(0);
    let users = (0..users).map(|index| {
        let user_id = ObjectId::minted(draw(&[org.key(), 43, index]), 1_640_995_200).to_string();
        let role = if index == 0 { "admin" } else { "edit" }.to_owned();
        Member { user_id: Some(user_id), role, ..Member::default() }.named(person(index, 44))
    });
    let invited = (0..invited).map(|index| {
        let (first, last) = super::names::person(person(index, 45));
        let email = super::names::email(first, last, person(index, 45));
        Member { email: Some(email), role: "view".to_owned(), ..Member::default() }
    });
    users.chain(invited).collect()
}
