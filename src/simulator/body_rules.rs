//! The bodies of the write actions.

use super::rules::{Rule, Shape};

const ANY: Rule = Rule::Whole(0, u64::MAX);
const MFA_MODE: Rule = Rule::Choice(&["notRequired", "adminRequired", "required"]);
const GROUPED_BY: Rule = Rule::Choice(&["application", "organization"]);
const DATED_BY: Rule = Rule::Choice(&["day", "month"]);
const MEMBER_ROLE: Rule = Rule::Choice(&["admin", "edit", "collaborate", "view", "none"]);

static LIMITS: Shape = Shape {
    keys: &[
        ("apitoken", ANY),
        ("application", ANY),
        ("applicationFlowSlots", ANY),
        ("applicationcertificate", ANY),
        ("applicationcertificateauthority", ANY),
        ("applicationkey", ANY),
        ("credential", ANY),
        ("dashboard", ANY),
        ("dataTTL", Rule::Whole(86_400, u64::MAX)),
        ("datatable", ANY),
        ("device", ANY),
        ("devicerecipe", ANY),
        ("experienceFlowSlots", ANY),
        ("experiencedomain", ANY),
        ("experienceendpoint", ANY),
        ("experiencegroup", ANY),
        ("experienceslug", ANY),
        ("experienceuser", ANY),
        ("experienceversion", ANY),
        ("experienceview", ANY),
        ("file", ANY),
        ("flow", ANY),
        ("integration", ANY),
        ("member", ANY),
        ("notebook", ANY),
        ("notebookInParallel", ANY),
        ("notebookMinutesPerMonth", ANY),
        ("notebookMinutesPerRun", ANY),
        ("payload", ANY),
        ("privatefile", ANY),
        ("resourcejob", ANY),
        ("storage", ANY),
        ("systemInterval", Rule::Whole(5, 3_600)),
        ("webhook", ANY),
    ],
    required: &[],
};

static REPORT_CONFIG: Shape = Shape {
    keys: &[
        ("id", Rule::Text(0, 48)),
        ("cron", Rule::Text(0, 255)),
        ("timezone", Rule::Text(0, 255)),
        ("emails", Rule::List(10, &Rule::Email)),
        ("callbackUrl", Rule::Url),
        ("resourceGroupBy", GROUPED_BY),
        ("dateGroupBy", DATED_BY),
        ("periods", Rule::Whole(1, 90)),
        ("includeSandbox", Rule::Boolean),
    ],
    required: &["cron"],
};

/// `instance.patch`.
pub(super) static INSTANCE: Shape = Shape {
    keys: &[
        ("reportConfigs", Rule::List(10, &Rule::Object(&REPORT_CONFIG))),
        ("orgDefaultLimitConfig", Rule::Object(&LIMITS)),
        ("mfaMode", MFA_MODE),
    ],
    required: &[],
};

/// `instance.generateReport`.
pub(super) static REPORT: Shape = Shape {
    keys: &[
        ("email", Rule::Email),
        ("callbackUrl", Rule::Url),
        ("resourceGroupBy", GROUPED_BY),
        ("dateGroupBy", DATED_BY),
        ("includeSandbox", Rule::Boolean),
        ("start", Rule::Moment),
        ("end", Rule::Moment),
    ],
    required: &[],
};

static TAG: Shape =
    Shape { keys: &[("key", Rule::TagKey), ("value", Rule::Text(1, 255))], required: &["key", "value"] };

static BANNER: Shape = Shape {
    keys: &[("message", Rule::Text(0, 2_048)), ("level", Rule::Choice(&["info", "warning", "critical"]))],
    required: &[],
};

static RESOURCE_ROLE: Shape = Shape {
    keys: &[("resourceId", Rule::Id), ("role", Rule::Choice(&["collaborate", "view", "none"]))],
    required: &["resourceId", "role"],
};
const RESOURCE_ROLES: Rule = Rule::List(100, &Rule::Object(&RESOURCE_ROLE));

static INVITED: Shape = Shape {
    keys: &[
        ("email", Rule::Email),
        ("role", MEMBER_ROLE),
        ("applicationRoles", RESOURCE_ROLES),
        ("dashboardRoles", RESOURCE_ROLES),
        ("disallowTransfer", Rule::Boolean),
    ],
    required: &["email", "role"],
};

static USER: Shape = Shape {
    keys: &[
        ("userId", Rule::Id),
        ("role", MEMBER_ROLE),
        ("applicationRoles", RESOURCE_ROLES),
        ("dashboardRoles", RESOURCE_ROLES),
    ],
    required: &["userId", "role"],
};

const NAME: (&str, Rule) = ("name", Rule::Text(1, 255));
const DESCRIPTION: (&str, Rule) = ("description", Rule::Text(0, 32_767));
const ICON_COLOR: (&str, Rule) = ("iconColor", Rule::Text(0, 64));
const ORG_LIMITS: (&str, Rule) = ("limits", Rule::Object(&LIMITS));
/// Losant states no greatest number.
const EMAIL_DOMAINS: (&str, Rule) = ("whitelistedEmailDomains", Rule::List(usize::MAX, &Rule::Text(3, 45)));
const AUDIT_LOG: (&str, Rule) = ("auditLogEnabled", Rule::Boolean);
const DISABLED_AT: (&str, Rule) = ("disabledAt", Rule::MomentOrBoolean);
const READ_ONLY: (&str, Rule) = ("isReadOnly", Rule::Boolean);
const TAGS: (&str, Rule) = ("tags", Rule::List(100, &Rule::Object(&TAG)));
const REFERRAL: (&str, Rule) = ("referralId", Rule::Text(0, 1_024));
const MFA: (&str, Rule) = ("mfaMode", MFA_MODE);
const BANNERS: (&str, Rule) = ("banner", Rule::Object(&BANNER));

/// `instanceOrgs.post`.
pub(super) static NEW_ORG: Shape = Shape {
    keys: &[
        NAME,
        DESCRIPTION,
        ICON_COLOR,
        ORG_LIMITS,
        ("members", Rule::List(10, &Rule::Either(&INVITED, &USER))),
        EMAIL_DOMAINS,
        AUDIT_LOG,
        DISABLED_AT,
        READ_ONLY,
        TAGS,
        REFERRAL,
        MFA,
        BANNERS,
    ],
    required: &["name"],
};

/// `instanceOrg.patch`.
pub(super) static ORG: Shape = Shape {
    keys: &[
        NAME,
        DESCRIPTION,
        ICON_COLOR,
        ORG_LIMITS,
        EMAIL_DOMAINS,
        AUDIT_LOG,
        DISABLED_AT,
        READ_ONLY,
        TAGS,
        REFERRAL,
        MFA,
        BANNERS,
    ],
    required: &[],
};

/// Actions without a body take an empty object too.
pub(super) static NOTHING: Shape = Shape { keys: &[], required: &[] };
