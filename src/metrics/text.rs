//! Prometheus text 0.0.4, derived from OpenMetrics.
//!
//! Owns: the differences between the two formats. Metrics are written once, as OpenMetrics by `prometheus-client`, and
//! what old readers do not know is renamed or left out here.
//! Must not: look at what a metric means, or change a sample's name, labels or value.

/// The same metrics in text 0.0.4.
///
/// - A counter's family is named like its samples, with `_total`.
/// - Info becomes a gauge named like its samples, with `_info`; a type that 0.0.4 does not know becomes `untyped`.
/// - Units, exemplars and the end marker are left out.
///
/// Expects what `prometheus-client` writes: HELP without escapes, and samples without timestamps (the two formats count
/// those in different units).
pub(super) fn text_from_openmetrics(openmetrics: &str) -> String {
    let mut text = String::with_capacity(openmetrics.len());
    let mut family = Family::default();
    for line in openmetrics.split_terminator('\n') {
        if let Some(metadata) = line.strip_prefix("# ") {
            family.describe(metadata, &mut text);
        } else {
            family.finish(&mut text);
            push_line(&mut text, &[without_exemplar(line)]);
        }
    }
    family.finish(&mut text);
    text
}

/// The family whose lines are being read. Its HELP waits for the type, which decides the name.
#[derive(Default)]
struct Family<'a> {
    name: &'a str,
    help: Option<&'a str>,
    kind: Option<&'a str>,
}

impl<'a> Family<'a> {
    fn describe(&mut self, metadata: &'a str, text: &mut String) {
        let mut words = metadata.splitn(3, ' ');
        let (Some(keyword), Some(name)) = (words.next(), words.next()) else { return };
        let rest = words.next().unwrap_or_default();
        if name != self.name {
            self.finish(text);
            self.name = name;
        }
        match keyword {
            "HELP" => self.help = Some(rest),
            "TYPE" => self.kind = Some(rest),
            _ => {}
        }
    }

    /// Writes what has been gathered, once.
    fn finish(&mut self, text: &mut String) {
        let (kind, suffix) = match self.kind {
            Some("counter") => ("counter", "_total"),
            Some("info") => ("gauge", "_info"),
            Some(kind @ ("gauge" | "histogram" | "summary")) => (kind, ""),
            _ => ("untyped", ""),
        };
        if let Some(help) = self.help.take() {
            push_line(text, &["# HELP ", self.name, suffix, " ", help]);
        }
        if self.kind.take().is_some() {
            push_line(text, &["# TYPE ", self.name, suffix, " ", kind]);
        }
    }
}

fn push_line(text: &mut String, parts: &[&str]) {
    text.extend(parts.iter().copied());
    text.push('\n');
}

fn without_exemplar(sample: &str) -> &str {
    const EXEMPLAR: &str = " # ";
    // Nearly all samples end here.
    if !sample.contains(EXEMPLAR) {
        return sample;
    }
    let (labels, value) = sample.split_at(end_of_labels(sample));
    let value = value.find(EXEMPLAR).map_or(value, |start| &value[..start]);
    &sample[..labels.len() + value.len()]
}

