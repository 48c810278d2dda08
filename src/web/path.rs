//! The path under which metrics are served.

use super::status;

/// Why metrics cannot be served under a path. Does not repeat the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidTelemetryPath(&'static str);

/// Checks that metrics can be served under `path` without hiding another page.
///
/// Only plain characters are allowed: a path that a router reads as a pattern, or a proxy writes differently, is a
/// trap.
pub fn check_telemetry_path(path: &str) -> Result<(), InvalidTelemetryPath> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    let problem = if !path.starts_with('/') {
        "it must start with /"
    } else if path == "/" {
        "/ is the start page"
    } else if matches!(path, status::JSON | status::CONFIGURATION) {
        "it is a page of the exporter already"
    } else if path == "/-" || path.starts_with("/-/") {
        "/-/ is kept for the exporter's own pages"
    } else if !path.bytes().all(plain) {
        "only letters, digits and - . _ ~ / are allowed"
    } else if path.contains("//") || path.split('/').any(|segment| segment == "." || segment == "..") {
        "clients rewrite paths with //, /./ or /../"
    } else {
        return Ok(());
    };
    Err(InvalidTelemetryPath(problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_paths_are_fine() {
        for path in ["/metrics", "/a/b.c/", "/probe-1_x~", "/-x"] {
            assert_eq!(check_telemetry_path(path), Ok(()), "{path}");
        }
    }

    #[test]
    fn others_are_refused_with_the_problem() {
        let refused = |path: &str| check_telemetry_path(path).unwrap_err().to_string();
        insta::assert_snapshot!(refused("metrics"), @"it must start with /");
        insta::assert_snapshot!(refused("/"), @"/ is the start page");
        insta::assert_snapshot!(refused("/config"), @"it is a page of the exporter already");
        insta::assert_snapshot!(refused("/status.json"), @"it is a page of the exporter already");
        insta::assert_snapshot!(refused("/-/ready"), @"/-/ is kept for the exporter's own pages");
        insta::assert_snapshot!(refused("/{tenant}"), @"only letters, digits and - . _ ~ / are allowed");
        insta::assert_snapshot!(refused("//metrics"), @"clients rewrite paths with //, /./ or /../");
        for path in ["", "/-", "/-/", "/*", "/:a", "/a?b", "/a#b", "/a b", "/a%20b", "/ä", "/a/../b", "/a\n"]
        {
            assert!(check_telemetry_path(path).is_err(), "{path}");
        }
    }
}
