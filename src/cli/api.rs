//! `api`: any action of the Losant API, by hand.

mod hint;
mod list;
mod table;

use std::io::Read as _;

use anyhow::{Context as _, anyhow, bail};
use clap::ValueEnum;
use prometheus_client::registry::Registry;
use serde_json::Value;

use super::flags::{self, ConfigFlags, LogFlags, ShardFlags, WebFlags};
use super::{Exit, account, output, runtimes, suggest};
use crate::app::Account;
use crate::clock::Clock;
use crate::config;
use crate::logging;
use crate::losant::{
    Action, BaseUrl, Client, ClientMetrics, Error, Ids, Paging, Problem, Request, RequestError, Writer,
};
use crate::usage::Id;

/// Flags of `api`.
#[derive(Clone, Debug, clap::Args)]
#[command(
    after_help = "Times are RFC 3339, dates, now, relative (-7d, -36h) or milliseconds since 1970.\n\n\
                        Examples:\n  \
                        losant-exporter api instanceOrgs.get --all-pages --output table\n  \
                        losant-exporter api instance.payloadCounts --param start=-7d --param end=now\n  \
                        losant-exporter api instanceOrg.patch --org ID --body changes.json --dry-run\n\n\
                        Exit codes: 0 success, 1 Losant refused or could not be reached, 2 wrong usage or \
                        configuration (nothing was sent)."
)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own on the command line")]
pub(super) struct ApiArgs {
    /// Action to call, for example instanceOrgs.get
    #[arg(value_name = "ACTION", required_unless_present = "list", value_parser = suggest::action)]
    action: Option<Action>,
    /// List all actions with their parameters and scopes
    #[arg(long, conflicts_with = "action")]
    list: bool,
    /// Account of the configuration to call with [default: the only one]
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// Id of the instance [default: the only one that the account configures]
    #[arg(long, value_name = "ID")]
    instance: Option<Id>,
    /// Id of the org
    #[arg(long, value_name = "ID")]
    org: Option<Id>,
    /// Id of the sandbox user
    #[arg(long, value_name = "ID")]
    sandbox: Option<Id>,
    /// Query parameter; can be given several times
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = parameter)]
    parameters: Vec<(String, String)>,
    /// File with the JSON body, or - for standard input
    #[arg(long, value_name = "FILE")]
    body: Option<String>,
    /// How to print the answer
    #[arg(long, value_enum, default_value_t = Output::Json)]
    output: Output,
    /// Fetch all pages of a list, and print them as one
    #[arg(long)]
    all_pages: bool,
    /// Do it, even though it changes something at Losant
    #[arg(long)]
    yes: bool,
    /// Print method, URL and body, and send nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    config: ConfigFlags,
    #[command(flatten)]
    log: LogFlags,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// As Losant answers, indented
    Json,
    /// Lists, counts and payloads by type as a table
    Table,
}

