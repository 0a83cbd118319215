//! The key of `--redact-hash`: outlives restarts, so that a value keeps its
//! token, and is never inside a capture, which is given away.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::error::CliError;
use crate::state_dir;

/// Reads the key, or makes one where there is none.
pub(super) fn load(file: Option<PathBuf>, capture: &Path) -> Result<[u8; 32], CliError> {
    let path = match file {
        Some(path) => path,
        None => default_path()?,
    };
    if is_inside(&path, capture) {
        return Err(CliError::usage(format!(
            "{} lies inside the capture, which is given away; keep the key elsewhere",
            path.display()
        )));
    }
    let failed = |error: &std::io::Error| CliError::at(&path, error);
    match fs::read(&path) {
        Ok(bytes) => <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| {
            CliError::usage(format!(
                "{} is no key: it must hold 32 bytes; remove it to have a new one made",
                path.display()
            ))
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => make(&path).map_err(|error| failed(&error)),
        Err(error) => Err(failed(&error)),
    }
}

fn make(path: &Path) -> std::io::Result<[u8; 32]> {
    let mut key = [0; 32];
    fs::File::open("/dev/urandom")?.read_exact(&mut key)?;
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        state_dir::make(parent)?;
    }
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(&key)?;
    Ok(key)
}

fn default_path() -> Result<PathBuf, CliError> {
    Ok(state_dir::path().map_err(|error| error.hint("name a file with --redact-key-file"))?.join("redact.key"))
}

fn is_inside(path: &Path, capture: &Path) -> bool {
    let absolute = |path: &Path| path.canonicalize().or_else(|_| std::path::absolute(path));
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (absolute(parent), absolute(capture)) {
        (Ok(parent), Ok(capture)) => parent.starts_with(capture),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_once_and_never_in_the_capture() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state/redact.key");
        let first = load(Some(path.clone()), &dir.path().join("capture")).unwrap();
        assert_eq!(load(Some(path), &dir.path().join("capture")).unwrap(), first);
        assert!(load(Some(dir.path().join("capture/key")), &dir.path().join("capture")).is_err());
        fs::create_dir(dir.path().join("capture")).unwrap();
        assert!(load(Some(dir.path().join("capture/../capture/key")), &dir.path().join("capture")).is_err());
    }
}
