//! Programs that a test needs and a machine may lack. `scripts/components` installs them.
//!
//! Where `CI` is set, a missing one fails the test. Elsewhere the test says what it leaves out.

use std::path::PathBuf;

/// The path of an installed program.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    found(name, std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file()))
}

/// A Python that has `prometheus_client`.
pub fn python() -> Option<PathBuf> {
    let python = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".cache/python/bin/python");
    found("prometheus_client (Python)", Some(python).filter(|path| path.exists()))
}

/// A Python that has this module.
pub fn python_with(module: &str) -> Option<PathBuf> {
    let python = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".cache/python/bin/python");
    let has = |python: &PathBuf| {
        let import = std::process::Command::new(python).args(["-c", &format!("import {module}")]).output();
        import.is_ok_and(|output| output.status.success())
    };
    found(&format!("{module} (Python)"), Some(python).filter(has))
}

/// The compiler and the types that the generator of dashboards needs.
pub fn dashboard_generator() -> Option<()> {
    let modules = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("grafana/node_modules");
    let name = "@grafana/schema with typescript (npm)";
    found(
        name,
        Some(modules).filter(|it| it.join("@grafana/schema").exists() && it.join(".bin/tsc").exists()),
    )
    .map(|_| ())
}

/// Chromium, Node.js, and the program in `tests/browser` that has them look at the status page.
pub fn browser() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    let modules = Some(folder.join("node_modules")).filter(|it| it.join("axe-core").exists());
    found("axe-core with playwright-core (npm)", modules)?;
    program("node")?;
    program("chromium")?;
    Some(folder.join("status.mjs"))
}

/// Whether a test may make networks and mounts of its own, and has what it takes.
pub fn has_namespaces() -> bool {
    let has = |name: &str| program(name).is_some();
    if !(has("unshare") && has("nsenter") && has("ip") && has("iptables")) {
        return false;
    }
    let made = std::process::Command::new("unshare").args(["--net", "--mount", "true"]).output();
    let made = made.is_ok_and(|output| output.status.success());
    found("the right to make namespaces (root)", made.then(PathBuf::new)).is_some()
}

/// What a process preloads that is told another time, as the dynamic linker reads it.
pub fn faketime() -> Option<String> {
    let shown = std::process::Command::new(program("faketime")?)
        .args(["-m", "-f", "+0", "sh", "-c", "echo \"$LD_PRELOAD\""])
        .output();
    let library = shown.ok().and_then(|output| String::from_utf8(output.stdout).ok());
    let library = library.map(|path| path.trim().to_owned()).filter(|path| !path.is_empty());
    found("the library of faketime", library.clone().map(PathBuf::from)).and(library)
}

fn found(name: &str, path: Option<PathBuf>) -> Option<PathBuf> {
    if path.is_none() {
        assert!(std::env::var_os("CI").is_none(), "{name} is missing; scripts/components installs it");
        eprintln!("SKIPPED, because {name} is missing: part of this test");
    }
    path
}
