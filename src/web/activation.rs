//! Listening sockets that systemd has opened.
//!
//! Owns: taking them over, as `systemd.socket(5)` hands them in.
//! Must not: open a socket.

use std::io;

use listenfd::ListenFd;
use tokio::net::TcpListener;

/// Why there is nothing to listen on.
#[derive(Debug, thiserror::Error)]
pub enum ActivationError {
    /// The process was not started for a socket.
    #[error("systemd has handed in no socket: LISTEN_FDS is not set for this process")]
    None,
    /// One of them is not for TCP.
    #[error("socket {number} of systemd cannot be listened on; it has to be a TCP socket (ListenStream=)")]
    Unusable {
        /// Counted from 1.
        number: usize,
        /// What is wrong with it.
        source: io::Error,
    },
}

/// All sockets that were handed in; there is one at least.
pub fn systemd_sockets() -> Result<Vec<TcpListener>, ActivationError> {
    let mut handed_in = ListenFd::from_env();
    let mut listeners = Vec::new();
    for index in 0..handed_in.len() {
        let refuse = |source| ActivationError::Unusable { number: index.saturating_add(1), source };
        let Some(listener) = handed_in.take_tcp_listener(index).map_err(refuse)? else { continue };
        listener.set_nonblocking(true).map_err(refuse)?;
        listeners.push(TcpListener::from_std(listener).map_err(refuse)?);
    }
    if listeners.is_empty() { Err(ActivationError::None) } else { Ok(listeners) }
}
