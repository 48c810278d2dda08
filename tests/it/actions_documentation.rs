//! `docs/losant-actions.md` is made from the table of actions that the client and the command line work by.

use std::fmt::Write as _;
use std::path::Path;

use losant_exporter::losant::{Access, Action, Body, GLOBAL_PARAMETERS, Paging, Parameter};

const INTRODUCTION: &str = "\
# Losant actions

This page is written by `make docs`, from the table in `src/losant/action/table.rs`. It lists the actions of Losant's API
for instances, their orgs and their sandbox users. The exporter polls with some of the reads and never writes;
`losant-exporter api ACTION` calls any of them with a configured account.

```console
$ losant-exporter api --list
$ losant-exporter api instanceOrgs.get --all-pages --output table
$ losant-exporter api instance.payloadCounts --param start=-7d --param end=now
$ losant-exporter api instanceOrg.patch --org <ORG_ID> --body changes.json --dry-run
```

- Ids go in by `--instance`, `--org` and `--sandbox`. If the account configures exactly one instance, `--instance` may be
  left out.
- Times are RFC 3339, dates (UTC), `now`, relative (`-7d`, `-36h`) or milliseconds since 1970. Absolute milliseconds are sent.
- Writes need `--yes`. They are tried once, never again: after an error that leaves it open whether the change was made, look.
- `--dry-run` prints method, URL and body, and sends nothing. It needs no token.
- Exit codes: 0 success; 1 Losant refused or could not be reached; 2 wrong usage or configuration, nothing was sent.
- A token needs one of the scopes of an action. For the exporter alone, `all.Instance.read` is enough.
- 401, 403, 405, 429 and 5xx can come from any action, beside the errors that it declares.
";

fn parameters(page: &mut String, parameters: &[Parameter]) {
    let _ = writeln!(page, "\n| Parameter | Values | Default | What it means |\n| --- | --- | --- | --- |");
    for parameter in parameters {
        let Parameter { name, kind, required, default, description } = parameter;
        let default = match (required, default) {
            (true, _) => "required".to_owned(),
            (false, Some(default)) => format!("`{default}`"),
            (false, None) => "not declared".to_owned(),
        };
        let _ = writeln!(page, "| `{name}` | {} | {default} | {description} |", kind.in_words());
    }
}

fn overview(page: &mut String) {
    let _ = writeln!(page, "\n| Action | Request | Kind |\n| --- | --- | --- |");
    for action in Action::all() {
        let kind = match action.access() {
            Access::Read => "read",
            Access::Write => "**write**",
        };
        let _ = writeln!(
            page,
            "| [`{action}`](#{}) | {} `{}` | {kind} |",
            action.label().replace('.', "").to_lowercase(),
            action.method(),
            action.path()
        );
    }
}

fn section(page: &mut String, action: Action) {
    let kind = match (action.access(), action.is_idempotent()) {
        (Access::Read, _) => "Read.",
        (Access::Write, true) => "Write; doing it twice comes to the same as doing it once.",
        (Access::Write, false) => "Write; doing it twice makes two.",
    };
    let errors: Vec<_> = action.declared_errors().iter().map(u16::to_string).collect();
    let scopes: Vec<_> = action.scopes().iter().map(|scope| format!("`{scope}`")).collect();
    let _ = write!(
        page,
        "\n## {action}\n\n{}. {kind}\n\n`{} {}`\n\n- Success: {} `{}`. Declared errors: {}.\n- Scopes, one of: {}.\n",
        action.description(),
        action.method(),
        action.path(),
        action.success_status(),
        action.answer_schema(),
        errors.join(", "),
        scopes.join(", ")
    );
    match action.body() {
        Body::None => {}
        Body::Optional(schema) => {
            let _ = writeln!(page, "- Body: JSON by Losant's schema `{schema}`, may be left out.");
        }
        Body::Required(schema) => {
            let _ = writeln!(page, "- Body: JSON by Losant's schema `{schema}`, required.");
        }
    }
    match action.paging() {
        Paging::None => {}
        Paging::ByPage => page.push_str("- Long lists come by `page` and `perPage`.\n"),
        Paging::ByCursor => page.push_str("- Long lists come by `startingAfterId` and `limit`.\n"),
    }
    if !action.parameters().is_empty() {
        parameters(page, action.parameters());
    }
}

#[test]
fn the_documentation_of_actions_is_up_to_date() {
    let mut page = INTRODUCTION.to_owned();
    overview(&mut page);
    page.push_str("\nEach action also takes these; the exporter sends `false` for all three.\n");
    parameters(&mut page, &GLOBAL_PARAMETERS);
    for action in Action::all() {
        section(&mut page, action);
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/losant-actions.md");
    if std::env::var_os("LOSANT_EXPORTER_WRITE_DOCS").is_some() {
        std::fs::write(&path, &page).expect("docs/losant-actions.md");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/losant-actions.md is stale: run `make docs`");
}
