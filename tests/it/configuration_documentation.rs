//! `docs/configuration.md` is made from the types of the configuration, their doc comments and their defaults.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use losant_exporter::config::{AccountConfig, Config, ENV_PREFIX, FLAGS, needs_restart};

use crate::config::{leaves, with_every_key};

const INTRODUCTION: &str = "\
# Configuration

This page is written by `make docs`, from the types in `src/config`. [config.toml](../config.toml) holds the same keys with
their defaults and a longer explanation of each, and is a file to begin with.

Values come from, later wins: defaults, the file (`--config.file`, or `config.toml` in the working directory if there is one),
environment variables, flags. Durations carry their unit: `\"30s\"`, `\"5m\"`, `\"1h\"`. An unknown key is an error. A relative
path in the file begins in the folder of the file, as with Prometheus; one in an environment variable or a flag begins in the working
directory.
A key is the variable `LOSANT_EXPORTER__SECTION__KEY`, with two underscores, because Kubernetes makes `LOSANT_EXPORTER_PORT` and the like
of a Service; a setting with one underscore in the place of two is refused by its right name, and so is a variable of an unknown key.
`losant-exporter check` says whether the exporter would start with a configuration, and which file and key is wrong if not.

## Changing it while the exporter runs

The configuration is read anew

- when its file changes: what it leads to is looked at every two seconds, and read once it has been the same twice, so that a
  file that is being written is not read half. The swapped links of a Kubernetes `ConfigMap` are noticed. A file that is gone
  is no reason to change anything;
- on `SIGHUP` to the process of `serve` (other commands end by it);
- on `POST /-/reload`, where `web.enable_lifecycle` is set; without it, that is answered with 403, as Prometheus does.

It is read and checked whole first, token files included, just as at the start: file, environment and flags of the process. A
wrong one changes nothing. The log says what is wrong, `/-/reload` answers 500 with the same words, and
`losant_exporter_config_last_reload_successful` is 0 until a right one has been taken over; after five minutes
[LosantReloadFailed](runbooks/LosantReloadFailed.md) fires.

A right one comes into force at once, for those accounts alone that it concerns. Scrapes go on meanwhile, and every series that
is still wanted stays. What is under way for such an account is dropped and asked again, and a sweep begins, because only a
list tells whom patterns fit: whoever is not wanted any more goes when it ends, whoever is new comes. The request budget of
an account stays the same one: no reload gives it requests that it had used up. An account that is called otherwise keeps its
series, and its budget where token and `base_url` are the same; one that is taken out and comes back by a later reload begins with
a new budget. An instance that passes to another account keeps its series, too: one that an account names in `instances` is
left to it by accounts that list.

Where a setting says **restart**, its change is named in the log and in the answer of `/-/reload`, and comes into force when the
process starts again; everything else in the same file comes into force. That counts as a success. All sections but `[web]`,
which says where sockets are, and `[sharding]`, which has to be the same for all shards, take a reload.

- Numbers that a setting adds or changes (`source_label`, `sandbox_email`, a collector that is enabled again) are read anew in
  turn; until then what is known is shown. Series of a collector that is disabled go at once. `settle_delay` holds from
  the next hour on.
- Environment variables are those of the start. Token files are read again all the time and need no reload.

```console
$ systemctl reload losant-exporter
$ curl -sS -X POST http://127.0.0.1:10066/-/reload
```
";

/// A field as its source tells of it.
struct Field {
    kind: String,
    words: String,
}

/// The fields of every struct of a file: name of the struct, name of the field.
fn fields(file: &str) -> BTreeMap<(String, String), Field> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config").join(file);
    let text = std::fs::read_to_string(path).expect("a source");
    let (mut found, mut words, mut inside) = (BTreeMap::new(), String::new(), String::new());
    for line in text.lines() {
        let line = line.trim();
        if let Some(more) = line.strip_prefix("///") {
            let gap = if words.is_empty() { "" } else { " " };
            words = format!("{words}{gap}{}", more.trim());
        } else if let Some(name) = line.strip_prefix("pub struct ") {
            name.split([' ', '<']).next().unwrap_or_default().clone_into(&mut inside);
            words.clear();
        } else if let Some((name, kind)) = line.strip_prefix("pub ").and_then(|rest| rest.split_once(": ")) {
            let kind = kind.trim_end_matches(',').to_owned();
            let words = std::mem::take(&mut words);
            found.insert((inside.clone(), name.to_owned()), Field { kind, words });
        } else if !line.starts_with("#[") {
            words.clear();
        }
    }
    found
}

