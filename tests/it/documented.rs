//! What the documentation says is so: links lead somewhere, commands run, expressions name series that there are.
//!
//! A command that cannot be run here (it needs a cluster, root, or the net) is stood in for; `programs` lists those, with the
//! reason of each.

mod commands;
mod document;
mod expressions;
mod links;
mod messages;
mod programs;
mod settings;
mod sources;
mod stage;

use document::Document;

#[test]
fn links_of_the_documents_lead_somewhere() {
    let documents = Document::all();
    let problems: Vec<_> =
        documents.iter().flat_map(|document| links::problems(document, &documents)).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn expressions_in_the_documents_are_promql_about_series_that_there_are() {
    let problems: Vec<_> = Document::all().iter().flat_map(expressions::problems).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn settings_and_subcommands_in_the_documents_are_there() {
    let problems: Vec<_> = Document::all().iter().flat_map(settings::problems).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn files_and_functions_that_the_documents_name_are_there() {
    let problems: Vec<_> = Document::all().iter().flat_map(sources::problems).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    let planted = Document::new(
        "docs/planted.md",
        "`poll/reviews.rs`, `Store::puts`, `poll/review.rs`, `Store::put`\n",
    );
    assert_eq!(sources::problems(&planted).len(), 2);
}

#[test]
fn messages_that_the_troubleshooting_quotes_are_said() {
    let problems: Vec<_> = Document::all().iter().flat_map(messages::problems).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    let planted = Document::new(
        "docs/troubleshooting.md",
        "`the token file was eaten`, `… 3 polls that were never tried`\n",
    );
    assert_eq!(messages::problems(&planted).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_in_the_documents_run() {
    let stage = stage::Stage::set().await;
    let mut problems = Vec::new();
    for document in Document::all() {
        problems.extend(commands::problems(&document, &stage));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Each of these is a mistake that a change of the program could make of a document.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_no_longer_works_is_noticed() {
    let stage = stage::Stage::set().await;
    for (command, why) in [
        ("losant-exporter check --config.path=<FILE>", "unexpected argument"),
        ("losant-exporter chekc", "unrecognized subcommand"),
        ("losant-exporter once | grep losant_org_payloads_per_day", "exit code 1"),
        ("kubectl -n <NAMESPACE> exec <POD> -- losant-exporter api instanceOrgs.list", "instanceOrgs.list"),
        ("losant-exporter api instanceOrg.get --org <ORGANISATION>", "nothing is put in for <ORGANISATION>"),
        ("curl -s http://localhost:10066/-/alive", "curl ended with exit code 22"),
        ("losant-exporter-ctl status", "losant-exporter-ctl"),
        ("make everything", "everything"),
        ("cargo bench --bench unknown", "unknown"),
        ("losant-exporter serve --web.telemetry-path=/-/ready", "telemetry-path"),
    ] {
        let document = Document::new("planted.md", &format!("```console\n$ {command}\n```\n"));
        let problems = commands::problems(&document, &stage).join("\n");
        assert!(problems.contains("planted.md:2") && problems.contains(why), "{command}: {problems:?}");
    }
    let toml = Document::new("planted.md", "```toml\n[polling]\ndiscovery_interval = \"5m\"\n```\n");
    let problems = commands::problems(&toml, &stage).join("\n");
    assert!(problems.contains("discovery_interval"), "{problems}");
}

#[test]
fn a_link_an_expression_or_a_setting_that_is_wrong_is_noticed() {
    let of = |text: &str| Document::new("docs/planted.md", text);
    let others = [of("# One\n\n## A `b.c`, d\n\n## One\n"), Document::new("README.md", "# Top\n")];
    let link = |text: &str| links::problems(&of(text), &others).join("\n");
    for right in [
        "[a](planted.md#a-bc-d)",
        "[a](#one-1)",
        "[a](../README.md#top)",
        "[a](../src)",
        "[a](https://x.example)",
    ] {
        assert_eq!(link(&format!("# One\n\n## One\n\n{right}\n")), "", "{right}");
    }
    for wrong in [
        "[a](missing.md)",
        "[a](../README.md#bottom)",
        "[a](#two)",
        "![a](images/none.png)",
        "[a](../../outside)",
    ] {
        assert!(link(&format!("# One\n\n{wrong}\n")).starts_with("docs/planted.md:3: "), "{wrong}");
    }
    let expression = |text: &str| expressions::problems(&of(text)).join("\n");
    assert!(
        expression("```promql\nsum(losant_org_payload_today)\n```\n").contains("losant_org_payload_today")
    );
    assert!(expression("```promql\nsum(losant_org_payloads_today\n```\n").contains("planted.md:2"));
    assert!(expression("`losant_org_device`").contains("losant_org_device"));
    assert!(expression("`losant_org_devices{org=\"a\"}`").contains("no label org"));
    assert_eq!(expression("`losant_org_devices{org_id=\"a\"}`, `losant_org_*`, `losant_{L}_devices`"), "");
    let setting = |text: &str| settings::problems(&of(text)).join("\n");
    assert!(setting("`polling.discovery_interval`").contains("polling.discovery_interval"));
    assert!(setting("`losant-exporter chekc`").contains("chekc"));
    assert!(setting("`losant-exporter check --offline`").contains("--offline"));
    assert_eq!(
        setting("`polling.sweep_interval`, `losant-exporter check --online`, `losant-exporter api …`"),
        ""
    );
}
