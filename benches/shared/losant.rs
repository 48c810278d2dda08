//! The simulated Losant that a bench has started.

/// What the simulator says of itself.
pub struct Losant {
    pub url: String,
    pub instance: String,
    pub token: String,
}

impl Losant {
    /// Reads the words with which the simulator introduces itself.
    pub fn introduced(text: &str) -> Self {
        let after = |words: &str| {
            let line = text.lines().find_map(|line| line.trim_start().strip_prefix(words));
            line.unwrap_or_else(|| panic!("no {words:?} in {text}")).trim().to_owned()
        };
        Self {
            url: after("Losant API "),
            instance: after("Instance "),
            token: after("export LOSANT_API_TOKEN="),
        }
    }
}
