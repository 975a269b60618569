//! Bodies as the command line gives them.

use std::io::Read;

/// The text itself, `@FILE`, or `-` for standard input.
pub(crate) fn read(text: &str) -> Result<Vec<u8>, String> {
    if text == "-" {
        let mut bytes = Vec::new();
        let read = std::io::stdin().lock().read_to_end(&mut bytes);
        read.map_err(|error| format!("standard input cannot be read: {error}"))?;
        return Ok(bytes);
    }
    match text.strip_prefix('@') {
        None => Ok(text.into()),
        Some(file) => {
            std::fs::read(file).map_err(|error| format!("{file} cannot be read: {error}"))
        }
    }
}

/// Whether it is JSON, and can be sent as such without being told.
pub(crate) fn is_json(body: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok()
}
