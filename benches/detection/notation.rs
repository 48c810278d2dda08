//! The notation in which `promtool test rules` reads samples.

use std::fmt::Write as _;

/// Writes values, one a step: `7+0x4` for five times 7, `_x3` for three times nothing. Where a series ends it is marked as ended,
/// as Prometheus does when a scrape lacks it.
pub fn write(line: &mut String, values: impl Iterator<Item = Option<u64>>) {
    let mut values = values.peekable();
    let mut was_there = false;
    while let Some(value) = values.next() {
        let mut times = 1;
        while values.next_if_eq(&value).is_some() {
            times += 1;
        }
        match value {
            Some(value) if times == 1 => write!(line, "{value} "),
            Some(value) => write!(line, "{value}+0x{} ", times - 1),
            None if was_there && times > 1 => write!(line, "stale _x{} ", times - 1),
            None if was_there => write!(line, "stale "),
            None => write!(line, "_x{times} "),
        }
        .expect("memory");
        was_there = value.is_some();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(values: &[Option<u64>]) -> String {
        let mut line = String::new();
        write(&mut line, values.iter().copied());
        line.trim_end().to_owned()
    }

    #[test]
    fn what_stays_the_same_is_written_once_and_an_end_is_marked() {
        let values = [None, None, Some(7), Some(7), Some(7), Some(9), None, None, Some(0), None];
        assert_eq!(written(&values), "_x2 7+0x2 9 stale _x1 0 stale");
    }
}
