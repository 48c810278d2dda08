//! Mistakes that the checker makes on purpose, to see that a broken promise is found: `SOAK_MISTAKE=value`.

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// It reads one device more than there is, of one scope on each page.
    Value,
    /// It overlooks one org or sandbox on each page.
    Vanished,
    /// It wants series to go six seconds after they were read.
    Stale,
    /// One scraper has a wrong password.
    Password,
    /// It thinks that the budget is a tenth of what it is.
    Budget,
    /// It waits for an org that there is not before it believes that the exporter is ready.
    Ready,
    /// It expects a broken configuration to be taken.
    Reload,
    /// It writes a token that Losant does not accept.
    Token,
    /// It waits for a certificate that it has not written.
    Certificate,
    /// It allows no memory, no file and no thread in the end.
    Growth,
    /// It looks for a row on the status page that there is not.
    Browser,
    /// It wants more to come back than there are.
    Comeback,
}

impl Mistake {
    const ALL: [(Self, &str); 12] = [
        (Self::Value, "value"),
        (Self::Vanished, "vanished"),
        (Self::Stale, "stale"),
        (Self::Password, "password"),
        (Self::Budget, "budget"),
        (Self::Ready, "ready"),
        (Self::Reload, "reload"),
        (Self::Token, "token"),
        (Self::Certificate, "certificate"),
        (Self::Growth, "growth"),
        (Self::Browser, "browser"),
        (Self::Comeback, "comeback"),
    ];

    /// The ones that are ordered, separated by commas.
    pub fn ordered() -> Vec<Self> {
        let text = std::env::var("SOAK_MISTAKE").unwrap_or_default();
        let known =
            |word: &str| Self::ALL.iter().find(|(_, name)| *name == word).map(|(mistake, _)| *mistake);
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        words
            .map(|word| known(word).unwrap_or_else(|| panic!("SOAK_MISTAKE={word}: no such mistake")))
            .collect()
    }
}
