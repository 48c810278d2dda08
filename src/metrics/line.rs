//! One series as a line, which is the same in both formats.
//!
//! Owns: the spelling of names, ids, label values and numbers. It is written for speed: a page has a million lines.
//! Must not: know what a family means.

use super::catalogue;
use crate::usage::{Id, Level};

/// What all lines of a family begin with, for scopes of one level in one instance.
#[derive(Debug)]
pub(super) struct Frame {
    before_id: Vec<u8>,
    /// Follows the id: its quote, and what comes before the other labels.
    after_id: &'static [u8],
}

impl Frame {
    /// The frame of the family `name` for scopes of `level`, where scopes of `levels` (a bit each) have series in it: all of
    /// them carry the same labels.
    pub(super) fn new(name: &str, level: Level, levels: u8, instance: Id) -> Self {
        let mut before_id = Vec::with_capacity(160);
        before_id.extend_from_slice(name.as_bytes());
        before_id.push(b'{');
        if level != Level::Instance {
            before_id.extend_from_slice(b"instance_id=\"");
            instance.write_hex(&mut before_id);
            before_id.extend_from_slice(b"\",");
        }
        let has_orgs = levels >> Level::Org as u8 & 1 == 1;
        if level == Level::Sandbox && has_orgs {
            before_id.extend_from_slice(b"org_id=\"\",");
        }
        before_id.extend_from_slice(catalogue::own_id_label(level).as_bytes());
        before_id.extend_from_slice(b"=\"");
        let has_sandboxes = levels >> Level::Sandbox as u8 & 1 == 1;
        let after_id: &[u8] =
            if level == Level::Org && has_sandboxes { b"\",sandbox_id=\"\"" } else { b"\"" };
        Self { before_id, after_id }
    }

    /// Writes the line of the scope with this id, its other labels given as text.
    pub(super) fn write(&self, text: &mut Vec<u8>, id: Id, labels: &[u8], value: f64) {
        text.extend_from_slice(&self.before_id);
        id.write_hex(text);
        text.extend_from_slice(self.after_id);
        text.extend_from_slice(labels);
        text.extend_from_slice(b"} ");
        write_value(text, value);
        text.push(b'\n');
    }
}

/// Writes a label that follows another.
pub(super) fn write_label(text: &mut Vec<u8>, name: &str, value: &str) {
    text.push(b',');
    text.extend_from_slice(name.as_bytes());
    text.extend_from_slice(b"=\"");
    write_escaped(text, value);
    text.push(b'"');
}

/// Both formats escape the same three characters.
fn write_escaped(text: &mut Vec<u8>, value: &str) {
    for byte in value.bytes() {
        match byte {
            b'\n' => text.extend_from_slice(b"\\n"),
            b'"' | b'\\' => text.extend_from_slice(&[b'\\', byte]),
            _ => text.push(byte),
        }
    }
}

/// Whole numbers up to 2^53 are exact in a double, and read better without a decimal point.
fn write_value(text: &mut Vec<u8>, value: f64) {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() <= EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53: the cast is exact")]
        let whole = value as i64;
        text.extend_from_slice(itoa::Buffer::new().format(whole).as_bytes());
    } else {
        // As `prometheus-client` writes what stands on the same page.
        text.extend_from_slice(dtoa::Buffer::new().format(value).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(digit: u8) -> Id {
        format!("{digit:024x}").parse().unwrap()
    }

    fn line(level: Level, levels: &[Level], labels: &[(&str, &str)], value: f64) -> String {
        let levels = levels.iter().fold(0, |levels, level| levels | 1 << *level as u8);
        let (mut text, mut label_text) = (Vec::new(), Vec::new());
        for (name, value) in labels {
            write_label(&mut label_text, name, value);
        }
        let id = id(if level == Level::Instance { 1 } else { 2 });
        Frame::new("a", level, levels, self::id(1)).write(&mut text, id, &label_text, value);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn each_level_carries_its_ids() {
        let written = |level| line(level, &[level], &[], 1.0);
        insta::assert_snapshot!(Level::ALL.map(written).concat(), @r#"
        a{instance_id="000000000000000000000001"} 1
        a{instance_id="000000000000000000000001",org_id="000000000000000000000002"} 1
        a{instance_id="000000000000000000000001",sandbox_id="000000000000000000000002"} 1
        "#);
    }

    #[test]
    fn a_family_of_two_levels_has_the_ids_of_both_in_all_lines() {
        let both = [Level::Org, Level::Sandbox];
        insta::assert_snapshot!(both.map(|level| line(level, &both, &[], 1.0)).concat(), @r#"
        a{instance_id="000000000000000000000001",org_id="000000000000000000000002",sandbox_id=""} 1
        a{instance_id="000000000000000000000001",org_id="",sandbox_id="000000000000000000000002"} 1
        "#);
    }

    #[test]
    fn values_are_escaped() {
        let labels = [("name", "a\"b\\c\nd{}#,é"), ("empty", "")];
        insta::assert_snapshot!(line(Level::Instance, &[Level::Instance], &labels, 1.0), @r#"
        a{instance_id="000000000000000000000001",name="a\"b\\c\nd{}#,é",empty=""} 1
        "#);
    }

    proptest! {
        #[test]
        fn every_value_can_be_read_back(value: String) {
            let line = line(Level::Instance, &[Level::Instance], &[("name", &value)], 1.0);
            let written = line.split_once(",name=\"").unwrap().1.strip_suffix("\"} 1\n").unwrap();
            let (mut read, mut letters) = (String::new(), written.chars());
            while let Some(letter) = letters.next() {
                prop_assert!(letter != '"' && letter != '\n', "{}", written);
                read.push(match letter {
                    '\\' => match letters.next() {
                        Some('n') => '\n',
                        Some(escaped @ ('"' | '\\')) => escaped,
                        other => panic!("\\{other:?} in {written}"),
                    },
                    letter => letter,
                });
            }
            prop_assert_eq!(read, value);
        }
    }

    #[test]
    fn whole_numbers_have_no_decimal_point_and_others_are_exact() {
        let value = |value: f64| {
            let line = line(Level::Instance, &[Level::Instance], &[], value);
            line.trim_end().rsplit_once(' ').unwrap().1.to_owned()
        };
        let values = [0.0, -0.0, 1e15, -7.0, 9_007_199_254_740_992.0, 0.1, 1_773_757_425.25, 1e300, -2.5e-7];
        for number in values {
            #[expect(clippy::float_cmp, reason = "nothing may be lost")]
            let same = value(number).parse::<f64>().unwrap() == number;
            assert!(same, "{number}");
        }
        assert_eq!([0.0, -0.0, 1e15, 0.1].map(value), ["0", "0", "1000000000000000", "0.1"]);
    }
}
