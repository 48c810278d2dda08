//! A network of one's own, with an address for Losant and a resolver. Nothing in it concerns the machine.
//!
//! The test runs on a thread inside: what it listens on, whom it asks and which processes it starts are all in there.

use std::fs::{self, File};
use std::os::fd::AsFd as _;
use std::process::Command;
use std::sync::Arc;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tempfile::TempDir;

use super::namespaces::{MOUNT, NETWORK, Namespaces};
use crate::components;

/// The address of Losant in there. Of no machine anywhere.
pub const LOSANT: &str = "192.0.2.1";

/// Loopback, the address, and a file that says who is asked for names.
const FURNISH: &str =
    "ip link set lo up; ip addr add 192.0.2.1/32 dev lo; mount --bind \"$1\" /etc/resolv.conf";

/// The network, and mounts in which names are asked for in there.
pub struct Chamber {
    namespaces: Namespaces,
    _folder: TempDir,
}

impl Chamber {
    /// Runs `test` in one, unless the machine does not let it make one.
    pub fn with<T: Future<Output = ()>>(test: impl FnOnce(Arc<Self>) -> T + Send) {
        if !components::has_namespaces() {
            return;
        }
        let chamber = Arc::new(Self::open());
        let network = File::open(chamber.namespaces.way_into(NETWORK)).expect("its network");
        std::thread::scope(|scope| {
            let inside = scope.spawn(|| {
                let kind = Some(LinkNameSpaceType::Network);
                move_into_link_name_space(network.as_fd(), kind).expect("a way in");
                // The threads that it starts are in there, too.
                let runtime =
                    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
                let runtime = runtime.expect("a runtime");
                runtime.block_on(test(chamber));
                runtime.shutdown_background();
            });
            if let Err(panic) = inside.join() {
                std::panic::resume_unwind(panic);
            }
        });
    }

    fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let resolver = folder.path().join("resolv.conf");
        fs::write(&resolver, "nameserver 127.0.0.1\n").expect("a file");
        Self { namespaces: Namespaces::make(&[NETWORK, MOUNT], FURNISH, &resolver), _folder: folder }
    }

    /// The same command, which asks in here for names.
    pub fn inside(&self, command: &Command) -> Command {
        self.namespaces.inside(command)
    }

    /// What becomes of packets to Losant from now on: `DROP`, or `REJECT` with what.
    pub fn cut(&self, port: u16, target: &[&str]) {
        let port = port.to_string();
        let rule = ["-w", "-A", "OUTPUT", "-p", "tcp", "-d", LOSANT, "--dport", &port, "-j"];
        self.namespaces.run("iptables", &[&rule, target].concat());
    }

    /// Lets all packets through again.
    pub fn heal(&self) {
        self.namespaces.run("iptables", &["-w", "-F", "OUTPUT"]);
    }
}