/// Where the brace stands that ends the label set of a sample. Inside a label value, `}` and `#` are just characters.
fn end_of_labels(sample: &str) -> usize {
    let Some(start) = sample.find(['{', ' ']).filter(|&at| sample[at..].starts_with('{')) else { return 0 };
    let mut quoted = false;
    let mut escaped = false;
    for (at, byte) in sample.bytes().enumerate().skip(start) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            b'}' if !quoted => return at,
            _ => {}
        }
    }
    sample.len()
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;
    use prometheus_client::metrics::counter::Counter;
    use prometheus_client::metrics::exemplar::CounterWithExemplar;
    use prometheus_client::metrics::family::Family;
    use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
    use prometheus_client::metrics::histogram::Histogram;
    use prometheus_client::metrics::info::Info;
    use prometheus_client::registry::{Registry, Unit};
    use proptest::prelude::*;

    use super::*;

    type Labels = Vec<(String, String)>;

    fn openmetrics(registry: &Registry) -> String {
        let mut text = String::new();
        encode(&mut text, registry).unwrap();
        text
    }

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// A sample as a strict reader of 0.0.4 sees it.
    #[derive(Debug, PartialEq)]
    struct Sample {
        name: String,
        labels: Labels,
        value: String,
    }

    impl Sample {
        fn new(name: &str, labels: &Labels, value: &str) -> Self {
            Self { name: name.to_owned(), labels: labels.clone(), value: value.to_owned() }
        }
    }

    /// Reads samples by the letter of the format; panics at anything else.
    fn parse(text: &str) -> Vec<Sample> {
        assert!(text.is_empty() || text.ends_with('\n'));
        text.split_terminator('\n').filter(|line| !line.starts_with('#')).map(parse_sample).collect()
    }

    fn parse_sample(line: &str) -> Sample {
        let name_end = line.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap();
        let (name, rest) = line.split_at(name_end);
        let mut labels = Labels::new();
        let mut rest = rest;
        if let Some(inside) = rest.strip_prefix('{') {
            rest = inside;
            while !rest.starts_with('}') {
                rest = if labels.is_empty() { rest } else { rest.strip_prefix(',').unwrap() };
                let (name, quoted) = rest.split_once("=\"").unwrap();
                let (value, behind) = parse_quoted(quoted);
                labels.push((name.to_owned(), value));
                rest = behind;
            }
            rest = &rest[1..];
        }
        let value = rest.strip_prefix(' ').unwrap();
        value.parse::<f64>().unwrap();
        Sample { name: name.to_owned(), labels, value: value.to_owned() }
    }

    fn parse_quoted(text: &str) -> (String, &str) {
        let mut value = String::new();
        let mut letters = text.char_indices();
        loop {
            match letters.next().unwrap() {
                (at, '"') => return (value, &text[at + 1..]),
                (_, '\\') => value.push(match letters.next().unwrap().1 {
                    'n' => '\n',
                    escaped @ ('"' | '\\') => escaped,
                    other => panic!("unknown escape {other:?}"),
                }),
                (_, letter) => value.push(letter),
            }
        }
    }

    #[test]
    fn every_type_that_is_written_becomes_one_that_old_readers_know() {
        let mut registry = Registry::default();
        let requests = Family::<Labels, Counter>::default();
        requests.get_or_create(&labels(&[("action", "get"), ("code", "200")])).inc_by(7);
        registry.register("requests", "Requests", requests);
        let storage = ConstGauge::new(3_i64);
        registry.register_with_unit("storage", "Storage", Unit::Bytes, storage);
        let duration = Histogram::new([0.1, 1.0]);
        duration.observe(0.25);
        registry.register("duration_seconds", "Duration", duration);
        registry.register("build", "Build", Info::new(labels(&[("version", "0.1.0")])));
        insta::assert_snapshot!(text_from_openmetrics(&openmetrics(&registry)), @r#"
        # HELP requests_total Requests.
        # TYPE requests_total counter
        requests_total{action="get",code="200"} 7
        # HELP storage_bytes Storage.
        # TYPE storage_bytes gauge
        storage_bytes 3
        # HELP duration_seconds Duration.
        # TYPE duration_seconds histogram
        duration_seconds_sum 0.25
        duration_seconds_count 1
        duration_seconds_bucket{le="0.1"} 0
        duration_seconds_bucket{le="1.0"} 1
        duration_seconds_bucket{le="+Inf"} 1
        # HELP build_info Build.
        # TYPE build_info gauge
        build_info{version="0.1.0"} 1
        "#);
    }

    #[test]
    fn a_type_unknown_to_old_readers_is_untyped() {
        insta::assert_snapshot!(
            text_from_openmetrics("# HELP a A.\n# TYPE a unknown\na 1\n# TYPE b stateset\n# HELP b B.\nb{b=\"x\"} 1\n# EOF\n"),
            @r#"
            # HELP a A.
            # TYPE a untyped
            a 1
            # HELP b B.
            # TYPE b untyped
            b{b="x"} 1
            "#
        );
    }

    #[test]
    fn a_family_without_samples_or_type_keeps_its_help() {
        insta::assert_snapshot!(
            text_from_openmetrics("# HELP a A.\n# TYPE a counter\n# HELP b B.\n# HELP c C with  two spaces.\n# TYPE c gauge\n# EOF\n"),
            @r"
            # HELP a_total A.
            # TYPE a_total counter
            # HELP b B.
            # HELP c C with  two spaces.
            # TYPE c gauge
            "
        );
    }

    #[test]
    fn exemplars_go_and_whatever_looks_like_one_inside_a_label_stays() {
        let mut registry = Registry::default();
        let family = Family::<Labels, CounterWithExemplar<Labels>>::default();
        let look_alike = labels(&[("path", "} 1 # {a=\"b\"} 2")]);
        family.get_or_create(&look_alike).inc_by(1, Some(labels(&[("trace", "} # {")])), None);
        registry.register("hits", "Hits", family);
        let plain = CounterWithExemplar::<Labels>::default();
        plain.inc_by(4, Some(labels(&[("trace", "abc")])), None);
        registry.register("plain_hits", "Hits", plain);
        let openmetrics = openmetrics(&registry);
        assert_eq!(openmetrics.matches("trace").count(), 2);
        assert_eq!(
            parse(&text_from_openmetrics(&openmetrics)),
            [
                Sample::new("hits_total", &look_alike, "1"),
                Sample::new("plain_hits_total", &Labels::new(), "4")
            ]
        );
    }

    #[test]
    fn nothing_becomes_nothing() {
        assert_eq!(text_from_openmetrics("# EOF\n"), "");
        assert_eq!(text_from_openmetrics(""), "");
    }

    proptest! {
        #[test]
        fn label_values_and_values_survive(
            samples in proptest::collection::btree_map("([\"\\\\\n#} {,=a\r]|\\PC){0,12}", any::<i64>(), 0..6),
            trace in "([\"\\\\\n#} {]|\\PC){0,6}",
        ) {
            let mut registry = Registry::default();
            let gauges = Family::<Labels, Gauge>::default();
            let counters = Family::<Labels, CounterWithExemplar<Labels>>::default();
            let mut expected = Vec::new();
            for (label, &value) in &samples {
                let set = labels(&[("name", label), ("other", "x")]);
                gauges.get_or_create(&set).set(value);
                counters.get_or_create(&set).inc_by(value.unsigned_abs(), Some(labels(&[("trace", &trace)])), None);
                expected.push(Sample::new("g", &set, &value.to_string()));
                expected.push(Sample::new("c_total", &set, &value.unsigned_abs().to_string()));
            }
            registry.register("g", "A gauge", gauges);
            registry.register("c", "A counter", counters);
            let mut seen = parse(&text_from_openmetrics(&openmetrics(&registry)));
            let order = |sample: &Sample| (sample.labels.clone(), sample.name != "g");
            seen.sort_by_key(order);
            expected.sort_by_key(order);
            prop_assert_eq!(seen, expected);
        }

        #[test]
        fn no_text_breaks_it(text: String) {
            text_from_openmetrics(&text);
        }
    }
}
