//! The `query` parameter of the list of orgs: a condition, as JSON.
//!
//! Owns: reading it, saying what is wrong with it, and whether an org fulfils it.

use serde_json::{Map, Value};

pub(super) mod tags;

use self::tags::TagCondition;
use super::bodies::date;
use super::owner::Org;
use super::refusal::Refusal;
use super::rules;

/// Most members of a list.
pub(super) const MOST: usize = 100;

/// A condition on an org.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    None(Vec<Condition>),
    Field(Field, Vec<Test>),
    Tags(TagCondition),
}

/// What a condition is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Id,
    Name,
    CreationDate,
    LastUpdated,
    MfaMode,
    IsReadOnly,
    AuditLogEnabled,
    DisabledAt,
    ReferralId,
    MemberId,
}

/// One comparison with a value, in lower case on both sides if `ignoring_case`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Test {
    operator: Operator,
    ignoring_case: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Operator {
    Equal(Value),
    NotEqual(Value),
    Greater(Value),
    Less(Value),
    GreaterOrEqual(Value),
    LessOrEqual(Value),
    StartsWith(String),
    EndsWith(String),
    Contains(String),
    In(Vec<Value>),
    NotIn(Vec<Value>),
}

impl Condition {
    /// Reads the text of the parameter.
    pub(super) fn read(text: &str) -> Result<Self, Refusal> {
        let value: Value = serde_json::from_str(text).map_err(|_| wrong("query", "a JSON object"))?;
        Self::of_object("query", &value)
    }

    fn of_object(path: &str, value: &Value) -> Result<Self, Refusal> {
        let object = value.as_object().ok_or_else(|| wrong(path, "an object"))?;
        let parts = object.iter().map(|(key, value)| Self::of_key(&format!("{path}.{key}"), key, value));
        Ok(Self::All(parts.collect::<Result<_, _>>()?))
    }

    fn of_key(path: &str, key: &str, value: &Value) -> Result<Self, Refusal> {
        let list = || -> Result<Vec<Self>, Refusal> {
            let items = list(path, value)?.iter().enumerate();
            items
                .map(|(index, item)| Self::of_object(&format!("{path}[{index}]"), item))
                .collect::<Result<_, _>>()
        };
        let field = match key {
            "$and" => return Ok(Self::All(list()?)),
            "$or" => return Ok(Self::Any(list()?)),
            "$nor" => return Ok(Self::None(list()?)),
            "tags" => return Ok(Self::Tags(TagCondition::read(path, value)?)),
            "id" => Field::Id,
            "name" => Field::Name,
            "creationDate" => Field::CreationDate,
            "lastUpdated" => Field::LastUpdated,
            "mfaMode" => Field::MfaMode,
            "isReadOnly" => Field::IsReadOnly,
            "auditLogEnabled" => Field::AuditLogEnabled,
            "disabledAt" => Field::DisabledAt,
            "referralId" => Field::ReferralId,
            "memberId" => Field::MemberId,
            _ => return Err(Refusal::Validation(format!("{path} is not a known field"))),
        };
        let tests = match value {
            Value::Object(operators) => Test::read_all(path, field, operators)?,
            value => {
                field.check(path, value)?;
                vec![Test { operator: Operator::Equal(value.clone()), ignoring_case: field.is_id() }]
            }
        };
        Ok(Self::Field(field, tests))
    }

    /// Whether an org fulfils it. Dates of the org: when it was last changed, and when it was disabled.
    pub(super) fn holds(&self, org: &Org, dates: &OrgDates) -> bool {
        let holds = |condition: &Self| condition.holds(org, dates);
        match self {
            Self::All(all) => all.iter().all(holds),
            // Nothing to choose from asks for nothing.
            Self::Any(any) => any.is_empty() || any.iter().any(holds),
            Self::None(none) => !none.iter().any(holds),
            Self::Tags(tags) => tags.holds(&org.tags),
            Self::Field(Field::MemberId, tests) => {
                let members: Vec<_> = org.members().into_iter().filter_map(|member| member.user_id).collect();
                tests.iter().all(|test| test.holds_for_any(&members))
            }
            Self::Field(field, tests) => {
                let value = field.of(org, dates);
                tests.iter().all(|test| test.holds(&value))
            }
        }
    }
}

