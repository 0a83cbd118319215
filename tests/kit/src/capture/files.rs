//! The files of a capture folder and their bytes.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The data files in name order: `*.jsonl` and `*.jsonl.zst` except index and audit.
///
/// # Errors
/// When the folder cannot be read.
pub fn data_files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let data = name.ends_with(".jsonl") || name.ends_with(".jsonl.zst");
        if data && name != "index.jsonl" && !name.starts_with("audit") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// What `zstd -dc` makes of a file, and its complaint if it had one.
///
/// # Errors
/// When `zstd` cannot be started.
pub fn zstd_cat(path: &Path) -> io::Result<(Vec<u8>, Option<String>)> {
    let output = Command::new("zstd").arg("-dcq").arg(path).stdin(Stdio::null()).output()?;
    let complaint = (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).trim().to_owned());
    Ok((output.stdout, complaint))
}

/// Every byte under a folder: all files, whatever their name, as they are, and those that begin as
/// zstd also decompressed. For searching text that must not be there.
///
/// # Errors
/// When a folder cannot be read or `zstd` cannot be started. Files that vanish meanwhile are left
/// out.
pub fn raw_bytes(dir: &Path) -> io::Result<Vec<u8>> {
    const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
    let mut out = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let Ok(bytes) = std::fs::read(&path) else {
                continue;
            };
            if bytes.starts_with(&ZSTD) {
                out.extend_from_slice(&zstd_cat(&path)?.0);
                out.push(b'\n');
            }
            out.extend_from_slice(&bytes);
            out.push(b'\n');
        }
    }
    Ok(out)
}