fn kind_in_words(kind: &str) -> &str {
    let kind = kind.strip_prefix("Option<").and_then(|rest| rest.strip_suffix('>')).unwrap_or(kind);
    match kind {
        "bool" => "`true` or `false`",
        "Interval" => "duration",
        "f64" => "number",
        "u32" | "usize" | "u64" | "u16" => "whole number",
        "String" => "text",
        "PathBuf" => "path",
        "Vec<String>" => "list of texts",
        "Vec<Id>" => "list of ids",
        "Vec<Collector>" => "list of collectors",
        "Vec<ListenAddress>" => "list of `host:port`",
        "Level" => "`error`, `warn`, `info`, `debug` or `trace`",
        "LogFormat" => "`logfmt` or `json`",
        other => panic!("say in words what {other} is"),
    }
}

/// Every key, and its default where it has one.
fn keys() -> BTreeMap<String, Option<toml::Value>> {
    let mut defaults = Config::default();
    defaults.accounts.insert("NAME".to_owned(), AccountConfig::default());
    let of = |config: Config| leaves(&toml::Value::try_from(config).expect("a table"));
    let (mut known, named) = (of(defaults), of(with_every_key("NAME")));
    named.into_keys().map(|key| (key.clone(), known.remove(&key))).collect()
}

fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    let mut section = String::new();
    for (key, default) in keys() {
        let (path, leaf) = key.rsplit_once('.').expect("a section");
        if section != path {
            path.clone_into(&mut section);
            let _ = writeln!(
                page,
                "\n## `[{section}]`\n\n| Key | Type | Default | What it says | Flag, environment variable | Changed by |\n\
                 | --- | --- | --- | --- | --- | --- |"
            );
        }
        let room = key.split('.').next().unwrap_or_default();
        let is_of = |of: &str| match path {
            "selection.orgs.include" | "selection.orgs.exclude" => of == "OrgPatterns",
            "selection.sandboxes.include" | "selection.sandboxes.exclude" => of == "SandboxPatterns",
            _ => true,
        };
        let fields = fields(&format!("{room}.rs"));
        let field = fields.iter().find(|((of, name), _)| is_of(of) && name == leaf);
        let Field { kind, words } = field.unwrap_or_else(|| panic!("{key} stands in no type")).1;
        assert!(!words.is_empty(), "{key} has no doc comment");
        let default = default.map_or("none".to_owned(), |value| format!("`{value}`"));
        let flag = FLAGS.iter().find(|(of, _)| *of == key).map(|(_, flag)| format!("`{flag}`, "));
        let variable = format!("`{ENV_PREFIX}{}`", key.to_uppercase().replace('.', "__"));
        let by = if needs_restart(&key) { "restart" } else { "reload" };
        let (kind, flag) = (kind_in_words(kind), flag.unwrap_or_default());
        let _ = writeln!(page, "| `{leaf}` | {kind} | {default} | {words} | {flag}{variable} | {by} |");
    }
    page
}

#[test]
fn the_documentation_of_the_configuration_is_up_to_date() {
    let page = page();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    if std::env::var_os("LOSANT_EXPORTER_WRITE_DOCS").is_some() {
        std::fs::write(&path, &page).expect("docs/configuration.md");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/configuration.md is stale: run `make docs`");
}

#[test]
fn every_flag_of_serve_is_that_of_a_key() {
    let help = Command::new(env!("CARGO_BIN_EXE_losant-exporter")).args(["serve", "--help"]).output();
    let help = String::from_utf8(help.expect("it runs").stdout).expect("text");
    let words = help.split([' ', '\n', '=', '[', ',']).filter(|word| word.starts_with("--"));
    let mut flags: Vec<_> = words.filter(|flag| !["--help", "--config.file"].contains(flag)).collect();
    flags.sort_unstable();
    flags.dedup();
    let mut known: Vec<_> = FLAGS.iter().map(|(_, flag)| *flag).collect();
    known.sort_unstable();
    assert_eq!(flags, known, "FLAGS in src/config/load.rs names the flag of each key");
    let keys = keys();
    assert!(FLAGS.iter().all(|(key, _)| keys.contains_key(*key)));
}
