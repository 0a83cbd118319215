//! Marks and the last view of a capture, kept in the user's state directory by what identifies the capture.
//! It is a convenience: what cannot be read or written is passed over.

use std::fs;
use std::path::{Path, PathBuf};

use logtap_capture::reader::Capture;
use logtap_view::remembered::Remembered;

use crate::state_dir;

/// Captures of which something is kept; beyond it the one that was looked at longest ago is forgotten.
const MAX_KEPT: usize = 500;

/// Where what is known of a capture is kept; `None` for one without an identity, as of 1.x.
pub(crate) fn place(capture: &Capture) -> Option<PathBuf> {
    let id = capture.metadata.as_ref()?.capture_id.as_ref()?;
    let is_name =
        !id.is_empty() && id.len() <= 100 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    Some(state_dir::path().ok().filter(|_| is_name)?.join("views").join(format!("{id}.json")))
}

/// What was kept.
pub(super) fn load(place: &Path) -> Option<Remembered> {
    Remembered::read(&fs::read(place).ok()?)
}

/// Keeps it, and forgets what is oldest where there is too much.
pub(crate) fn save(place: &Path, remembered: &Remembered) {
    let Some(folder) = place.parent() else { return };
    let kept = state_dir::make(folder).and_then(|()| state_dir::replace(place, remembered.text().as_bytes()));
    if let Err(error) = kept.and_then(|()| forget(folder)) {
        tracing::debug!("the view is not kept in {}: {error}", place.display());
    }
}

fn forget(folder: &Path) -> std::io::Result<()> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.path().extension().is_some_and(|extension| extension == "json") {
            all.push((entry.metadata()?.modified()?, entry.path()));
        }
    }
    all.sort();
    all.iter().rev().skip(MAX_KEPT).try_for_each(|(_, path)| fs::remove_file(path))
}
