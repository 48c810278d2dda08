//! The configuration file.
//!
//! What is refused is refused in one line that begins with the file, and names a key or a line. A token that somebody puts into the
//! file is never repeated. What is accepted is shown as a file that means the same.

use losant_exporter::config::{ConfigError, Flags, Loaded, load};

use crate::scratch;

/// Looks like a token, and stands in no input.
const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.c2VjcmV0.dG9rZW4";

/// Checks a text as the configuration, and once more with a token in it.
pub fn check(data: &[u8]) {
    let read = read(data);
    if let Ok(loaded) = &read {
        let shown = loaded.config.as_toml();
        let again = self::read(shown.as_bytes());
        let again = again.unwrap_or_else(|error| panic!("what is shown is refused: {error}\n{shown}"));
        assert_eq!(again.config, loaded.config, "what is shown means something else:\n{shown}");
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    // A line within a text of several is a part of a value, and values may be repeated.
    if TOKEN.split('.').any(|part| text.contains(part)) || text.contains("\"\"\"") || text.contains("'''") {
        return;
    }
    for key in ["token", "api_token", "authorization"] {
        for value in [format!("\"{TOKEN}\""), TOKEN.to_owned()] {
            let with_token = scratch::with_line(text, &format!("{key} = {value}"));
            let error = self::read(with_token.as_bytes()).err();
            let said = error.map(|error| error.to_string()).unwrap_or_default();
            assert!(!TOKEN.split('.').any(|part| said.contains(part)), "a token is repeated: {said}");
        }
    }
}

fn read(content: &[u8]) -> Result<Loaded, ConfigError> {
    let file = scratch::file("config.toml", content);
    let read = load(&Flags { config_file: Some(file.clone()), ..Flags::default() });
    if let Err(error) = &read {
        let said = error.to_string();
        assert!(!said.contains(char::is_control), "more than one line: {said:?}");
        let place = said.strip_prefix(&format!("{}: ", file.display()));
        let place = place.unwrap_or_else(|| panic!("the file is not named: {said}"));
        let is_named = place.starts_with("key ")
            || place.contains(" line ")
            || place.starts_with("is not UTF-8 from byte ");
        assert!(is_named, "neither key nor line is named: {said}");
    }
    read
}
