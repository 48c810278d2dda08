//! `once`: one full poll, the metrics on standard output.

use clap::ValueEnum;
use tracing::{info, warn};

use super::{Exit, output, runtimes, serve};
use crate::clock::Clock;
use crate::logging;
use crate::metrics::negotiate::Format;

/// Flags of `once`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct OnceArgs {
    #[command(flatten)]
    serve: serve::ServeArgs,
    /// How to print the metrics
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    format: OutputFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum OutputFormat {
    /// Prometheus text format 0.0.4, as promtool and the textfile collector read it
    Text,
    /// OpenMetrics 1.0
    Openmetrics,
}

/// Polls everything once. Fails when any poll failed; what could be read is printed all the same.
pub(super) fn run(args: &OnceArgs) -> anyhow::Result<Exit> {
    let loaded = args.serve.load()?;
    logging::init(loaded.config.log.level, loaded.config.log.format);
    let format = match args.format {
        OutputFormat::Text => Format::Text,
        OutputFormat::Openmetrics => Format::OpenMetrics,
    };
    runtimes::block_on(async {
        let clock = Clock::system();
        let app = serve::put_together(&loaded, clock.clone())?;
        let control = app.control();
        let running = app.run(Vec::new(), serve::shutdown(clock)?);
        info!("polling everything once, at the pace that the budget allows");
        let mut running = std::pin::pin!(running);
        let polled = async {
            match control.poll_now().await {
                Some(report) => (report, control.text(format).await),
                // Stopped: how, the other branch tells.
                None => std::future::pending().await,
            }
        };
        let (report, text) = tokio::select! {
            polled = polled => polled,
            ended = &mut running => {
                serve::exit_of(ended);
                warn!("interrupted before everything was polled: nothing is printed");
                return Ok(Exit::Failure);
            }
        };
        let printed = output::print(&text?);
        if report.failed > 0 {
            warn!(succeeded = report.succeeded, failed = report.failed, "some polls failed");
        }
        Ok(if report.failed == 0 { printed } else { Exit::Failure })
    })
}
