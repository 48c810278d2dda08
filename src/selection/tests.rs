//! Who is wanted, and which patterns are reported.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// An org or a sandbox of its own.
#[derive(Clone, Debug)]
struct Somebody {
    id: Id,
    names: Vec<String>,
    tags: Vec<(String, String)>,
}

impl Somebody {
    fn new(number: u32, name: &str, tags: &[(&str, &str)]) -> Self {
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Self { id: id(number), names: vec![name.to_owned()], tags: tags.collect() }
    }

    /// What `look` makes of it.
    fn shown<T>(&self, look: impl FnOnce(&Candidate<'_>) -> T) -> T {
        let names: Vec<_> = self.names.iter().map(String::as_str).collect();
        let tags: Vec<_> = self.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        look(&Candidate { id: self.id, names: &names, tags: &tags })
    }

    fn is_wanted(&self, selection: &Selection) -> bool {
        self.shown(|candidate| selection.wants(Level::Org, candidate))
    }
}

fn id(number: u32) -> Id {
    format!("{number:024x}").parse().unwrap()
}

fn rule(level: Level, effect: Effect, key: &str, pattern: Pattern) -> Rule {
    Rule { level, effect, key: key.to_owned(), pattern }
}

fn include(pattern: Pattern) -> Rule {
    rule(Level::Org, Effect::Include, "include", pattern)
}

fn exclude(pattern: Pattern) -> Rule {
    rule(Level::Org, Effect::Exclude, "exclude", pattern)
}

fn orgs() -> [Somebody; 4] {
    [
        Somebody::new(1, "Acme North", &[("tier", "gold"), ("region", "eu")]),
        Somebody::new(2, "Acme South", &[("tier", "silver")]),
        Somebody::new(3, "acme-17", &[("trial", "")]),
        Somebody::new(4, "Globex", &[]),
    ]
}

/// The numbers of the orgs that `rules` select.
fn selected(rules: Vec<Rule>) -> Vec<usize> {
    let selection = Selection::new(rules);
    let orgs = orgs();
    (1..).zip(&orgs).filter(|(_, org)| org.is_wanted(&selection)).map(|(number, _)| number).collect()
}

#[test]
fn without_rules_everything_is_wanted() {
    assert!(Selection::everything().is_everything());
    assert_eq!(selected(Vec::new()), [1, 2, 3, 4]);
}

#[test]
fn what_any_including_pattern_matches_is_wanted() {
    let (second, glob) = (Pattern::id(&id(2).to_string()).unwrap(), Pattern::glob("Acme N*").unwrap());
    assert_eq!(selected(vec![include(second), include(glob)]), [1, 2]);
    assert_eq!(selected(vec![include(Pattern::glob("Globex").unwrap())]), [4]);
    assert_eq!(selected(vec![include(Pattern::regex("^acme-[0-9]+$").unwrap())]), [3]);
    assert_eq!(selected(vec![include(Pattern::regex("(?i)acme").unwrap())]), [1, 2, 3]);
}

#[test]
fn tags_match_by_key_or_by_key_and_value() {
    let by_tag = |text: &str| selected(vec![include(Pattern::tag(text).unwrap())]);
    assert_eq!(by_tag("tier"), [1, 2]);
    assert_eq!(by_tag("tier=gold"), [1]);
    assert_eq!(by_tag("trial="), [3]);
    assert_eq!(by_tag("tier="), [] as [usize; 0]);
    assert_eq!(by_tag("Tier"), [] as [usize; 0]);
}

#[test]
fn excluding_wins_over_including() {
    let rules = vec![
        include(Pattern::glob("Acme*").unwrap()),
        exclude(Pattern::id(&id(1).to_string()).unwrap()),
        exclude(Pattern::tag("trial").unwrap()),
    ];
    assert_eq!(selected(rules.clone()), [2]);
    assert_eq!(selected(rules[1..].to_vec()), [2, 4]);
}

#[test]
fn each_level_has_rules_of_its_own_and_instances_are_always_wanted() {
    let selection =
        Selection::new(vec![rule(Level::Sandbox, Effect::Exclude, "key", Pattern::glob("*").unwrap())]);
    assert!(!selection.is_everything());
    let wanted = Level::ALL.map(|level| orgs()[0].shown(|org| selection.wants(level, org)));
    assert_eq!(wanted, [true, true, false]);
}

#[test]
fn one_name_of_several_is_enough() {
    let mut user = Somebody::new(7, "ada@example.com", &[]);
    user.names.push("Ada Lovelace".to_owned());
    for pattern in ["*@example.com", "Ada *"] {
        assert!(user.is_wanted(&Selection::new(vec![include(Pattern::glob(pattern).unwrap())])));
    }
}

#[test]
fn what_is_no_pattern_is_refused_in_one_line() {
    let refusals = [
        Pattern::id("acme"),
        Pattern::glob("[abc"),
        Pattern::glob(""),
        Pattern::regex("acme(-"),
        Pattern::regex(""),
        Pattern::regex("(a{1000}){1000}{1000}"),
        Pattern::regex("a\n(?P<"),
        Pattern::tag("=gold"),
        Pattern::tag(""),
    ]
    .map(|pattern| pattern.unwrap_err().to_string() + "\n");
    insta::assert_snapshot!(refusals.concat(), @r#"
    "acme" is not a Losant id: expected 24 hexadecimal digits
    "[abc" is not a glob: the bracket [ is never closed; \[ stands for the bracket itself
    must not be empty
    "acme(-" is not a regular expression: unclosed group
    must not be empty
    "(a{1000}){1000}{1000}" is not a regular expression: Compiled regex exceeds size limit of 10485760 bytes
    "a\n(?P<" is not a regular expression: unclosed capture group name
    "=gold" is not a tag: the key is missing; write "key=value", or "key" for any value
    "" is not a tag: the key is missing; write "key=value", or "key" for any value
    "#);
}

/// The complaints of a sweep over all orgs.
fn complaints(rules: Vec<Rule>, orgs: &[Somebody]) -> Vec<String> {
    let mut tally = Selection::new(rules).tally();
    for org in orgs {
        org.shown(|candidate| tally.look_at(Level::Org, candidate));
    }
    tally.unmatched(Level::Org).iter().map(ToString::to_string).collect()
}

#[test]
fn a_pattern_that_matches_nobody_is_reported_with_the_names_it_looked_at() {
    let rules = vec![
        rule(Level::Org, Effect::Include, "selection.orgs.include.names[0]", Pattern::glob("Acme*").unwrap()),
        rule(Level::Org, Effect::Include, "selection.orgs.include.names[1]", Pattern::glob("ACME*").unwrap()),
        rule(
            Level::Org,
            Effect::Exclude,
            "selection.orgs.exclude.ids[0]",
            Pattern::id(&id(9).to_string()).unwrap(),
        ),
    ];
    let mut orgs: Vec<_> = orgs().into();
    orgs.push(Somebody::new(5, "of\ntwo lines", &[]));
    insta::assert_snapshot!(complaints(rules.clone(), &orgs).join("\n"), @r#"
    selection.orgs.include.names[1]: "ACME*" matches no org; looked at "Acme North", "Acme South", "acme-17", "Globex", "of\ntwo lines"
    selection.orgs.exclude.ids[0]: "000000000000000000000009" matches no org; looked at "Acme North", "Acme South", "acme-17", "Globex", "of\ntwo lines"
    "#);
    let many: Vec<_> = (0..37).map(|number| Somebody::new(number, &format!("Org {number}"), &[])).collect();
    insta::assert_snapshot!(complaints(rules[1..2].to_vec(), &many).join("\n"), @r#"selection.orgs.include.names[1]: "ACME*" matches no org; looked at "Org 0", "Org 1", "Org 2", "Org 3", "Org 4", "Org 5", "Org 6", "Org 7", "Org 8", "Org 9" and 27 more"#);
    insta::assert_snapshot!(complaints(rules[2..].to_vec(), &[]).join("\n"), @r#"selection.orgs.exclude.ids[0]: "000000000000000000000009" matches no org: there are none"#);
}

#[test]
fn a_pattern_that_another_one_outdoes_has_matched() {
    let rules = vec![
        include(Pattern::glob("Acme*").unwrap()),
        include(Pattern::glob("Acme North").unwrap()),
        exclude(Pattern::glob("Acme*").unwrap()),
        exclude(Pattern::tag("tier").unwrap()),
        exclude(Pattern::id(&id(1).to_string()).unwrap()),
        include(Pattern::id(&id(1).to_string()).unwrap()),
        // The same again.
        include(Pattern::id(&id(1).to_string()).unwrap()),
    ];
    assert_eq!(complaints(rules, &orgs()), [] as [&str; 0]);
}

#[test]
fn a_report_on_sandboxes_shows_neither_them_nor_the_pattern() {
    let pattern = Pattern::glob("*@example.org").unwrap();
    let mut tally =
        Selection::new(vec![rule(Level::Sandbox, Effect::Include, "key", pattern.clone())]).tally();
    let user = Somebody::new(7, "ada@example.com", &[]);
    assert!(!user.shown(|user| tally.look_at(Level::Sandbox, user)));
    let [unmatched] = tally.unmatched(Level::Sandbox).try_into().unwrap();
    assert_eq!(
        unmatched,
        Unmatched {
            key: "key".to_owned(),
            pattern: pattern.to_string(),
            level: Level::Sandbox,
            seen: Seen::Withheld,
            of: 1
        }
    );
    assert_eq!(
        unmatched.to_string(),
        "key: the pattern matches no sandbox; 1 sandbox was looked at; its name is not logged"
    );
    let shown = Unmatched { of: 12, ..unmatched }.to_string();
    assert_eq!(
        shown,
        "key: the pattern matches no sandbox; 12 sandboxes were looked at; their names are not logged"
    );
    assert!(tally.unmatched(Level::Org).is_empty());
}

#[test]
fn accounts_of_several_instances_add_up() {
    let rules = vec![include(Pattern::glob("Globex").unwrap()), include(Pattern::glob("Initech").unwrap())];
    let selection = Selection::new(rules);
    let [mut one, mut other] = [selection.tally(), selection.tally()];
    orgs()[0].shown(|org| one.look_at(Level::Org, org));
    orgs()[3].shown(|org| other.look_at(Level::Org, org));
    one.absorb(other);
    let [unmatched] = one.unmatched(Level::Org).try_into().unwrap();
    assert_eq!(unmatched.pattern, "Initech");
    let seen = Seen::Names(vec!["Acme North".to_owned(), "Globex".to_owned()]);
    assert_eq!((unmatched.seen, unmatched.of), (seen, 2));
}

#[test]
fn a_pattern_on_tags_is_reported_with_the_first_ten_different_tags() {
    let rules = vec![rule(Level::Org, Effect::Include, "key", Pattern::tag("tier=platinum").unwrap())];
    let plain: Vec<_> = (0..3).map(|number| Somebody::new(number, "Acme", &[])).collect();
    insta::assert_snapshot!(complaints(rules.clone(), &plain).join("\n"), @r#"key: "tier=platinum" matches no org; looked at 3, none of which has a tag"#);
    let tags: Vec<_> = (0..30).map(|number| format!("n{}", number / 2)).collect();
    let tagged: Vec<_> =
        tags.iter().map(|tag| Somebody::new(1, "Acme", &[("tier", "gold"), (tag, "x")])).collect();
    insta::assert_snapshot!(complaints(rules.clone(), &tagged).join("\n"), @r#"key: "tier=platinum" matches no org; looked at 30, with tags such as "tier=gold", "n0=x", "n1=x", "n2=x", "n3=x", "n4=x", "n5=x", "n6=x", "n7=x", "n8=x""#);
    // Of several instances together, too.
    let selection = Selection::new(rules);
    let mut all = selection.tally();
    for org in &tagged {
        let mut one = selection.tally();
        org.shown(|org| one.look_at(Level::Org, org));
        all.absorb(one);
    }
    let [unmatched] = all.unmatched(Level::Org).try_into().unwrap();
    let Seen::Tags(tags) = unmatched.seen else { panic!("{unmatched:?}") };
    assert_eq!((tags.len(), tags[0].as_str(), tags[9].as_str()), (10, "tier=gold", "n8=x"));
}

#[test]
fn a_pattern_is_shown_as_it_is_to_be_written() {
    let complaint =
        |pattern| complaints(vec![rule(Level::Org, Effect::Include, "key", pattern)], &[]).concat();
    let regex = r#"^"Acme" \d+\.$"#;
    assert!(complaint(Pattern::regex(regex).unwrap()).contains(&format!("\"{regex}\"")));
    assert_eq!(complaint(Pattern::glob("a\nb").unwrap()), r#"key: "a\nb" matches no org: there are none"#);
}

fn any_pattern() -> impl Strategy<Value = Pattern> {
    prop_oneof![
        (0u32..6).prop_map(|number| Pattern::id(&id(number).to_string()).unwrap()),
        "[ab?*]{1,4}".prop_map(|glob| Pattern::glob(&glob).unwrap()),
        "[ab.]{1,3}".prop_map(|regex| Pattern::regex(&regex).unwrap()),
        "[kl](=[vw]?)?".prop_map(|tag| Pattern::tag(&tag).unwrap()),
    ]
}

fn anybody() -> impl Strategy<Value = Somebody> {
    let tags = vec(("[kl]", "[vw]?"), 0..3);
    (0u32..6, vec("[ab]{0,4}", 0..3), tags).prop_map(|(number, names, tags)| Somebody {
        id: id(number),
        names,
        tags,
    })
}

proptest! {
    #[test]
    fn including_and_excluding_the_same_leaves_nobody(
        patterns in vec(any_pattern(), 1..5),
        somebody in anybody(),
    ) {
        let rules = patterns.iter().cloned().map(include).chain(patterns.iter().cloned().map(exclude));
        prop_assert!(!somebody.is_wanted(&Selection::new(rules.collect())));
    }

    #[test]
    fn what_is_included_and_what_is_left_when_it_is_excluded_is_everything(
        patterns in vec(any_pattern(), 1..5),
        somebody in anybody(),
    ) {
        let included = Selection::new(patterns.iter().cloned().map(include).collect());
        let rest = Selection::new(patterns.iter().cloned().map(exclude).collect());
        prop_assert!(somebody.is_wanted(&included) != somebody.is_wanted(&rest));
    }

    #[test]
    fn a_tally_decides_as_the_selection_does_and_reports_who_matched_nobody(
        included in vec(any_pattern(), 0..4),
        excluded in vec(any_pattern(), 0..4),
        crowd in vec(anybody(), 0..5),
    ) {
        let all = included.iter().cloned().map(include).chain(excluded.iter().cloned().map(exclude));
        let selection = Selection::new(all.collect());
        let mut tally = selection.tally();
        for somebody in &crowd {
            let wanted = somebody.shown(|candidate| tally.look_at(Level::Org, candidate));
            prop_assert_eq!(wanted, somebody.is_wanted(&selection));
        }
        let matches = |pattern: &Pattern| {
            crowd.iter().any(|somebody| somebody.shown(|candidate| pattern.matches(candidate)))
        };
        let expected = included.iter().chain(&excluded).filter(|pattern| !matches(pattern)).count();
        prop_assert_eq!(tally.unmatched(Level::Org).len(), expected);
    }
}
