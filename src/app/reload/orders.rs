//! What is done when an operator says so over HTTP.

use std::pin::Pin;

use tracing::info;

use super::Reloader;
use crate::logging::{Level, LogControl};
use crate::web::Orders;

/// Passes on what comes over HTTP.
pub(in crate::app) struct HttpOrders {
    pub(in crate::app) reloader: Reloader,
    pub(in crate::app) log: Option<LogControl>,
}

impl Orders for HttpOrders {
    fn reload(&self) -> Pin<Box<dyn Future<Output = Result<String, String>> + Send + '_>> {
        Box::pin(async { Ok(self.reloader.reload("a request to /-/reload").await?.to_string()) })
    }

    fn log_level(&self) -> String {
        self.log.as_ref().map(LogControl::level).unwrap_or_default().to_string()
    }

    fn set_log_level(&self, level: &str) -> Result<(), String> {
        let level: Level = level.parse().map_err(|error| format!("{error}"))?;
        let Some(log) = &self.log else { return Err("this process does not log".to_owned()) };
        let before = log.level();
        let tell = || info!(%level, %before, "the log level is changed until the next reload");
        tell();
        log.set_level(level);
        if matches!(before, Level::Error | Level::Warn) {
            // Nobody heard it before.
            tell();
        }
        Ok(())
    }
}
