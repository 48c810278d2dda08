//! What a client would rather have: the lists with quality values of HTTP (RFC 9110, sections 5.6 and 12.4).
//!
//! Owns: splitting such a list, reading its parameters and qualities, and weighing what several elements say of the
//! same thing.
//! Must not: know what there is to choose from.

/// How much something is wanted: the quality of the most specific element that covers it.
#[derive(Default)]
pub(super) struct Wish {
    specificity: Option<u8>,
    quality: f64,
}

impl Wish {
    /// Takes an element into account that covers the thing, this specifically; nothing, when it does not.
    pub(super) fn hear(&mut self, specificity: Option<u8>, quality: f64) {
        if specificity.is_none() || specificity < self.specificity {
            return;
        }
        let more_specific = specificity > self.specificity;
        self.quality = if more_specific { quality } else { self.quality.max(quality) };
        self.specificity = specificity;
    }

    /// Zero for what nobody named, and for what is excluded.
    pub(super) fn quality(&self) -> f64 {
        self.quality
    }
}

/// The elements of all header lines of one name.
pub(super) fn elements<'a>(headers: impl IntoIterator<Item = &'a str>) -> impl Iterator<Item = Element<'a>> {
    headers.into_iter().flat_map(|header| split(header, ',')).filter_map(Element::parse)
}

/// One element of a list.
pub(super) struct Element<'a> {
    /// What comes before the parameters.
    pub(super) name: &'a str,
    /// One, unless a parameter says otherwise.
    pub(super) quality: f64,
    /// All parameters but the quality.
    pub(super) parameters: Vec<(&'a str, String)>,
}

impl<'a> Element<'a> {
    /// Nothing, when the quality is none: such an element cannot be weighed.
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = split(text, ';');
        let mut element = Self { name: parts.next()?.trim(), quality: 1.0, parameters: Vec::new() };
        for (name, value) in parts.filter_map(|parameter| parameter.split_once('=')) {
            let (name, value) = (name.trim(), unquote(value.trim()));
            if name.eq_ignore_ascii_case("q") {
                element.quality = quality(&value)?;
            } else {
                element.parameters.push((name, value));
            }
        }
        Some(element)
    }
}

fn quality(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.parse().ok().filter(|quality| plain && (0.0..=1.0).contains(quality))
}

/// Splits at `separator`, except inside quoted strings.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let mut escaped = false;
    text.split(move |character| {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => return character == separator && !quoted,
        }
        false
    })
}

fn unquote(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return value.to_owned();
    };
    let mut escaped = false;
    let keep = |character: &char| {
        escaped = *character == '\\' && !escaped;
        !escaped
    };
    inner.chars().filter(keep).collect()
}