/// Dates as they are written.
pub(super) struct OrgDates {
    pub(super) updated: String,
    pub(super) disabled: Option<String>,
}

impl Field {
    fn of(self, org: &Org, dates: &OrgDates) -> Value {
        match self {
            Self::Id => org.id.to_string().into(),
            Self::Name => org.name.clone().into(),
            Self::CreationDate => date(org.created_at).into(),
            Self::LastUpdated => dates.updated.clone().into(),
            Self::MfaMode => org.mfa_mode.name().into(),
            Self::IsReadOnly => org.is_read_only.into(),
            Self::AuditLogEnabled => org.audit_log_enabled.into(),
            Self::DisabledAt => dates.disabled.clone().map_or(Value::Bool(false), Value::from),
            Self::ReferralId => org.referral_id.clone().map_or(Value::Null, Value::from),
            Self::MemberId => Value::Null,
        }
    }

    fn is_id(self) -> bool {
        matches!(self, Self::Id | Self::MemberId)
    }

    /// Whether a value can be compared with this field.
    fn check(self, path: &str, value: &Value) -> Result<(), Refusal> {
        match value {
            Value::Null => Ok(()),
            value if self.is_id() => {
                let is_id = value.as_str().is_some_and(rules::is_id);
                if is_id { Ok(()) } else { Err(wrong(path, "24 hexadecimal digits or null")) }
            }
            Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
            Value::Array(_) | Value::Object(_) => Err(wrong(path, "a text, a number, a boolean or null")),
        }
    }
}

impl Test {
    fn read_all(path: &str, field: Field, operators: &Map<String, Value>) -> Result<Vec<Self>, Refusal> {
        if field.is_id() && operators.len() != 1 {
            return Err(wrong(path, "exactly one operator"));
        }
        let ignoring_case = match operators.get("$ci") {
            // The digits of ids have no case.
            None => field.is_id(),
            Some(_) if field.is_id() => return Err(unknown(path, "$ci")),
            Some(Value::Bool(ignoring_case)) => *ignoring_case,
            Some(_) => return Err(wrong(&format!("{path}.$ci"), "true or false")),
        };
        let tests = operators.iter().filter(|(key, _)| key.as_str() != "$ci");
        tests
            .map(|(key, value)| {
                Ok(Self { operator: Operator::read(path, field, key, value)?, ignoring_case })
            })
            .collect()
    }

    fn holds(&self, value: &Value) -> bool {
        let fold = |value: &Value| match value {
            Value::String(text) if self.ignoring_case => Value::from(text.to_lowercase()),
            value => value.clone(),
        };
        let value = fold(value);
        let order = |other: &Value| order(&value, &fold(other));
        let equals = |other: &Value| order(other) == Some(std::cmp::Ordering::Equal);
        let text = |holds: fn(&str, &str) -> bool, part: &String| {
            let part = if self.ignoring_case { part.to_lowercase() } else { part.clone() };
            value.as_str().is_some_and(|text| holds(text, &part))
        };
        match &self.operator {
            Operator::Equal(other) => equals(other),
            Operator::NotEqual(other) => !equals(other),
            Operator::Greater(other) => order(other).is_some_and(std::cmp::Ordering::is_gt),
            Operator::Less(other) => order(other).is_some_and(std::cmp::Ordering::is_lt),
            Operator::GreaterOrEqual(other) => order(other).is_some_and(std::cmp::Ordering::is_ge),
            Operator::LessOrEqual(other) => order(other).is_some_and(std::cmp::Ordering::is_le),
            Operator::StartsWith(part) => text(|text, part| text.starts_with(part), part),
            Operator::EndsWith(part) => text(|text, part| text.ends_with(part), part),
            Operator::Contains(part) => text(|text, part| text.contains(part), part),
            Operator::In(others) => others.iter().any(equals),
            Operator::NotIn(others) => !others.iter().any(equals),
        }
    }

