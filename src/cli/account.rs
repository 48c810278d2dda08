//! The one account that a command is carried out with.

use std::collections::BTreeMap;

use anyhow::{Context as _, anyhow, bail};

use crate::app::{Account, AccountError, accounts};
use crate::config::{AccountConfig, Config, Loaded};

/// The account that is meant: the one that is named, or the only one.
pub(super) fn find<'a>(
    accounts: &'a BTreeMap<String, AccountConfig>,
    wanted: Option<&str>,
) -> anyhow::Result<(&'a str, &'a AccountConfig)> {
    let names = || accounts.keys().cloned().collect::<Vec<_>>().join(", ");
    let found = match wanted {
        Some(wanted) => accounts
            .get_key_value(wanted)
            .with_context(|| format!("there is no account {wanted:?}; configured accounts: {}", names()))?,
        None if accounts.len() > 1 => bail!("--account is missing; configured accounts: {}", names()),
        None => accounts.first_key_value().context("no account is configured")?,
    };
    Ok((found.0, found.1))
}

/// The account as clients are made of it. Reads the token file.
pub(super) fn connection(loaded: &Loaded, name: &str, account: &AccountConfig) -> anyhow::Result<Account> {
    // The other accounts may have no token here.
    let only = Config { accounts: [(name.to_owned(), account.clone())].into(), ..loaded.config.clone() };
    let resolved = accounts(&only, |name| std::env::var_os(name)).map_err(|error| origin(loaded, error))?;
    resolved.into_iter().next().context("no account is configured")
}

fn origin(loaded: &Loaded, error: AccountError) -> anyhow::Error {
    match loaded.origin_of(&error.key()) {
        Some(origin) => anyhow!("{origin}: {error}"),
        None => error.into(),
    }
}
