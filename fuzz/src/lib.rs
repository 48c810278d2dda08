//! What has to hold whatever comes in from outside, a module for each way in.
//!
//! Each module has one function `check`, which takes bytes and panics where something does not hold. The targets in `fuzz_targets`
//! hand it what libFuzzer makes up; the test below hands it the seeds, on any toolchain.

#![forbid(unsafe_code)]

pub mod addresses;
pub mod config;
pub mod exposition;
mod fleet;
mod form;
pub mod glob;
pub mod negotiate;
pub mod page;
pub mod parameters;
pub mod resume;
pub mod rules;
mod samples;
mod scratch;
pub mod status;
pub mod web_config;
pub mod wire;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    /// Runs all seeds of a target through it.
    fn run(target: &str, check: fn(&[u8])) {
        let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
        let seeds: Vec<_> =
            fs::read_dir(seeds).expect("seeds").map(|seed| seed.expect("a file").path()).collect();
        assert!(!seeds.is_empty());
        for seed in seeds {
            eprintln!("{}", seed.display());
            check(&fs::read(seed).expect("a seed"));
        }
        // Nothing at all is a seed, too.
        check(b"");
    }

    macro_rules! seeds {
        ($($target:ident)*) => {$(
            #[test]
            fn $target() {
                run(stringify!($target), crate::$target::check);
            }
        )*};
    }

    seeds! { addresses config exposition glob negotiate page parameters resume rules status web_config wire }

    #[test]
    fn each_target_has_seeds_that_are_run_here() {
        let names = |folder: &str| {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
            let entries = fs::read_dir(folder).expect("a folder");
            let name = |path: std::path::PathBuf| path.file_stem()?.to_str().map(str::to_owned);
            let mut names: Vec<_> =
                entries.filter_map(|entry| name(entry.expect("an entry").path())).collect();
            names.sort();
            names
        };
        assert_eq!(names("fuzz_targets"), names("seeds"));
        assert_eq!(names("seeds").len(), 12);
    }
}