fn parameter(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Calls an action and prints the answer. An error means that nothing was sent.
pub(super) fn run(args: &ApiArgs) -> anyhow::Result<Exit> {
    // Without an action there is nothing but the list to ask for: the flags see to that.
    let Some(action) = args.action else {
        return Ok(output::print(&list::all_actions()));
    };
    let flags = flags::merge(args.config.clone(), WebFlags::default(), ShardFlags::default(), args.log);
    let loaded = config::load(&flags)?;
    logging::init(loaded.config.log.level, loaded.config.log.format);
    let (name, account) = account::find(&loaded.config.accounts, args.account.as_deref())?;
    let clock = Clock::system();
    let request = request(args, action, &account.instances, &clock)?;
    let table = match args.output {
        Output::Json => None,
        Output::Table => Some(table::of(action).with_context(|| {
            format!("{action}: there is no table for its answer; print it with --output json")
        })?),
    };
    if args.all_pages {
        check_all_pages(&request)?;
    }
    let base_url: BaseUrl = account.base_url.parse().context("base_url")?;
    if args.dry_run {
        return Ok(output::print(&preview(&request, &base_url)));
    }
    if matches!(request, Request::Write(_)) && !args.yes {
        bail!("{}", refusal(&request, &base_url));
    }
    let connection = account::connection(&loaded, name, account)?;
    let answer = runtimes::block_on(call(connection.clone(), request.clone(), args.all_pages, clock))?;
    match answer {
        Ok(body) => Ok(print_answer(table, &request, &body)),
        Err(error) => {
            output::complain(&anyhow!(hint::explain(&error, &connection)));
            Ok(Exit::Failure)
        }
    }
}

/// The request that the flags ask for.
fn request(args: &ApiArgs, action: Action, instances: &[Id], clock: &Clock) -> anyhow::Result<Request> {
    let only_instance = match instances {
        [one] if action.level().is_some() => Some(*one),
        _ => None,
    };
    let ids = Ids { instance: args.instance.or(only_instance), org: args.org, sandbox: args.sandbox };
    let parameters = args.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let body = args.body.as_deref().map(read_body).transpose()?;
    Request::new(action, ids, parameters, body, clock.now())
        .map_err(|error| anyhow!("{error}{}", hint_at_usage(&error)))
}

/// What to do about a request that the table does not allow.
fn hint_at_usage(error: &RequestError) -> String {
    match &error.problem {
        Problem::MissingId(level) => format!("; give it with --{level} ID"),
        Problem::NeedlessId(level) => format!("; leave out --{level}"),
        Problem::UnknownParameter(name) => {
            let known = error.action.parameters().iter().map(|parameter| parameter.name);
            let suggestion = suggest::nearest(name, known).map(|near| format!(", did you mean {near}?"));
            format!("{}; known parameters: {}", suggestion.unwrap_or_default(), error.known_parameters())
        }
        Problem::MissingBody(_) => "; give it with --body FILE".to_owned(),
        Problem::NeedlessBody => "; leave out --body".to_owned(),
        Problem::RepeatedParameter(_)
        | Problem::MissingParameter(_)
        | Problem::Value(..)
        | Problem::BodyNoObject => String::new(),
    }
}

fn read_body(file: &str) -> anyhow::Result<Value> {
    let mut text = Vec::new();
    if file == "-" {
        std::io::stdin().lock().read_to_end(&mut text).context("body on standard input")?;
    } else {
        text = std::fs::read(file).with_context(|| format!("body {file}"))?;
    }
    let from = if file == "-" { "on standard input" } else { file };
    serde_json::from_slice(&text).map_err(|error| anyhow!("body {from}: not JSON: {error}"))
}

fn check_all_pages(request: &Request) -> anyhow::Result<()> {
    let action = request.call().action;
    match action.paging() {
        Paging::None => bail!("{action}: its answer has no pages; leave out --all-pages"),
        Paging::ByPage if request.parameter("page").is_some() => {
            bail!("{action}: parameter page picks one page; leave it out, or --all-pages")
        }
        Paging::ByPage | Paging::ByCursor => Ok(()),
    }
}

/// What would be sent, but for the token.
fn preview(request: &Request, base_url: &BaseUrl) -> String {
    let mut preview = format!("{} {}\n", request.call().action.method(), request.url(base_url));
    if let Some(body) = request.body() {
        preview += &pretty(body);
    }
    preview
}

/// Why a write was not made: one line that says exactly what it would have been.
fn refusal(request: &Request, base_url: &BaseUrl) -> String {
    let call = request.call();
    let body = request.body().map(|body| format!(" with body {body}")).unwrap_or_default();
    format!(
        "{call}: not sent, because it changes something at Losant: {} {}{body}; --yes does it, --dry-run shows it",
        call.action.method(),
        request.url(base_url)
    )
}

/// Makes the request. The outer error means that nothing was sent.
async fn call(
    account: Account,
    request: Request,
    all_pages: bool,
    clock: Clock,
) -> anyhow::Result<Result<Value, Error>> {
    let metrics = ClientMetrics::register(&mut Registry::default());
    let config = account.client_config()?;
    let answer = match request {
        Request::Read(read) => {
            let client = Client::new(config, clock, metrics)?;
            if all_pages { client.call_all(&read).await } else { client.call(&read).await }
        }
        Request::Write(write) => Writer::new(config, clock, metrics)?.call(&write).await,
    };
    Ok(answer.map(|answer| answer.body))
}

fn print_answer(table: Option<table::Table>, request: &Request, body: &Value) -> Exit {
    let Some(table) = table else { return output::print(&pretty(body)) };
    let in_bytes = request.parameter("asBytes") == Some("true");
    let printed = output::print(&table.render(body, in_bytes));
    if let Some(note) = table::what_is_missing(body) {
        output::note(&note);
    }
    printed
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}
