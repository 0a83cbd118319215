//! Any bytes as a manifest and as a list behind a link: what is read asks for files of a capture alone, each
//! once, and is read again from what is written of it.

#![no_main]

use std::collections::BTreeSet;
use std::path::{Component, Path};

use libfuzzer_sys::fuzz_target;
use logtap_manifest::{Entry, Manifest, ShareList};

fn check<'e>(files: impl Iterator<Item = &'e Entry>) {
    let mut names = BTreeSet::new();
    for file in files {
        let parts: Vec<_> = Path::new(&file.path).components().collect();
        assert_eq!(parts, [Component::Normal(file.path.as_ref())], "one plain name");
        assert!(!file.path.starts_with(['.', '-']) && file.path != "manifest.json");
        assert!(names.insert(file.path.to_ascii_lowercase()), "each once");
        assert_eq!(file.key(), format!("files/{}/{}", &file.sha256[..16], file.path));
    }
}

fuzz_target!(|data: &[u8]| {
    if let Ok(manifest) = Manifest::parse(data) {
        check(manifest.files.iter());
        assert_eq!(Manifest::parse(&manifest.bytes()).as_ref(), Ok(&manifest));
        let _sum = manifest.files.iter().try_fold(0_u64, |sum, file| sum.checked_add(file.size)).expect("sizes add up");
    }
    if let Ok(list) = ShareList::parse(data) {
        check(list.files.iter().map(|file| &file.entry));
        assert_eq!(ShareList::parse(&list.bytes()).as_ref(), Ok(&list));
    }
});
