//! How instances, orgs and sandboxes are written.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::calendar;
use super::chance;
use super::id::ObjectId;
use super::limits;
use super::owner::{Instance, Org, Owner, Sandbox};
use super::summary::{self, Subject, Wanted};
use super::switches::{AbsentLimits, Switches};
use super::world::World;

const COLORS: [&str; 5] = ["#057180", "#8db319", "#b33c19", "#19a6b3", "#5e19b3"];
/// How long a marked user can come back, and how long the data stays.
const UNTIL_PERMANENT: SignedDuration = SignedDuration::from_hours(24 * 14);
const UNTIL_DATA_GONE: SignedDuration = SignedDuration::from_hours(24 * 30);

/// What bodies are written from.
pub(super) struct Scene<'a> {
    pub(super) world: &'a World,
    pub(super) switches: &'a Switches,
    pub(super) now: Timestamp,
}

/// Dates as Losant writes them: UTC, milliseconds, `Z`.
pub(super) fn date(at: Timestamp) -> String {
    format!("{at:.3}")
}

impl Scene<'_> {
    pub(super) fn instance(&self, instance: &Instance) -> Value {
        let updated = instance.updated_at.unwrap_or(instance.created_at);
        let member = |what, role| {
            let user = chance::draw(&[instance.id.key(), what]);
            json!({ "userId": format!("5ff89ff8{user:016x}"), "role": role })
        };
        let mut body = json!({
            "id": instance.id.to_string(),
            "instanceId": instance.id.to_string(),
            "name": instance.name,
            "allowAuditLogging": false,
            "creationDate": date(instance.created_at),
            "lastUpdated": date(updated),
            "limits": limits::of_instance(&instance.limits, self.hidden(instance.id)),
            "members": [member(1, "admin"), member(2, "view"), member(3, "view")],
            "mfaMode": instance.mfa_mode,
            "reportConfigs": instance.report_configs,
        });
        if let Some(limits) = &instance.org_default_limits {
            body["orgDefaultLimitConfig"] = json!(limits);
        }
        body
    }

    pub(super) fn org(&self, org: &Org, wanted: &Wanted) -> Value {
        let (start, end) = self.world.period(Owner::Org(org.id), self.now);
        let disabled = org.disabled_at.filter(|disabled| *disabled <= self.now);
        let tags: Vec<_> = org.tags.iter().map(|tag| json!({ "key": tag.key, "value": tag.value })).collect();
        let mut body = json!({
            "id": org.id.to_string(),
            "orgId": org.id.to_string(),
            "instanceId": org.instance.to_string(),
            "name": org.name,
            "description": org.description,
            "iconColor": icon_color(org),
            "creationDate": date(org.created_at),
            "lastUpdated": date(self.org_updated(org)),
            "currentPeriodStart": date(start),
            "currentPeriodEnd": date(self.written_end(end)),
            "limits": limits::of_org(&org.limits, self.hidden(org.id)),
            "tags": tags,
            "disabledAt": disabled.map_or(json!(false), |disabled| json!(date(disabled))),
            "isReadOnly": org.is_read_only,
            "auditLogEnabled": org.audit_log_enabled,
            "mfaMode": org.mfa_mode,
            "whitelistedEmailDomains": org.whitelisted_email_domains,
        });
        if let Some(banner) = &org.banner {
            body["banner"] = json!(banner);
        }
        if let Some(referral) = &org.referral_id {
            body["referralId"] = json!(referral);
        }
        if self.switches.summaries {
            let subject = Subject {
                owner: Owner::Org(org.id),
                id: org.id,
                activity: &org.activity,
                quiet_since: org.quiet_since,
                memberships: 0,
            };
            body["summary"] = summary::summary(self.world, self.switches, wanted, &subject, self.now);
        }
        body
    }

    /// The other way in which an org is written: as the one that its members see.
    pub(super) fn org_for_members(&self, org: &Org, wanted: &Wanted) -> Value {
        let mut body = self.org(org, wanted);
        if let Some(keys) = body.as_object_mut() {
            for key in ["instanceId", "tags", "auditLogEnabled", "referralId"] {
                keys.remove(key);
            }
        }
        let members: Vec<_> = org.members().into_iter().filter(|member| member.user_id.is_some()).collect();
        body["members"] = json!(members);
        body["isEnterprise"] = json!(true);
        body
    }

    pub(super) fn sandbox(&self, sandbox: &Sandbox, wanted: &Wanted) -> Value {
        let id = sandbox.id.to_string();
        let (start, end) = self.world.period(Owner::Sandbox(sandbox.id), self.now);
        let orgs: Vec<_> = sandbox
            .orgs
            .iter()
            .filter_map(|org| self.world.org(*org))
            .filter(|org| org.exists(self.now))
            .map(|org| json!({ "id": org.id.to_string(), "name": org.name, "iconColor": icon_color(org) }))
            .collect();
        let memberships = orgs.len();
        let mut body = json!({
            "id": id,
            "instanceSandboxId": id,
            "instanceId": sandbox.instance.to_string(),
            "email": sandbox.email,
            "firstName": sandbox.first_name,
            "lastName": sandbox.last_name,
            "fullName": format!("{} {}", sandbox.first_name, sandbox.last_name),
            "companyName": sandbox.company,
            "url": "https://example.com",
            "creationDate": date(sandbox.created_at),
            "lastUpdated": date(sandbox.updated_at.unwrap_or(sandbox.created_at)),
            "lastSuccessfulLogin": date(self.last_login(sandbox)),
            "failedLoginCount": 0,
            "passwordLastUpdated": date(sandbox.created_at),
            "emailVerified": true,
            "needsToVerifyEmail": false,
            "twoFactorAuthEnabled": sandbox.id.key().is_multiple_of(2),
            "ssoLinked": false,
            "currentPeriodStart": date(start),
            "currentPeriodEnd": date(self.written_end(end)),
            "limits": limits::of_sandbox(&sandbox.limits, self.hidden(sandbox.id)),
            "orgs": orgs,
        });
        if let Some(marked) = sandbox.marked_for_deletion_at.filter(|marked| *marked <= self.now) {
            let later = |delay| marked.checked_add(delay).unwrap_or(Timestamp::MAX);
            body["permanentDeletion"] = json!(date(later(UNTIL_PERMANENT)));
            body["dataDeletion"] = json!(date(later(UNTIL_DATA_GONE)));
        }
        if self.switches.summaries {
            let subject = Subject {
                owner: Owner::Sandbox(sandbox.id),
                id: sandbox.id,
                activity: &sandbox.activity,
                quiet_since: sandbox.quiet_since,
                memberships,
            };
            body["summary"] = summary::summary(self.world, self.switches, wanted, &subject, self.now);
        }
        body
    }

    /// By which some limits of this owner are hidden, if any are.
    pub(super) fn hidden(&self, id: ObjectId) -> Option<ObjectId> {
        Some(id).filter(|_| self.switches.absent_limits == AbsentLimits::Some)
    }

    /// When an org last changed, as far as the world knows.
    pub(super) fn org_updated(&self, org: &Org) -> Timestamp {
        let disabled = org.disabled_at.filter(|disabled| *disabled <= self.now);
        disabled.max(org.updated_at).unwrap_or(org.created_at)
    }

    /// Some moment since the account was made.
    pub(super) fn last_login(&self, sandbox: &Sandbox) -> Timestamp {
        let days = chance::between(1, 900, &[sandbox.id.key(), 51]).cast_signed();
        let login = calendar::moment(sandbox.created_at.as_second() + days * calendar::DAY);
        let latest = sandbox.quiet_since.map_or(self.now, |quiet| quiet.min(self.now));
        if login < latest { login } else { sandbox.created_at }
    }

    /// On a twelve-hour clock without am and pm, if so switched.
    fn written_end(&self, end: Timestamp) -> Timestamp {
        let afternoon = end.as_second().rem_euclid(calendar::DAY) >= 13 * calendar::HOUR;
        let slip = if self.switches.period_end_slip && afternoon { 12 } else { 0 };
        end.checked_sub(SignedDuration::from_hours(slip)).unwrap_or(end)
    }
}

fn icon_color(org: &Org) -> &str {
    let made_up = || chance::pick(&COLORS, &[org.id.key()]).copied().unwrap_or_default();
    org.icon_color.as_deref().unwrap_or_else(made_up)
}
