//! `api --list`: what there is to call.

use std::fmt::Write as _;

use crate::losant::{Access, Action, Body, Kind, Parameter};

/// All actions, with what they take and the scopes that open them.
pub(super) fn all_actions() -> String {
    let mut page = String::new();
    for action in Action::all() {
        let changes = match action.access() {
            Access::Read => "",
            Access::Write => " (needs --yes)",
        };
        let _ = writeln!(page, "{action}{changes}");
        let _ = writeln!(page, "    {}", action.description());
        let _ = writeln!(page, "    {} {}", action.method(), action.path());
        for parameter in action.parameters() {
            let _ = writeln!(page, "    --param {}  {}", usage(parameter), parameter.description);
        }
        match action.body() {
            Body::None => {}
            Body::Optional(schema) => {
                let _ = writeln!(page, "    [--body FILE]  Losant's schema {schema}");
            }
            Body::Required(schema) => {
                let _ = writeln!(page, "    --body FILE  Losant's schema {schema}");
            }
        }
        let _ = writeln!(page, "    Scopes, one of: {}\n", action.scopes().join(", "));
    }
    page
}

fn usage(parameter: &Parameter) -> String {
    let Parameter { name, kind, required: _, default, description: _ } = parameter;
    let value = match kind {
        Kind::Text => "TEXT".to_owned(),
        Kind::Number => "NUMBER".to_owned(),
        Kind::Boolean => "true|false".to_owned(),
        Kind::Time => "TIME".to_owned(),
        Kind::Id => "ID".to_owned(),
        Kind::Choice(choices) => choices.join("|"),
        Kind::List => "NAME,NAME".to_owned(),
        Kind::Json => "JSON".to_owned(),
    };
    let default = default.map(|default| format!(" [default: {default}]")).unwrap_or_default();
    format!("{name}={value}{default}")
}
