//! What went wrong with a call, and what to do about it, in one line.

use crate::app::Account;
use crate::config::DEFAULT_TOKEN_VARIABLE;
use crate::losant::{Access, Error, TokenSource, Unavailable};
use crate::usage::Level;

/// Status, type, message, action, ids, and a hint.
pub(super) fn explain(error: &Error, account: &Account) -> String {
    let call = error.call();
    let what = match (error, error.status()) {
        (Error::Malformed { problem, .. }, _) => format!("malformed answer: {problem}"),
        (Error::Unavailable { reason, said, .. }, None) => format!("{reason}{said}"),
        (_, Some(status)) => {
            let said = error.said().map(ToString::to_string).filter(|said| !said.is_empty());
            format!("status {status}{}", said.unwrap_or_else(|| ", with no word why".to_owned()))
        }
        (_, None) => error.label().to_owned(),
    };
    let hint = hint(error, account);
    let hint = if hint.is_empty() { hint } else { format!(" ({hint})") };
    format!("{call}: {what}{hint}{}", doubt(error))
}

fn hint(error: &Error, account: &Account) -> String {
    let action = error.call().action;
    match (error, error.status()) {
        (Error::Unauthorized { .. }, _) => {
            format!(
                "the token of account {} is not accepted; it comes from {}",
                account.name,
                origin(account)
            )
        }
        (Error::Forbidden { .. }, _) => {
            format!("the token needs one of the scopes {}", action.scopes().join(", "))
        }
        (Error::NotFound { said, .. }, _) => {
            let unknown = unknown(error, said.message.as_deref().unwrap_or_default());
            // Losant names what it does not find. A proxy, or an installation without the action, does not.
            let or_not = said.kind.is_none() && error.call().scope.is_some();
            format!("{unknown}{}", if or_not { ", or no such action in this installation" } else { "" })
        }
        (_, Some(400 | 422)) => {
            let names: Vec<_> = action.parameters().iter().map(|parameter| parameter.name).collect();
            if names.is_empty() {
                "it takes no parameters".to_owned()
            } else {
                format!("its parameters are {}", names.join(", "))
            }
        }
        (_, Some(405)) => "this installation may not have the action".to_owned(),
        (Error::Throttled { retry_after, .. }, _) => retry_after.map_or_else(
            || "Losant throttles: wait a while".to_owned(),
            |pause| format!("Losant throttles: wait {} s", pause.as_secs()),
        ),
        (Error::Unavailable { reason: Unavailable::Connect, .. }, _) => {
            format!("base_url of account {} is {}", account.name, account.config.base_url)
        }
        (Error::Unavailable { reason: Unavailable::Timeout, .. }, _) => {
            format!("request_timeout of account {} is {}", account.name, account.config.request_timeout)
        }
        _ => String::new(),
    }
}

/// Which of the ids is the unknown one, as far as Losant's words tell.
fn unknown(error: &Error, message: &str) -> String {
    let Some(scope) = error.call().scope else {
        return "this installation may not have the action".to_owned();
    };
    let of_instance = format!("no instance {} that this token can see", scope.instance());
    if scope.level() == Level::Instance || message.starts_with("Instance") {
        return of_instance;
    }
    format!("no {scope} in instance {} that this token can see", scope.instance())
}

/// Where the token comes from.
fn origin(account: &Account) -> String {
    match &account.token {
        TokenSource::File(path) => format!("file {}", path.display()),
        TokenSource::Fixed(_) => {
            let variable = account.config.token_env.as_deref().unwrap_or(DEFAULT_TOKEN_VARIABLE);
            format!("environment variable {variable}")
        }
    }
}

/// A write that did not come back may have been done.
fn doubt(error: &Error) -> &'static str {
    let in_doubt = match error {
        Error::Unavailable { reason, .. } => *reason != Unavailable::Connect,
        Error::Malformed { .. } => true,
        _ => false,
    };
    if in_doubt && error.call().action.access() == Access::Write {
        "; nobody knows whether it was done: look before trying again"
    } else {
        ""
    }
}
