use std::path::Path;

use serde_json::Value;

use super::*;

#[test]
fn the_table_stands_in_the_order_of_the_enum() {
    for (index, row) in TABLE.iter().enumerate() {
        assert_eq!(row.action as usize, index, "{}", row.name);
        assert!(!row.description.is_empty() && !row.description.ends_with('.'), "{}", row.name);
        assert_eq!(row.name.parse(), Ok(row.action));
    }
    assert!("instance.fetch".parse::<Action>().is_err());
}

#[test]
fn names_say_the_resource_and_paths_end_in_what_is_counted() {
    for (level, resource) in
        [(Level::Instance, "instance"), (Level::Org, "instanceOrg"), (Level::Sandbox, "instanceSandbox")]
    {
        for (count, leaf) in [
            (Count::Payloads, "payloadCounts"),
            (Count::PayloadsBreakdown, "payloadCountsBreakdown"),
            (Count::Devices, "deviceCounts"),
            (Count::NotebookMinutes, "notebookMinuteCounts"),
        ] {
            let action = Action::count(level, count);
            assert_eq!(action.label(), format!("{resource}.{leaf}"));
            assert!(action.path().ends_with(&format!("/{leaf}")), "{action}");
            assert_eq!(action.level(), Some(level), "{action}");
        }
    }
    assert_eq!(Action::InstancesGet.level(), None);
}

#[test]
fn reading_scopes_open_reads_and_reports_only() {
    for action in Action::all() {
        let scopes = action.scopes();
        let open = scopes.iter().any(|scope| scope == "all.User.read");
        let report = action == Action::InstanceGenerateReport;
        assert_eq!(open, action.access() == Access::Read || report, "{action}");
        let of_instance = scopes.iter().any(|scope| scope.starts_with("all.Instance"));
        assert_eq!(of_instance, action != Action::InstancesGet, "{action}");
        assert_eq!(scopes.last().map(String::as_str), Some(action.label()));
    }
    assert_eq!(
        Action::InstanceOrgDelete.scopes(),
        [
            "all.Instance",
            "all.Instance.bounded",
            "all.User",
            "all.User.bounded",
            "instanceOrg.*",
            "instanceOrg.delete"
        ]
    );
}

#[test]
fn seven_actions_write_and_only_those_that_create_are_not_idempotent() {
    let named = |wanted: fn(Action) -> bool| {
        Action::all().filter(|action| wanted(*action)).map(Action::label).collect::<Vec<_>>()
    };
    assert_eq!(
        named(|action| action.access() == Access::Write),
        [
            "instance.patch",
            "instance.generateReport",
            "instanceOrgs.post",
            "instanceOrg.patch",
            "instanceOrg.delete",
            "instanceSandbox.delete",
            "instanceSandbox.undelete"
        ]
    );
    assert_eq!(named(|action| !action.is_idempotent()), ["instance.generateReport", "instanceOrgs.post"]);
}

/// The description of the API that its maker publishes, where it lies beside the project.
fn published() -> Option<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/losant-schemas/apiInfo.instances.json");
    let text = std::fs::read_to_string(&path).ok()?;
    Some(serde_json::from_str(&text).unwrap())
}

fn texts(list: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut texts: Vec<_> = list.as_array().into_iter().flatten().map(text).collect();
    texts.sort();
    texts
}

#[test]
fn the_table_says_what_the_published_description_says() {
    let Some(published) = published() else {
        #[expect(clippy::print_stderr, reason = "a test says what it leaves out")]
        {
            eprintln!("left out: the published description of the API is not here");
        }
        return;
    };
    let resources =
        ["instances", "instance", "instanceOrgs", "instanceOrg", "instanceSandboxes", "instanceSandbox"];
    let mut known = 0;
    for resource in resources {
        for (name, theirs) in published[resource]["actions"].as_object().unwrap() {
            let action: Action = format!("{resource}.{name}").parse().unwrap();
            known += 1;
            assert_eq!(theirs["method"], action.method().as_str(), "{action}");
            let leaf = theirs["path"].as_str().unwrap_or_default();
            let path = format!("{}{leaf}", published[resource]["path"].as_str().unwrap())
                .replace("instanceId}", "instance}")
                .replace("orgId}", "org}")
                .replace("instanceSandboxId}", "sandbox}");
            assert_eq!(path, action.path());
            let (bodies, queries): (Vec<_>, Vec<_>) =
                theirs["params"].as_array().into_iter().flatten().partition(|param| param["in"] == "body");
            let body = bodies.first().map(|body| {
                let schema = body["schema"]["$ref"].as_str().unwrap().trim_start_matches("#/definitions/");
                (schema.to_owned(), body["required"] == true)
            });
            assert_eq!(
                body,
                match action.body() {
                    Body::None => None,
                    Body::Optional(schema) => Some((schema.to_owned(), false)),
                    Body::Required(schema) => Some((schema.to_owned(), true)),
                },
                "{action}"
            );
            assert_eq!(queries.len(), action.parameters().len(), "{action}");
            for theirs in queries {
                let ours = action.parameter(theirs["name"].as_str().unwrap()).unwrap();
                let of = format!("{action} {}", ours.name);
                let default = theirs.get("default").map(|value| texts(&Value::Array(vec![value.clone()])));
                assert_eq!(ours.default.map(|text| vec![text.to_owned()]), default, "{of}");
                assert_eq!(ours.required, theirs["required"] == true, "{of}");
                let mut choices = match ours.kind {
                    Kind::Choice(choices) => choices.to_vec(),
                    _ => Vec::new(),
                };
                choices.sort_unstable();
                assert_eq!(choices, texts(&theirs["enum"]), "{of}");
                assert_eq!(ours.kind == Kind::Json, theirs["type"] == "object", "{of}");
                let time = theirs["description"].as_str().unwrap().contains("epoch") || ours.name == "month";
                assert_eq!(ours.kind == Kind::Time, time, "{of}");
            }
            let mut errors = Vec::new();
            for (status, answer) in theirs["responses"].as_object().unwrap() {
                let status: u16 = status.parse().unwrap();
                if status >= 400 {
                    errors.push(status);
                    continue;
                }
                assert_eq!(status, action.success_status(), "{action}");
                assert_eq!(
                    answer["schema"]["$ref"].as_str(),
                    Some(format!("#/definitions/{}", action.answer_schema()).as_str())
                );
            }
            assert_eq!(errors, action.declared_errors(), "{action}");
        }
    }
    assert_eq!(known, TABLE.len());
}
