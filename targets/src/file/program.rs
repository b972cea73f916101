//! Commands of a target's file: the program is looked for when the file is read, so that what is missing is told with its
//! line.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use dsjepsen_engine::target::NODE_PATH;
use toml::Spanned;

use super::document::Text;
use super::problem::Problem;
use super::template::{Scope, Template};

/// A program with its arguments and environment.
#[derive(Debug, Clone)]
pub(super) struct Command {
    /// Where the program is, as an absolute path.
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<Template>,
    pub(super) environment: BTreeMap<String, Template>,
}

/// What the reading of commands needs to know.
pub(super) struct Surroundings<'a> {
    pub(super) folder: &'a Path,
    pub(super) ports: &'a [u16],
}

impl Command {
    /// Reads a command. A program that is not there is no error of the file: it is added to `missing`.
    pub(super) fn read(
        words: &Spanned<Vec<Text>>,
        environment: &BTreeMap<String, Text>,
        scope: Scope,
        around: &Surroundings<'_>,
        missing: &mut Vec<Problem>,
    ) -> Result<Self, Problem> {
        let Some((first, rest)) = words.get_ref().split_first() else {
            return Err(Problem::new(words.span(), "the command is empty; its first word is the program"));
        };
        let read = |text: &Text| Template::read(text, scope, around.ports);
        let folder = around.folder.display().to_string();
        let program = Template::read(first, Scope::Program, around.ports)?.expand(|_| folder.clone());
        if program.is_empty() {
            return Err(Problem::new(first.span(), "the program has no name"));
        }
        let path = environment.get("PATH").map_or(NODE_PATH, |path| path.get_ref().as_str());
        let found = find(&program, around.folder, path);
        if let Err(why) = &found {
            missing.push(Problem::new(first.span(), why.clone()));
        }
        let variables = environment.iter().map(|(name, value)| Ok((name.clone(), read(value)?)));
        Ok(Self {
            program: found.unwrap_or_default(),
            arguments: rest.iter().map(read).collect::<Result<_, _>>()?,
            environment: variables.collect::<Result<_, Problem>>()?,
        })
    }
}

/// Where a program is: a name is looked for on the search path, anything with a slash beside the file.
fn find(program: &str, folder: &Path, path: &str) -> Result<PathBuf, String> {
    if program.contains('/') {
        let place = folder.join(program);
        return match std::fs::metadata(&place) {
            Err(_) => Err(format!("there is no program {}", place.display())),
            Ok(found) if !found.is_file() => Err(format!("{} is no file", place.display())),
            Ok(found) if found.permissions().mode() & 0o111 == 0 => Err(format!(
                "{0} may not be executed: `chmod +x {0}`, or put its interpreter before it",
                place.display()
            )),
            Ok(_) => Ok(place),
        };
    }
    let executable = |place: &PathBuf| {
        std::fs::metadata(place).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    let places = std::env::split_paths(path).map(|place| place.join(program));
    places.into_iter().find(executable).ok_or_else(|| {
        format!(
            "there is no program `{program}` in {path}: install it, write its full path, or give another PATH in the \
             environment beside the command"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_looked_for_on_the_path_and_a_path_beside_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("run");
        std::fs::write(&script, "#!/bin/sh\n").unwrap();
        let find = |program: &str| find(program, folder.path(), NODE_PATH);
        assert!(find("sh").unwrap().is_absolute());
        assert_eq!(find("/bin/sh").unwrap(), Path::new("/bin/sh"));
        assert!(find("./run").unwrap_err().contains("chmod +x"));
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(find("./run").unwrap(), folder.path().join("./run"));
        assert!(find("run").unwrap_err().contains("there is no program `run` in /usr/local/sbin"));
        assert!(find("./gone").unwrap_err().contains("there is no program"));
        assert!(find("/tmp").unwrap_err().contains("is no file"));
    }
}
