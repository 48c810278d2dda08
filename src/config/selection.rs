//! Section `[selection]`: which orgs and sandboxes are wanted.

use serde::{Deserialize, Serialize};

use super::ConfigError;
use crate::selection::{Effect, InvalidPattern, Pattern, Rule, Selection};
use crate::usage::Level;

/// Which orgs and sandboxes are wanted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SelectionConfig {
    /// Orgs.
    pub orgs: Choice<OrgPatterns>,
    /// Sandbox users.
    pub sandboxes: Choice<SandboxPatterns>,
}

/// Patterns that include and patterns that exclude.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Choice<P> {
    /// Those that any of these matches are wanted. Without any, all are.
    pub include: P,
    /// Those that any of these matches are not wanted, whatever includes them.
    pub exclude: P,
}

/// Patterns on orgs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OrgPatterns {
    /// Ids.
    pub ids: Vec<String>,
    /// Globs on the name.
    pub names: Vec<String>,
    /// Regular expressions on the name.
    pub name_regexes: Vec<String>,
    /// Tags: `key=value`, or `key` for any value.
    pub tags: Vec<String>,
}

/// Patterns on sandbox users, who have no tags.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SandboxPatterns {
    /// Ids.
    pub ids: Vec<String>,
    /// Globs on the e-mail address, and on the first and last name with a space between.
    pub names: Vec<String>,
    /// Regular expressions on the same.
    pub name_regexes: Vec<String>,
}

/// A key, how the texts in its list become patterns, and the texts.
type List<'a> = (&'static str, fn(&str) -> Result<Pattern, InvalidPattern>, &'a [String]);

impl SelectionConfig {
    /// The selection that the patterns make. The error names the key of the first that is none, with its
    /// place in the list.
    pub fn compile(&self) -> Result<Selection, ConfigError> {
        let Self { orgs, sandboxes } = self;
        let mut rules = Vec::new();
        for (effect, patterns) in [(Effect::Include, &orgs.include), (Effect::Exclude, &orgs.exclude)] {
            let OrgPatterns { ids, names, name_regexes, tags } = patterns;
            let tags: List<'_> = ("tags", Pattern::tag, tags);
            add(&mut rules, Level::Org, effect, named(ids, names, name_regexes).into_iter().chain([tags]))?;
        }
        for (effect, patterns) in
            [(Effect::Include, &sandboxes.include), (Effect::Exclude, &sandboxes.exclude)]
        {
            let SandboxPatterns { ids, names, name_regexes } = patterns;
            add(&mut rules, Level::Sandbox, effect, named(ids, names, name_regexes))?;
        }
        Ok(Selection::new(rules))
    }
}

/// The lists that orgs and sandboxes have in common.
fn named<'a>(ids: &'a [String], names: &'a [String], name_regexes: &'a [String]) -> [List<'a>; 3] {
    [
        ("ids", Pattern::id, ids),
        ("names", Pattern::glob, names),
        ("name_regexes", Pattern::regex, name_regexes),
    ]
}

fn add<'a>(
    rules: &mut Vec<Rule>,
    level: Level,
    effect: Effect,
    lists: impl IntoIterator<Item = List<'a>>,
) -> Result<(), ConfigError> {
    let section = match level {
        Level::Instance => "instances",
        Level::Org => "orgs",
        Level::Sandbox => "sandboxes",
    };
    let side = match effect {
        Effect::Include => "include",
        Effect::Exclude => "exclude",
    };
    for (name, parse, texts) in lists {
        for (place, text) in texts.iter().enumerate() {
            let key = format!("selection.{section}.{side}.{name}[{place}]");
            let pattern = parse(text).map_err(|problem| ConfigError::key(&key, problem.to_string()))?;
            rules.push(Rule { level, effect, key, pattern });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::selection::Candidate;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn nothing_written_down_selects_everything() {
        assert!(SelectionConfig::default().compile().unwrap().is_everything());
    }

    #[test]
    fn every_list_comes_to_bear_under_its_key() {
        const ID: &str = "5ff89ff825013dc6c2856188";
        let (ids, names, name_regexes) = (texts(&[ID]), texts(&["*"]), texts(&["."]));
        let orgs = OrgPatterns {
            ids: ids.clone(),
            names: names.clone(),
            name_regexes: name_regexes.clone(),
            tags: texts(&["tier"]),
        };
        let sandboxes = SandboxPatterns { ids, names, name_regexes };
        let config = SelectionConfig {
            orgs: Choice { include: orgs.clone(), exclude: orgs },
            sandboxes: Choice { include: sandboxes.clone(), exclude: sandboxes },
        };
        let selection = config.compile().unwrap();
        // Nobody is looked at, so every pattern is reported.
        let tally = selection.tally();
        let unmatched = Level::ALL.into_iter().flat_map(|level| tally.unmatched(level));
        let keys: Vec<_> =
            unmatched.map(|unmatched| format!("{} {}", unmatched.key, unmatched.pattern)).collect();
        insta::assert_snapshot!(keys.join("\n"), @r"
        selection.orgs.include.ids[0] 5ff89ff825013dc6c2856188
        selection.orgs.include.names[0] *
        selection.orgs.include.name_regexes[0] .
        selection.orgs.include.tags[0] tier
        selection.orgs.exclude.ids[0] 5ff89ff825013dc6c2856188
        selection.orgs.exclude.names[0] *
        selection.orgs.exclude.name_regexes[0] .
        selection.orgs.exclude.tags[0] tier
        selection.sandboxes.include.ids[0] 5ff89ff825013dc6c2856188
        selection.sandboxes.include.names[0] *
        selection.sandboxes.include.name_regexes[0] .
        selection.sandboxes.exclude.ids[0] 5ff89ff825013dc6c2856188
        selection.sandboxes.exclude.names[0] *
        selection.sandboxes.exclude.name_regexes[0] .
        ");
        let candidate = Candidate { id: ID.parse().unwrap(), names: &["Acme"], tags: &[("tier", "gold")] };
        for level in [Level::Org, Level::Sandbox] {
            let mut tally = selection.tally();
            tally.look_at(level, &candidate);
            assert!(tally.unmatched(level).is_empty(), "{level}");
        }
    }

    #[test]
    fn a_wrong_pattern_is_refused_with_its_place_in_the_list() {
        let patterns = OrgPatterns { names: texts(&["Acme *", "[Acme"]), ..OrgPatterns::default() };
        let config = SelectionConfig {
            orgs: Choice { include: patterns, ..Choice::default() },
            ..SelectionConfig::default()
        };
        insta::assert_snapshot!(config.compile().unwrap_err(), @r#"key selection.orgs.include.names[1]: "[Acme" is not a glob: the bracket [ is never closed; \[ stands for the bracket itself"#);
    }
}
