//! Where colours change, in `grafana/src/thresholds.ts`, next to what alerts compare with.

use super::series::Known;

/// What a comment there says the numbers below it are, and they are not.
pub fn differences(source: &str, known: &Known) -> Vec<String> {
    let mut wrong = Vec::new();
    for (comment, constant) in constants(source) {
        for name in series(comment) {
            let Some(threshold) = known.thresholds.get(name) else {
                wrong.push(format!("{name} is no threshold"));
                continue;
            };
            if !numbers(constant).any(|number| number.total_cmp(threshold).is_eq()) {
                wrong.push(format!("{name} is {threshold}, unlike {constant}"));
            }
        }
    }
    wrong
}

/// How many series the comments name.
pub fn named(source: &str) -> usize {
    constants(source).map(|(comment, _)| series(comment).count()).sum()
}

/// Each constant on the line below its comment.
fn constants(source: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = source.lines().zip(source.lines().skip(1));
    lines.filter(|(comment, constant)| comment.starts_with("/**") && constant.starts_with("export const"))
}

fn series(comment: &str) -> impl Iterator<Item = &str> {
    comment.split([' ', ',', '.']).filter(|word| word.starts_with("losant:") && word.ends_with(":threshold"))
}

/// The numbers of `steps(GOOD, [0.9, ATTENTION], [1, BAD])`, or of a constant that is one.
fn numbers(constant: &str) -> impl Iterator<Item = f64> {
    constant
        .split(|letter: char| !letter.is_ascii_digit() && letter != '.')
        .filter_map(|word| word.parse().ok())
}
