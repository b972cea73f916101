//! Files that are replaced whole, so that nobody reads half of one; the one place where a file is written and renamed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// As many symbolic links as Linux follows, path_resolution(7).
const MOST_LINKS: usize = 40;

/// What a path stands for, to somebody who is going to write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A file, or nothing so far: it can be replaced whole. The path is the one behind all symbolic links.
    File(PathBuf),
    /// A device, a pipe, a folder, or what somebody has open (`/dev/stdout`): a rename would put a file in its place.
    Other,
}

impl Destination {
    /// What this path stands for.
    ///
    /// # Errors
    /// Where that cannot be found out, as in a circle of links.
    pub fn of(path: &Path) -> io::Result<Self> {
        match fs::metadata(path) {
            Ok(found) if !found.is_file() => return Ok(Self::Other),
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            Ok(_) | Err(_) => {}
        }
        let mut path = path.to_owned();
        for _ in 0..=MOST_LINKS {
            if is_descriptor(&path) {
                return Ok(Self::Other);
            }
            match fs::symlink_metadata(&path) {
                Ok(found) if found.is_symlink() => {
                    let to = fs::read_link(&path)?;
                    path = path.parent().unwrap_or(Path::new("")).join(to);
                }
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                Ok(_) | Err(_) => return Ok(Self::File(path)),
            }
        }
        Err(io::Error::other("there are too many symbolic links"))
    }
}

/// Whether this is one of the open files of a process: its text need not name the file that is open.
fn is_descriptor(path: &Path) -> bool {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    folder.ends_with("fd") && folder.canonicalize().is_ok_and(|folder| folder.starts_with("/proc"))
}

/// The file that [`replace_file`] would replace: this one, or the one behind its symbolic links.
///
/// # Errors
/// Where it exists and is no regular file.
pub fn replaceable(path: &Path) -> io::Result<PathBuf> {
    match Destination::of(path)? {
        Destination::File(path) => Ok(path),
        Destination::Other => Err(io::Error::other("it is no file that can be replaced")),
    }
}

/// Writes a file beside the one that is to be replaced, and renames it: whoever reads sees the old one or the new one.
///
/// # Errors
/// Those of `content`, and where the file cannot be written or is none that can be replaced ([`replaceable`]). The file is then what
/// it was, and nothing is left beside it.
pub fn replace_file<T, E: From<io::Error>>(
    path: &Path,
    content: impl FnOnce(&mut BufWriter<File>) -> Result<T, E>,
) -> Result<T, E> {
    let path = replaceable(path)?;
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(format!(".{}.tmp", std::process::id()));
    let fresh = PathBuf::from(fresh);
    let mut file = BufWriter::new(create(&fresh)?);
    let written = content(&mut file).and_then(|result| {
        // What a buffer still holds when it is dropped would be lost without a word.
        file.flush()?;
        fs::rename(&fresh, &path)?;
        Ok(result)
    });
    if written.is_err() {
        let _ = fs::remove_file(&fresh);
    }
    written
}

/// Makes a file that is not there: what another process of this number may have left is removed, never written through.
fn create(path: &Path) -> io::Result<File> {
    let create = || OpenOptions::new().write(true).create_new(true).open(path);
    match create() {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            fs::remove_file(path)?;
            create()
        }
        created => created,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use super::*;

    fn replace(path: &Path, text: &str) -> io::Result<()> {
        replace_file(path, |file| file.write_all(text.as_bytes()))
    }

    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn links_are_followed_to_what_they_name_also_where_that_is_not_there_yet() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("below")).unwrap();
        symlink("below/second", at("first")).unwrap();
        symlink("../file", at("below/second")).unwrap();
        for text in ["new", "newer"] {
            replace(&at("first"), text).unwrap();
            assert_eq!(fs::read_to_string(at("file")).unwrap(), text);
        }
        assert!(at("first").is_symlink() && at("below/second").is_symlink());
        assert_eq!(names(folder.path()), ["below", "file", "first"]);
        assert_eq!(names(&at("below")), ["second"]);
    }

    #[test]
    fn what_is_no_file_stays_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        assert!(Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
        fs::create_dir(at("folder")).unwrap();
        symlink("pipe", at("to-pipe")).unwrap();
        symlink("circle", at("circle")).unwrap();
        let before = names(folder.path());
        for name in ["pipe", "folder", "to-pipe", "circle"] {
            let kind = fs::symlink_metadata(at(name)).unwrap().file_type();
            replace(&at(name), "text").unwrap_err();
            assert_eq!(fs::symlink_metadata(at(name)).unwrap().file_type(), kind, "{name}");
        }
        assert_eq!(names(folder.path()), before);
    }

    #[test]
    fn what_somebody_has_open_is_not_replaced_under_its_owner() {
        use std::os::fd::AsRawFd;
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        let open = File::create(&file).unwrap();
        for descriptors in ["/dev/fd", "/proc/self/fd"] {
            let _ = fs::remove_file(&link);
            symlink(format!("{descriptors}/{}", open.as_raw_fd()), &link).unwrap();
            assert_eq!(Destination::of(&link).unwrap(), Destination::Other, "{descriptors}");
            replace(&link, "text").unwrap_err();
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), "");
    }

    #[test]
    fn a_writer_that_fails_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        replace(&file, "old").unwrap();
        replace_file(&file, |out| {
            out.write_all(b"half")?;
            Err::<(), _>(io::Error::other("full"))
        })
        .unwrap_err();
        assert_eq!(fs::read_to_string(&file).unwrap(), "old");
        assert_eq!(names(folder.path()), ["file"]);
    }

    #[test]
    fn what_another_process_left_is_not_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let (file, other) = (folder.path().join("file"), folder.path().join("other"));
        fs::write(&other, "other").unwrap();
        symlink(&other, folder.path().join(format!("file.{}.tmp", std::process::id()))).unwrap();
        replace(&file, "new").unwrap();
        assert_eq!(fs::read_to_string(&other).unwrap(), "other");
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert!(!file.is_symlink());
    }
}
