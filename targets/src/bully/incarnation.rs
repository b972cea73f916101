//! Counts the starts of a node in a file, so that nobody takes what it says after a restart for what it said before.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// The file in the data directory.
const FILE: &str = "incarnation";

/// Counts this start, durably, and gives its number.
///
/// # Errors
/// Where the file cannot be read or written, or holds no number.
pub(crate) fn count_start(data: &Path) -> io::Result<u64> {
    let path = data.join(FILE);
    let before = match fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().map_err(io::Error::other)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error),
    };
    let now: u64 = before + 1;
    // A node may be killed at any moment: the file always holds the old number or the new one.
    let draft = data.join(format!("{FILE}.new"));
    let mut file = File::create(&draft)?;
    file.write_all(now.to_string().as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, &path)?;
    File::open(data)?.sync_all()?;
    Ok(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_start_is_counted_and_noise_is_an_error() {
        let data = tempfile::tempdir().unwrap();
        for expected in 1..4 {
            assert_eq!(count_start(data.path()).unwrap(), expected);
        }
        fs::write(data.path().join(FILE), "three").unwrap();
        assert!(count_start(data.path()).is_err());
        assert!(count_start(&data.path().join("missing")).is_err());
    }
}