    /// Whether it holds for one of several values; what says "not", for none of them.
    fn holds_for_any(&self, values: &[String]) -> bool {
        // Without members there is one value: none.
        let nobody = [Value::Null];
        let values: Vec<Value> = values.iter().cloned().map(Value::from).collect();
        let values = if values.is_empty() { nobody.as_slice() } else { &values };
        match self.operator {
            Operator::NotEqual(_) | Operator::NotIn(_) => values.iter().all(|value| self.holds(value)),
            _ => values.iter().any(|value| self.holds(value)),
        }
    }
}

impl Operator {
    fn read(path: &str, field: Field, key: &str, value: &Value) -> Result<Self, Refusal> {
        let inside = format!("{path}.{key}");
        let one = || field.check(&inside, value).map(|()| value.clone());
        let text = || {
            let text = value.as_str().filter(|text| !text.is_empty() && !field.is_id());
            text.map(str::to_owned).ok_or_else(|| wrong(&inside, "a text that is not empty"))
        };
        let several = || {
            let items = list(&inside, value)?;
            items.iter().enumerate().try_for_each(|(index, item)| {
                let inside = format!("{inside}[{index}]");
                let null = wrong(&inside, "a text, a number or a boolean");
                if item.is_null() { Err(null) } else { field.check(&inside, item) }
            })?;
            Ok(items.clone())
        };
        Ok(match key {
            "$eq" => Self::Equal(one()?),
            "$ne" => Self::NotEqual(one()?),
            "$gt" => Self::Greater(one()?),
            "$lt" => Self::Less(one()?),
            "$gte" => Self::GreaterOrEqual(one()?),
            "$lte" => Self::LessOrEqual(one()?),
            "$in" => Self::In(several()?),
            "$nin" => Self::NotIn(several()?),
            "$startsWith" if !field.is_id() => Self::StartsWith(text()?),
            "$endsWith" if !field.is_id() => Self::EndsWith(text()?),
            "$contains" if !field.is_id() => Self::Contains(text()?),
            _ => return Err(unknown(path, key)),
        })
    }
}

/// How two values compare; none when they are of different kinds. A date may be compared with milliseconds.
fn order(value: &Value, other: &Value) -> Option<std::cmp::Ordering> {
    match (value, other) {
        (Value::Null, Value::Null) => Some(std::cmp::Ordering::Equal),
        (Value::Bool(value), Value::Bool(other)) => Some(value.cmp(other)),
        (Value::Number(value), Value::Number(other)) => value.as_f64()?.partial_cmp(&other.as_f64()?),
        (Value::String(value), Value::String(other)) => match (moment(value), moment(other)) {
            (Some(value), Some(other)) => Some(value.cmp(&other)),
            _ => Some(value.cmp(other)),
        },
        (Value::String(value), Value::Number(other)) => {
            moment(value).map(jiff::Timestamp::as_millisecond).zip(other.as_i64()).map(|(a, b)| a.cmp(&b))
        }
        _ => None,
    }
}

/// In lower case too, for the sake of `$ci`.
fn moment(text: &str) -> Option<jiff::Timestamp> {
    text.parse().ok()
}

pub(super) fn list<'a>(path: &str, value: &'a Value) -> Result<&'a Vec<Value>, Refusal> {
    let items = value.as_array().filter(|items| items.len() <= MOST);
    items.ok_or_else(|| wrong(path, &format!("a list of at most {MOST}")))
}

pub(super) fn wrong(path: &str, expected: &str) -> Refusal {
    Refusal::Validation(format!("{path} must be {expected}"))
}

pub(super) fn unknown(path: &str, operator: &str) -> Refusal {
    Refusal::Validation(format!("{path}.{operator} is not a known operator"))
}

#[cfg(test)]
mod tests;
