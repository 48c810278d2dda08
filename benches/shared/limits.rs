//! What a bench prints, and the limits that it holds.

use std::fmt::Display;
use std::process::ExitCode;

/// The limits of a run.
#[derive(Default)]
pub struct Limits {
    missed: Vec<String>,
}

impl Limits {
    /// Prints a figure that has a limit, and notes whether it is kept.
    pub fn check(&mut self, name: &str, value: impl Display, limit: &str, is_kept: bool) {
        let verdict = if is_kept { "kept" } else { "MISSED" };
        print_figure(name, format!("{value}  [{verdict}: {limit}]"));
        if !is_kept {
            self.missed.push(format!("{name}: {value}, limit {limit}"));
        }
    }

    /// Names the limits that were missed. The run fails when there are any.
    pub fn verdict(&self) -> ExitCode {
        for missed in &self.missed {
            println!("\nMISSED  {missed}");
        }
        if self.missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// Begins a part of the run.
pub fn print_title(title: &str) {
    println!("\n{title}");
}

/// Prints something that was measured.
pub fn print_figure(name: &str, value: impl Display) {
    println!("  {name:<48} {value}");
}
